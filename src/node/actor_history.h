// Which actors are at work, and which were a while ago (node/trimmer.h). An actor is one run of a node.
//
// Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "repl/dot.h"

namespace torc {

class ActorHistory {
  public:
    /// These are the present ones of all members, this node's among them. Monotonic milliseconds.
    void see(std::span<const ActorId> present, int64_t now_ms);
    /// Those that have been at work during the last `for_ms`, in rising order. Nothing when that isn't known:
    /// it's longer than this node has been looking on.
    std::optional<std::vector<ActorId>> at_work(int64_t now_ms, int64_t for_ms);

  private:
    std::mutex mutex_;
    std::vector<ActorId> present_;
    std::map<ActorId, int64_t> left_ms_;     // those that are present no more: since when
    std::optional<int64_t> known_since_ms_;  // whoever has left later is in left_ms_
};

/// Context entries whose actors aren't at work, last written under before a moment of cluster time.
struct EndedBefore {
    std::vector<ActorId> at_work;  // in rising order
    int64_t before_ms = 0;

    bool operator()(const Dot& entry) const {
        return stamp_ms(entry.stamp) < before_ms && !std::ranges::binary_search(at_work, entry.actor);
    }
};

}  // namespace torc
