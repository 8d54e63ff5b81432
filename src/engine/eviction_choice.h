// What becomes of values under pressure where the store alone doesn't decide: on a cluster a key is deleted
// by one node, by a write that the other replicas are sent (CORRECTNESS 18). Store::evict_step finds who
// should go, as it does for itself; this says how.
//
// Called with the lock of the record's shard held, or with none (the methods without a record); one thread at
// a time. Nothing of the store may be called from here.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "engine/record.h"

namespace torc {

class EvictionChoice {
  public:
    enum class Fate : uint8_t {
        stays,    // nothing to be done about it here
        busy,     // ... at the moment: it's on its way, or too many are
        unloads,  // its entry becomes the address in the log, once it's written
        goes,     // take() will have it deleted
    };
    struct Verdict {
        Fate fate = Fate::stays;
        bool first = false;                // of no use in memory: before all others
        int64_t expire_at_ms = kNoExpiry;  // for volatile-ttl
    };

    virtual ~EvictionChoice() = default;
    /// Could some of the shard's records go?
    virtual bool may_take_of(ShardId shard) = 0;
    virtual Verdict judge(SlotId slot, const Record& record) = 0;
    /// The record is the one to go, and will be deleted soon.
    virtual void take(SlotId slot, const Record& record) = 0;
    /// Memory that what was taken and isn't deleted yet will free.
    virtual uint64_t promised_bytes() const = 0;
};

}  // namespace torc
