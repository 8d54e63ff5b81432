// TORC.REPAIR of single shards: one exchange with each other owner, and what came of it.
#include <algorithm>

#include "node/shard_sync.h"

namespace torc {
namespace {

/// An owner with whom so many exchanges failed in a row counts as unreachable.
constexpr unsigned kMostFailures = 5;

}  // namespace

void ShardSync::want_repair(ShardId shard, std::function<void(const Repaired&)> done) {
    Repair& repair = repairs_[shard];
    repair.done.push_back(std::move(done));
    repair.result.shard = shard;
    repair.result.complete = true;
    // One that's under way begins anew: what it has compared so far may be older than the question.
    repair.left.clear();
    for (const NodeId owner : coordinator_.topology().ring->owners(shard))
        if (owner != cluster_.self) repair.left.push_back(owner);
    shards_[shard].retry_ms = 0;
    if (repair.left.empty()) end_repair(shard, true);
}

/// With whom the shard is compared next; 0: nobody waits for anything.
NodeId ShardSync::next_of_repair(ShardId shard) {
    const auto at = repairs_.find(shard);
    if (at == repairs_.end()) return 0;
    Repair& repair = at->second;
    while (!repair.left.empty()) {
        const Peer* peer = coordinator_.topology().peer(repair.left.front());
        if (peer != nullptr && peer->usable()) return repair.left.front();
        repair.left.erase(repair.left.begin());
        repair.result.complete = false;
    }
    end_repair(shard, repair.result.complete);
    return 0;
}

void ShardSync::repair_went_on(ShardId shard, NodeId peer, bool good, const ExchangeStats& stats) {
    const auto at = repairs_.find(shard);
    if (at == repairs_.end()) return;
    Repair& repair = at->second;
    repair.result.sent += stats.pushed;
    repair.result.received += stats.pulled;
    repair.failures = good ? 0 : repair.failures + 1;
    if (!good && repair.failures < kMostFailures) return;
    if (std::erase(repair.left, peer) != 0 && !good) repair.result.complete = false;
    repair.failures = 0;
    if (repair.left.empty()) end_repair(shard, repair.result.complete);
}

void ShardSync::end_repair(ShardId shard, bool complete) {
    const auto at = repairs_.find(shard);
    if (at == repairs_.end()) return;
    Repair repair = std::move(at->second);
    repairs_.erase(at);
    repair.result.complete = complete;
    repair.result.root = cluster_.forest.root(shard);
    for (const auto& done : repair.done) done(repair.result);
}

}  // namespace torc
