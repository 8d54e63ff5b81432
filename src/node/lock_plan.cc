#include "node/lock_plan.h"

#include <algorithm>

namespace torc {

void LockPlan::settle() {
    if (all_) {
        shards_.resize(kShards);
        for (unsigned i = 0; i < kShards; ++i) shards_[i] = static_cast<ShardId>(i);
        return;
    }
    std::sort(shards_.begin(), shards_.end());
    shards_.erase(std::unique(shards_.begin(), shards_.end()), shards_.end());
}

bool HeldLocks::try_take(const LockPlan& plan) {
    release();
    for (const ShardId shard : plan.shards()) {
        if (!store_.shard_lock(shard).try_lock()) {
            release();
            blocked_by_ = shard;
            return false;
        }
        several_.push_back(shard);
    }
    all_ = plan.all();
    return true;
}

void HeldLocks::release() {
    if (one_ != kNone) {
        store_.shard_lock(static_cast<ShardId>(one_)).unlock();
        one_ = kNone;
    }
    // Downwards, so that a waiter woken by the first release finds the rest free soon.
    for (size_t i = several_.size(); i-- > 0;) store_.shard_lock(several_[i]).unlock();
    several_.clear();
    all_ = false;
}

}  // namespace torc
