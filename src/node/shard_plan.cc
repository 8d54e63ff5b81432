#include "node/shard_plan.h"

#include <algorithm>
#include <map>
#include <string>

namespace torc {
namespace {

constexpr size_t kMostReplicas = 16;

Replica replica_of(const Topology& topology, const ClusterCore& cluster, NodeId id, ShardId shard) {
    Replica replica;
    replica.id = id;
    if (id == cluster.self) {
        replica.self = replica.alive = replica.usable = replica.local = true;
        replica.settled = cluster.taken(shard);
    } else if (const Peer* peer = topology.peer(id)) {
        replica.alive = peer->liveness == Liveness::alive;
        replica.usable = peer->usable();
        replica.settled = !peer->unsettled.test(shard);
        replica.ceded = peer->ceded.test(shard);
        replica.ping_ms = peer->ping_ms;
    }
    if (const RingMember* member = topology.ring->state().member(id))
        replica.local = member->datacenter == cluster.datacenter;
    return replica;
}

}  // namespace

void make_shard_plan(ShardPlan& plan, const Topology& topology, const ClusterCore& cluster, ShardId shard) {
    plan = ShardPlan();
    plan.version = topology.version;
    const RingTable& ring = *topology.ring;
    for (const NodeId id : ring.owners(shard)) {
        if (plan.replicas.size() == kMostReplicas) break;
        plan.replicas.push_back(replica_of(topology, cluster, id, shard));
        plan.replicas.back().owner = true;
    }
    plan.owners = plan.replicas.size();
    for (const NodeId id : ring.next_owners(shard)) {
        const auto known = std::ranges::find(plan.replicas, id, &Replica::id);
        if (known != plan.replicas.end()) {
            known->next_owner = true;
        } else if (plan.replicas.size() < kMostReplicas) {
            plan.replicas.push_back(replica_of(topology, cluster, id, shard));
            plan.replicas.back().next_owner = true;
        }
    }
    const auto first =
        std::ranges::find(plan.replicas, ring.first_owner(shard, cluster.datacenter), &Replica::id);
    if (first != plan.replicas.end()) plan.first = static_cast<int>(first - plan.replicas.begin());
    std::map<std::string, uint16_t> datacenters;
    for (size_t i = 0; i < plan.replicas.size(); ++i) {
        Replica& replica = plan.replicas[i];
        if (replica.self) plan.self = static_cast<int>(i);
        if (const RingMember* member = ring.state().member(replica.id))
            replica.datacenter =
                datacenters.try_emplace(member->datacenter, static_cast<uint16_t>(datacenters.size()))
                    .first->second;
    }
    for (const NodeId id : ring.walk(shard)) {
        if (std::ranges::find(plan.replicas, id, &Replica::id) != plan.replicas.end()) continue;
        if (id == cluster.self || (topology.peer(id) != nullptr && topology.peer(id)->usable()))
            plan.fallbacks.push_back(id);
    }
}

int ShardPlan::coordinator() const {
    int best = -1;
    int best_rank = 0;
    for (size_t i = 0; i < owners; ++i) {
        const Replica& replica = replicas[i];
        if (!replica.usable) continue;
        const int rank = 1 + (replica.local ? 8 : 0) + (replica.alive ? 4 : 0) + (replica.settled ? 2 : 0);
        if (rank > best_rank) {
            best_rank = rank;
            best = static_cast<int>(i);
        }
    }
    return best;
}

bool ShardPlan::ceded_to_earlier(NodeId node) const {
    const auto at = std::ranges::find(replicas, node, &Replica::id);
    return at != replicas.end() && at->ceded && self_owns() && at - replicas.begin() < self;
}

size_t ShardPlan::usable_owners() const {
    return static_cast<size_t>(std::count_if(replicas.begin(), replicas.begin() + static_cast<long>(owners),
                                             [](const Replica& replica) { return replica.usable; }));
}

Quorum::Quorum(const ShardPlan& plan, Consistency level, bool writes) {
    const auto majority = [](uint32_t members) {
        return static_cast<unsigned>(std::popcount(members)) / 2 + 1;
    };
    bool moves = false;
    for (const Replica& replica : plan.replicas) moves |= replica.owner != replica.next_owner;
    for (const bool next : {false, true}) {
        if (next && (!writes || !moves)) break;
        uint32_t all = 0, local = 0;
        uint16_t datacenters = 0;
        for (size_t i = 0; i < plan.replicas.size(); ++i) {
            const Replica& replica = plan.replicas[i];
            if (!(next ? replica.next_owner : replica.owner)) continue;
            all |= 1u << i;
            if (replica.local) local |= 1u << i;
            datacenters = std::max<uint16_t>(datacenters, static_cast<uint16_t>(replica.datacenter + 1));
        }
        if (all == 0) continue;
        switch (level) {
            case Consistency::one:
                add(all, 1);
                break;
            case Consistency::quorum:
                add(all, majority(all));
                break;
            case Consistency::all:
                add(all, static_cast<unsigned>(std::popcount(all)));
                break;
            case Consistency::local_quorum: {
                const uint32_t near = local != 0 ? local : all;
                add(near, majority(near));
                break;
            }
            case Consistency::each_quorum:
                for (uint16_t dc = 0; dc < datacenters; ++dc) {
                    uint32_t members = 0;
                    for (size_t i = 0; i < plan.replicas.size(); ++i)
                        if ((all >> i & 1) != 0 && plan.replicas[i].datacenter == dc) members |= 1u << i;
                    if (members != 0) add(members, majority(members));
                }
                break;
        }
    }
}

void Quorum::add(uint32_t members, unsigned need) {
    if (group_count_ < kMostGroups) groups_[group_count_++] = {members, need};
}

bool Quorum::met() const {
    for (size_t i = 0; i < group_count_; ++i)
        if (static_cast<unsigned>(std::popcount(groups_[i].members & have_)) < groups_[i].need) return false;
    return true;
}

const Quorum::Group& Quorum::worst() const {
    const Group* worst = &groups_[0];
    int lack = -1;
    for (size_t i = 0; i < group_count_; ++i) {
        const int missing = static_cast<int>(groups_[i].need) - std::popcount(groups_[i].members & have_);
        if (missing > lack) {
            lack = missing;
            worst = &groups_[i];
        }
    }
    return *worst;
}

unsigned Quorum::have() const {
    return static_cast<unsigned>(std::popcount(worst().members & have_));
}
unsigned Quorum::need() const {
    return worst().need;
}

}  // namespace torc
