// The store as compaction sees it.
#pragma once

#include "engine/live_index.h"
#include "engine/store.h"

namespace torc {

class StoreLiveIndex final : public LiveIndex {
  public:
    explicit StoreLiveIndex(Store& store) : store_(store) {}

    ShardLock& shard_lock(ShardId shard) override { return store_.shard_lock(shard); }
    void prefetch_bucket(DbId db, SlotId slot, uint64_t hash) override {
        store_.prefetch_bucket(db, {{}, hash, slot});
    }
    void prefetch_record(DbId db, SlotId slot, uint64_t hash) override {
        store_.prefetch_record(db, {{}, hash, slot});
    }
    bool refers_to(DbId db, SlotId slot, uint64_t hash, LogAddress address) override {
        return store_.refers_to(db, slot, hash, address);
    }
    bool relocate(DbId db, SlotId slot, uint64_t hash, LogAddress from, LogAddress to,
                  uint32_t padded_size) override {
        return store_.relocate(db, slot, hash, from, to, padded_size);
    }

  private:
    Store& store_;
};

}  // namespace torc
