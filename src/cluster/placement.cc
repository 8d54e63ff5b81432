#include "cluster/placement.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/check.h"
#include "cluster/token_allocator.h"

namespace torc {

std::vector<Datacenter> datacenters_of(std::span<const RingMember> members, std::span<const Token> tokens) {
    std::map<std::string_view, Datacenter> by_name;
    std::map<std::string_view, std::map<std::string_view, uint16_t>> racks;
    std::map<NodeId, std::pair<Datacenter*, LocalNode>> by_id;
    for (const RingMember& member : members) {
        Datacenter& datacenter = by_name[member.datacenter];
        auto& known = racks[member.datacenter];
        const auto rack = known.try_emplace(member.rack, static_cast<uint16_t>(known.size())).first->second;
        by_id[member.id] = {&datacenter, static_cast<LocalNode>(datacenter.nodes.size())};
        datacenter.nodes.push_back(&member);
        datacenter.racks.push_back(rack);
    }
    std::map<Datacenter*, std::vector<std::pair<ShardId, LocalNode>>> owned;
    for (const Token& token : tokens) {
        const auto found = by_id.find(token.owner);
        if (found != by_id.end()) owned[found->second.first].emplace_back(token.shard, found->second.second);
    }
    for (auto& [datacenter, sorted] : owned) {
        datacenter->has_tokens = true;
        auto next = sorted.begin();
        for (unsigned shard = 0; shard < kShards; ++shard) {
            while (next != sorted.end() && next->first < shard) ++next;
            datacenter->circle[shard] = next != sorted.end() ? next->second : sorted.front().second;
        }
    }
    std::vector<Datacenter> all;
    all.reserve(by_name.size());
    for (auto& [name, datacenter] : by_name) all.push_back(std::move(datacenter));
    return all;
}

PlacementRule::PlacementRule(const Circle& circle, std::span<const uint16_t> racks,
                             uint32_t replication_factor)
    : racks_(racks),
      firsts_(2 * racks.size()),
      others_(racks.size()),
      node_met_(racks.size()),
      rack_met_(racks.size()) {
    unsigned racks_there = 0;
    for (const LocalNode node : circle) {
        TORC_CHECK(node < racks.size() && racks[node] < racks.size());
        if (node_met_[node] == 0) ++nodes_;
        if (rack_met_[racks[node]] == 0) ++racks_there;
        node_met_[node] = rack_met_[racks[node]] = 1;
    }
    scan_ = 1;
    replicas_ = std::min(replication_factor, nodes_);
    distinct_ = std::min(replicas_, racks_there);
}

unsigned PlacementRule::scan(const Circle& circle, unsigned shard, unsigned wanted) {
    ++scan_;
    unsigned met = 0;
    unsigned firsts = 0;
    unsigned others = 0;
    while (met < kShards && (firsts < distinct_ || firsts + others < wanted)) {
        const LocalNode node = circle[(shard + met++) % kShards];
        if (node_met_[node] == scan_) continue;
        node_met_[node] = scan_;
        uint32_t& rack_met = rack_met_[racks_[node]];
        if (firsts < distinct_ && rack_met != scan_) {
            rack_met = scan_;
            firsts_[firsts++] = node;
        } else {
            others_[others++] = node;
        }
    }
    std::copy_n(others_.begin(), others, firsts_.begin() + firsts);
    return met;
}

unsigned PlacementRule::pick(const Circle& circle, unsigned shard, LocalNode* list) {
    const unsigned met = scan(circle, shard, replicas_);
    std::copy_n(firsts_.begin(), replicas_, list);
    return met;
}

std::span<const LocalNode> PlacementRule::walk(const Circle& circle, unsigned shard) {
    scan(circle, shard, nodes_);
    return {firsts_.data(), nodes_};
}

RingPlacement::RingPlacement(std::span<const RingMember> members, std::span<const Token> tokens,
                             uint32_t replication_factor)
    : datacenters_(datacenters_of(members, tokens)) {
    std::erase_if(datacenters_, [](const Datacenter& datacenter) { return !datacenter.has_tokens; });
    for (const Datacenter& datacenter : datacenters_)
        rules_.emplace_back(datacenter.circle, datacenter.racks, replication_factor);
    walks_.resize(datacenters_.size());
    std::vector<NodeId> owners;
    for (const Token& token : tokens) owners.push_back(token.owner);
    std::ranges::sort(owners);
    for (const RingMember& member : members)
        if (!std::ranges::binary_search(owners, member.id)) without_tokens_.push_back(member.id);
}

unsigned RingPlacement::append(unsigned shard, bool whole_walk, std::vector<NodeId>& out) {
    const size_t before = out.size();
    size_t longest = 0;
    unsigned most = 0;
    for (size_t i = 0; i < datacenters_.size(); ++i) {
        if (whole_walk) {
            const auto walk = rules_[i].walk(datacenters_[i].circle, shard);
            walks_[i].assign(walk.begin(), walk.end());
        } else {
            walks_[i].resize(rules_[i].replicas());
            rules_[i].pick(datacenters_[i].circle, shard, walks_[i].data());
        }
        longest = std::max(longest, walks_[i].size());
        most = std::max(most, rules_[i].replicas());
    }
    const auto append_rank = [&](size_t rank, bool owners) {
        for (size_t turn = 0; turn < datacenters_.size(); ++turn) {
            const size_t i = (shard + turn) % datacenters_.size();
            if (rank < walks_[i].size() && (rank < rules_[i].replicas()) == owners)
                out.push_back(datacenters_[i].nodes[walks_[i][rank]]->id);
        }
    };
    for (size_t rank = 0; rank < most; ++rank) append_rank(rank, true);
    const auto owners = static_cast<unsigned>(out.size() - before);
    if (!whole_walk) return owners;
    for (size_t rank = 0; rank < longest; ++rank) append_rank(rank, false);
    out.insert(out.end(), without_tokens_.begin(), without_tokens_.end());
    return owners;
}

void preference_list(std::span<const RingMember> members, std::span<const Token> tokens, ShardId shard,
                     uint32_t replication_factor, bool whole_walk, std::vector<NodeId>& out) {
    out.clear();
    RingPlacement(members, tokens, replication_factor).append(shard, whole_walk, out);
}

}  // namespace torc
