// What compaction asks of the index: is this record the one that counts, and take this new address for it.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "engine/address.h"
#include "engine/shard_lock.h"

namespace torc {

/// All under the lock of the slot's shard.
class LiveIndex {
  public:
    virtual ~LiveIndex() = default;
    virtual ShardLock& shard_lock(ShardId shard) = 0;
    /// Hints, for many keys first the one, then the other: refers_to() and relocate() will look there soon.
    virtual void prefetch_bucket(DbId, SlotId, uint64_t /*hash*/) {}
    virtual void prefetch_record(DbId, SlotId, uint64_t /*hash*/) {}
    virtual bool refers_to(DbId db, SlotId slot, uint64_t hash, LogAddress address) = 0;
    /// The entry that refers to `from` refers to `to` afterwards, and the live bytes move along. False when
    /// there's none: the record has been replaced meanwhile.
    virtual bool relocate(DbId db, SlotId slot, uint64_t hash, LogAddress from, LogAddress to,
                          uint32_t padded_size) = 0;
};

}  // namespace torc
