#include "node/evictor.h"

#include <utility>

#include "base/config.h"
#include "base/consistency.h"
#include "cluster/slots.h"
#include "engine/allocation.h"
#include "node/cell_keyspace.h"
#include "node/coordinator.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/worker_core.h"
#include "node/write_op.h"

namespace torc {
namespace {

constexpr Consistency kLevel = Consistency::quorum;

}  // namespace

Evictor::Evictor(WorkerCore& worker) : worker_(worker), under_way_(worker.node.cluster->evictions) {}

/// There's something, it's for this node to decide by everybody's count and not only by that of its
/// datacenter, and there's a quorum to tell.
bool Evictor::may_take_of(ShardId shard) {
    Coordinator& coordinator = *worker_.coordinator;
    const ClusterCore& cluster = *worker_.node.cluster;
    const ShardCells& cells = cluster.cells[shard];
    const auto& there = spares_what_stays() ? cells.with_expiry : cells.keys;
    const bool sloppy = worker_.node.config.live.sloppy_quorum.load(std::memory_order_relaxed);
    unsigned have = 0, need = 0;
    return there.load(std::memory_order_relaxed) > 0 && coordinator.trusts_own_copy(shard) &&
           answers_for(coordinator.topology(), cluster.self, shard) &&
           WriteOp::possible(coordinator.plan(shard), kLevel, sloppy, have, need) &&
           !worker_.node.log_is_failing();
}

bool Evictor::spares_what_stays() const {
    return is_volatile(static_cast<MaxmemoryPolicy>(worker_.node.config.live.maxmemory_policy.load()));
}

EvictionChoice::Verdict Evictor::judge(SlotId slot, const Record& record) {
    const auto view = CellView::parse(record.value());
    if (!view) return {};
    if (!view->exists()) return {Fate::unloads, true, kNoExpiry};
    const int64_t expire_at_ms = view->expire_at_ms();
    const bool spared = spares_what_stays() && expire_at_ms == kNoExpiry;
    if (spared || !may_take_of(shard_of(slot))) return {Fate::unloads, false, expire_at_ms};
    const KeyRef key = make_key_ref(record.key(), worker_.node.store->hash_seed());
    return {under_way_.may_begin(key.hash) ? Fate::goes : Fate::busy, false, expire_at_ms};
}

void Evictor::take(SlotId, const Record& record) {
    const KeyRef key = make_key_ref(record.key(), worker_.node.store->hash_seed());
    under_way_.begin(key.hash, allocation_size(record.allocated_size()));
    taken_.push_back({std::string(record.key()), eviction_mark(record), key.hash});
    worker_.host.post([] {});
}

void Evictor::run() {
    if (taken_.empty()) return;
    if (executor_ == nullptr) executor_ = std::make_unique<BusExecutor>(worker_);
    BusExecutor::Settings settings;
    settings.write_level = static_cast<uint8_t>(kLevel);
    // Each may find that more has to go: that's for the next turn.
    for (const Taken& each : std::exchange(taken_, {})) {
        settings.writes = std::make_shared<WriteAcks>();
        executor_->run(&kEvictCommand, {"evict", each.key, each.mark}, settings,
                       [this, hash = each.hash](std::string_view) { under_way_.end(hash); });
    }
}

}  // namespace torc
