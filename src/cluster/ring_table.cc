#include <algorithm>
#include <map>
#include <utility>

#include "cluster/placement.h"
#include "cluster/ring.h"
#include "cluster/token_allocator.h"

namespace torc {

RingTable::RingTable(RingState state) : state_(std::move(state)), owners_{}, next_owners_{}, walks_{} {
    RingPlacement present(state_.members, state_.tokens, state_.replication_factor);
    const auto end = [this] { return static_cast<uint32_t>(nodes_.size()); };
    nodes_.reserve(kShards * (state_.members.size() + (state_.move ? state_.replication_factor : 0)));
    for (unsigned shard = 0; shard < kShards; ++shard) {
        const uint32_t first = end();
        owners_[shard] = {first, present.append(shard, true, nodes_)};
        walks_[shard] = {first, end() - first};
    }
    next_owners_ = owners_;
    if (state_.move) {
        RingPlacement next(state_.members, state_.move->tokens, state_.replication_factor);
        for (unsigned shard = 0; shard < kShards; ++shard) {
            const uint32_t first = end();
            next_owners_[shard] = {first, next.append(shard, false, nodes_)};
        }
    }
    for (const RingMember& member : state_.members) shares_.push_back({member.id, {}, {}});
    const auto share_of = [this](NodeId id) { return std::ranges::lower_bound(shares_, id, {}, &Share::id); };
    for (unsigned shard = 0; shard < kShards; ++shard) {
        for (const NodeId id : slice(owners_[shard])) share_of(id)->owned.set(shard);
        for (const NodeId id : slice(next_owners_[shard])) share_of(id)->next_owned.set(shard);
    }
}

const RingTable::Share& RingTable::share(NodeId id) const {
    static const Share none;
    const auto at = std::ranges::lower_bound(shares_, id, {}, &Share::id);
    return at != shares_.end() && at->id == id ? *at : none;
}

NodeId RingTable::first_owner(ShardId shard, std::string_view datacenter) const {
    const std::span<const NodeId> all = owners(shard);
    const auto local = std::ranges::find_if(all, [&](NodeId id) {
        const RingMember* const member = state_.member(id);
        return member != nullptr && member->datacenter == datacenter;
    });
    return local != all.end() ? *local : all.empty() ? 0 : all.front();
}

bool RingTable::owns(NodeId id, ShardId shard) const {
    return std::ranges::find(owners(shard), id) != owners(shard).end();
}

bool RingTable::will_own(NodeId id, ShardId shard) const {
    return std::ranges::find(next_owners(shard), id) != next_owners(shard).end();
}

std::vector<ShardId> RingTable::gained(NodeId id) const {
    std::vector<ShardId> shards;
    for_each_shard(next_owned(id) & ~owned(id), [&](ShardId shard) { shards.push_back(shard); });
    return shards;
}

RingBalance balance_of(const RingState& ring) {
    RingPlacement placement(ring.members, ring.tokens, ring.replication_factor);
    std::map<NodeId, unsigned> held;
    std::vector<NodeId> list;
    size_t all = 0;
    for (unsigned shard = 0; shard < kShards; ++shard) {
        list.clear();
        all += placement.append(shard, false, list);
        for (const NodeId id : list) ++held[id];
    }
    RingBalance balance;
    if (held.empty()) return balance;
    balance.mean_shards = static_cast<double>(all) / static_cast<double>(held.size());
    // Of each datacenter, what its nodes that hold anything hold for each vnode of theirs.
    std::map<std::string_view, std::pair<double, double>> by_datacenter;  // shards, vnodes
    for (const auto& [id, shards] : held) {
        auto& [sum, vnodes] = by_datacenter[ring.member(id)->datacenter];
        sum += shards;
        vnodes += ring.member(id)->vnodes;
    }
    for (const auto& [id, shards] : held) {
        const RingMember& member = *ring.member(id);
        const auto& [sum, vnodes] = by_datacenter[member.datacenter];
        balance.worst_over_mean = std::max(balance.worst_over_mean, shards / (sum * member.vnodes / vnodes));
    }
    return balance;
}

}  // namespace torc
