// The end of ended actors (CORRECTNESS 16; repl/cell_trim.h). A key whose context has grown long is trimmed
// by the node that decides for it, when the key has just been written: it asks all members for their cells.
// An entry is retired when its actor has ended, nobody has written under it within tombstone-horizon, and all
// owners have seen all of it; and only while no member holds anything that this node doesn't know. A counter
// whose entries still count becomes a value first, by a write that changes nothing that is seen.
//
// The actor has ended when it's no member's present one, and wasn't during half of tombstone-horizon: so a
// node has to be up for that long before it trims. What a node outside of the ring brings, and a floor would
// hide, isn't taken from it (internal_commands.cc, offer).
//
// On its worker's thread; a few keys at a time.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "node/actor_history.h"
#include "node/cell_copy.h"
#include "node/coordinator.h"

namespace torc {

class Trimmer {
  public:
    Trimmer(Coordinator& coordinator, CellCopy& copy);

    /// The key's context lists more entries than usual. Soon forgotten: it's for the next write to say so
    /// again.
    void want(std::string key);
    void on_timer();

  private:
    class TrimOp;
    bool is_worth_asking(const std::string& key, const EndedBefore& ended);
    void start(std::string key, const EndedBefore& ended);

    Coordinator& coordinator_;
    ClusterCore& cluster_;
    CellCopy& copy_;
    boost::unordered_flat_set<std::string> wanted_;
    boost::unordered_flat_map<std::string, int64_t> asked_ms_;  // not again for a while
    unsigned running_ = 0;
};

}  // namespace torc
