#include "node/cluster_core.h"

#include <algorithm>

namespace torc {

const Peer* Topology::peer(NodeId id) const {
    const auto at = std::ranges::lower_bound(peers, id, {}, &Peer::id);
    return at != peers.end() && at->id == id ? &*at : nullptr;
}

bool Topology::everybody_is_up(NodeId self) const {
    const RingState& state = ring->state();
    return !state.move && std::ranges::all_of(state.members, [&](const RingMember& member) {
        if (member.id == self) return true;
        const Peer* there = peer(member.id);
        return there != nullptr && there->liveness == Liveness::alive && there->unsettled.none();
    });
}

ClusterCore::ClusterCore(NodeId self_id, ActorId actor_id, std::string own_datacenter)
    : self(self_id), actor(actor_id), datacenter(std::move(own_datacenter)) {
    auto none = std::make_shared<Topology>();
    none->ring = std::make_shared<const RingTable>(RingState{});
    topology_ = std::move(none);
}

std::shared_ptr<const Topology> ClusterCore::topology() const {
    std::lock_guard guard(mutex_);
    return topology_;
}

void ClusterCore::publish(std::shared_ptr<Topology> topology) {
    std::lock_guard guard(mutex_);
    topology->version = topology_->version + 1;
    const uint64_t version = topology->version;
    topology_ = std::move(topology);
    version_.store(version, std::memory_order_release);
}

std::shared_ptr<const KeyPolicies> ClusterCore::key_policies() const {
    std::lock_guard lock(mutex_);
    return policies_;
}

void ClusterCore::set_key_policies(std::shared_ptr<const KeyPolicies> policies) {
    std::lock_guard lock(mutex_);
    policies_ = std::move(policies);
    policies_version_.fetch_add(1, std::memory_order_release);
}

void ClusterCore::worker_sees(const void* worker, uint64_t version) {
    std::lock_guard guard(mutex_);
    seen_[worker] = version;
}

void ClusterCore::worker_gone(const void* worker) {
    std::lock_guard guard(mutex_);
    seen_.erase(worker);
}

bool ClusterCore::seen_by_all(uint64_t version) const {
    std::lock_guard guard(mutex_);
    return std::ranges::all_of(seen_, [version](const auto& seen) { return seen.second >= version; });
}

void ClusterCore::count_link_from(NodeId peer, int change) {
    std::lock_guard guard(mutex_);
    links_from_[peer] += change;
}

bool ClusterCore::hears(NodeId peer) const {
    std::lock_guard guard(mutex_);
    const auto at = links_from_.find(peer);
    return at != links_from_.end() && at->second > 0;
}

void ClusterCore::settle(ShardId shard) {
    std::lock_guard guard(mutex_);
    settled_[shard / 64].fetch_or(1ULL << (shard % 64), std::memory_order_acq_rel);
}

void ClusterCore::take(ShardId shard, int64_t now_ms, uint64_t unsettle_count) {
    std::lock_guard guard(mutex_);
    if (unsettles_.load(std::memory_order_acquire) != unsettle_count || !settled(shard)) return;
    if (!taken(shard)) since_ms_[shard].store(now_ms, std::memory_order_relaxed);
    taken_[shard / 64].fetch_or(1ULL << (shard % 64), std::memory_order_acq_rel);
}

void ClusterCore::unsettle(ShardId shard) {
    std::lock_guard guard(mutex_);
    unsettles_.fetch_add(1, std::memory_order_acq_rel);
    taken_[shard / 64].fetch_and(~(1ULL << (shard % 64)), std::memory_order_acq_rel);
    settled_[shard / 64].fetch_and(~(1ULL << (shard % 64)), std::memory_order_acq_rel);
}

void ClusterCore::unsettle_all() {
    std::lock_guard guard(mutex_);
    unsettles_.fetch_add(1, std::memory_order_acq_rel);
    for (auto& word : taken_) word.store(0, std::memory_order_release);
    for (auto& word : settled_) word.store(0, std::memory_order_release);
}

std::string ClusterCore::unsettled_bits() const {
    const ShardSet unsettled = ~taken_shards();
    return unsettled.any() ? shard_set_bytes(unsettled) : std::string();
}

uint64_t ClusterCore::foreign_bytes(const RingTable& ring) const {
    int64_t bytes = 0;
    for_each_shard(~(ring.owned(self) | ring.next_owned(self)),
                   [&](ShardId shard) { bytes += cells[shard].bytes.load(std::memory_order_relaxed); });
    return static_cast<uint64_t>(std::max<int64_t>(bytes, 0));
}

}  // namespace torc
