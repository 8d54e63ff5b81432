// Which shards a command needs, and holding them: all or none, in ascending order, never waiting (CORRECTNESS
// 6).
#pragma once

#include <vector>

#include "base/types.h"
#include "engine/shard_lock.h"
#include "engine/store.h"

namespace torc {

/// The shards of one command or transaction. Not thread-safe; one per worker, used again.
class LockPlan {
  public:
    void clear() {
        shards_.clear();
        all_ = false;
    }
    void add(ShardId shard) { shards_.push_back(shard); }
    void add_all() { all_ = true; }
    bool all() const { return all_; }
    bool empty() const { return shards_.empty() && !all_; }

    /// Sorts and removes repeats; call once after the last add().
    void settle();
    const std::vector<ShardId>& shards() const { return shards_; }

  private:
    std::vector<ShardId> shards_;
    bool all_ = false;
};

/// Locks held by the running command; released by release() or the destructor.
class HeldLocks {
  public:
    explicit HeldLocks(Store& store) : store_(store) {}
    ~HeldLocks() { release(); }
    HeldLocks(const HeldLocks&) = delete;
    HeldLocks& operator=(const HeldLocks&) = delete;

    /// True when all are held. Otherwise none is, and blocked_by() tells which shard stood in the way.
    bool try_take(const LockPlan& plan);
    /// One shard, for commands of one key and for walkers; keeps it when it's held already.
    bool try_take_one(ShardId shard) {
        if (one_ == shard) return true;
        release();
        if (!store_.shard_lock(shard).try_lock()) {
            blocked_by_ = shard;
            return false;
        }
        one_ = shard;
        return true;
    }
    void release();
    ShardId blocked_by() const { return blocked_by_; }
    bool holds_all() const { return all_; }

  private:
    static constexpr int kNone = -1;

    Store& store_;
    int one_ = kNone;
    std::vector<ShardId> several_;
    bool all_ = false;
    ShardId blocked_by_ = 0;
};

}  // namespace torc
