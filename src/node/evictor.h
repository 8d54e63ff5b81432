// Eviction on a cluster, one per worker: keys are deleted by a write of this node's that the other replicas
// are sent, as a DEL (CORRECTNESS 18). Only the settled first owner of a shard does so, with its own copy, so
// no two replicas evict at once. What isn't this node's to delete, and what the policy spares, moves to the
// log as under noeviction, where there is one; so do tombstones, first of all.
//
//   Store::evict_step --judge()--> who could go --take()--> queue --run()--> the command `evict` --> WriteOp
//
// The command looks again: a key that was used or written since it was chosen stays.
//
// On its worker's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/eviction_choice.h"
#include "node/bus_executor.h"
#include "node/evictions_under_way.h"

namespace torc {

struct WorkerCore;

class Evictor final : public EvictionChoice {
  public:
    explicit Evictor(WorkerCore& worker);

    /// Deletes what was taken since the last call; some of it perhaps later (a locked shard). At the turn's
    /// end.
    void run();

    bool may_take_of(ShardId shard) override;
    Verdict judge(SlotId slot, const Record& record) override;
    void take(SlotId slot, const Record& record) override;
    uint64_t promised_bytes() const override { return under_way_.promised_bytes(); }

  private:
    bool spares_what_stays() const;  // by its policy: what has no time to live

    struct Taken {
        std::string key;
        std::string mark;
        uint64_t hash = 0;
    };

    WorkerCore& worker_;
    EvictionsUnderWay& under_way_;
    std::unique_ptr<BusExecutor> executor_;  // null: nothing had to be evicted yet
    std::vector<Taken> taken_;
};

}  // namespace torc
