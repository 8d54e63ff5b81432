#include "node/cluster_core.h"

#include <algorithm>

namespace torc {

const Peer* Topology::peer(NodeId id) const {
    const auto at = std::ranges::lower_bound(peers, id, {}, &Peer::id);
    return at != peers.end() && at->id == id ? &*at : nullptr;
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
    settled_[shard / 64].fetch_or(1ULL << (shard % 64), std::memory_order_acq_rel);
}

void ClusterCore::unsettle(ShardId shard) {
    unsettles_.fetch_add(1, std::memory_order_acq_rel);
    settled_[shard / 64].fetch_and(~(1ULL << (shard % 64)), std::memory_order_acq_rel);
}

void ClusterCore::unsettle_all() {
    unsettles_.fetch_add(1, std::memory_order_acq_rel);
    for (auto& word : settled_) word.store(0, std::memory_order_release);
}

std::string ClusterCore::unsettled_bits() const {
    std::string bits(kShards / 8, '\0');
    bool any = false;
    for (unsigned shard = 0; shard < kShards; ++shard) {
        if (settled(static_cast<ShardId>(shard))) continue;
        any = true;
        bits[shard / 8] = static_cast<char>(bits[shard / 8] | 1 << (shard % 8));
    }
    return any ? bits : std::string();
}

uint64_t ClusterCore::foreign_bytes(const RingTable& ring) const {
    int64_t bytes = 0;
    for (unsigned shard = 0; shard < kShards; ++shard)
        if (!ring.will_own(self, static_cast<ShardId>(shard)) &&
            !ring.owns(self, static_cast<ShardId>(shard)))
            bytes += cells[shard].bytes.load(std::memory_order_relaxed);
    return static_cast<uint64_t>(std::max<int64_t>(bytes, 0));
}

}  // namespace torc
