// The end of tombstones. A key that was deleted longer than tombstone-horizon ago may be forgotten once
// nobody holds anything older that would come back: every owner has this very tombstone, and every other
// member either has it too or knows nothing of the key (CORRECTNESS 10; PITFALLS 2). All members have to be
// up to say so, and no move may be under way. An owner that misses the word to drop it gives it back by
// anti-entropy, and it's tried again.
//
// On its worker's thread; a few shards at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/cell_copy.h"
#include "node/coordinator.h"

namespace torc {

class Reaper {
  public:
    Reaper(Coordinator& coordinator, CellCopy& copy);

    /// Looks at a few shards for tombstones that this node answers for.
    void on_timer();

  private:
    class ReapOp;
    bool everybody_is_up() const;

    Coordinator& coordinator_;
    ClusterCore& cluster_;
    CellCopy& copy_;
    void start(ShardId shard);

    unsigned next_shard_ = 0;
    unsigned running_ = 0;
};

}  // namespace torc
