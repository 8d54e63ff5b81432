#include "commands/cluster_map.h"

#include <algorithm>
#include <map>

namespace torc {
namespace {

/// Alive before suspect before dead.
int rank(const ClusterNode& node) {
    if (is_gone(node)) return 2;
    return node.liveness == Liveness::alive ? 0 : 1;
}

bool contains(const std::vector<const ClusterNode*>& nodes, const ClusterNode* node) {
    return std::ranges::find(nodes, node) != nodes.end();
}

}  // namespace

void append_slots(std::vector<SlotRange>& to, SlotRange slots) {
    if (!to.empty() && to.back().last + 1 == slots.first)
        to.back().last = slots.last;
    else
        to.push_back(slots);
}

ClusterMap::ClusterMap(const ClusterPicture& picture) : picture_(picture) {
    std::map<NodeId, const ClusterNode*> by_id;
    for (const ClusterNode& node : picture.nodes) by_id.emplace(node.id, &node);
    for (const ClusterRange& range : picture.ranges) {
        ShownRange shown{range.slots, nullptr, {}};
        for (const NodeId owner : range.owners)
            if (const auto found = by_id.find(owner); found != by_id.end())
                shown.replicas.push_back(found->second);
        // The ring may know a member before its gossip has arrived.
        if (shown.replicas.empty()) continue;
        const auto master =
            std::ranges::min_element(shown.replicas, {}, [](const ClusterNode* node) { return rank(*node); });
        shown.master = *master;
        shown.replicas.erase(master);
        ranges_.push_back(std::move(shown));
    }
}

std::vector<ShownRange> ClusterMap::masters_first() const {
    std::vector<ShownRange> shown, rest;
    std::vector<const ClusterNode*> masters;
    for (ShownRange range : ranges_) {
        if (!contains(masters, range.master)) {
            masters.push_back(range.master);
            shown.push_back({{range.slots.first, range.slots.first}, range.master, {}});
            if (range.slots.first == range.slots.last) continue;
            ++range.slots.first;
        }
        rest.push_back(std::move(range));
    }
    shown.insert(shown.end(), rest.begin(), rest.end());
    return shown;
}

std::vector<ShownShard> ClusterMap::shards() const {
    std::vector<ShownShard> shards;
    std::map<std::vector<const ClusterNode*>, size_t> by_owners;
    std::vector<const ClusterNode*> owning;
    for (const ShownRange& range : ranges_) {
        std::vector<const ClusterNode*> owners = range.replicas;
        owners.insert(owners.begin(), range.master);
        const auto [at, is_new] = by_owners.emplace(std::move(owners), shards.size());
        if (is_new) shards.push_back({{}, range.master, range.replicas});
        append_slots(shards[at->second].slots, range.slots);
        if (!is_new) continue;
        for (const ClusterNode* owner : at->first)
            if (!contains(owning, owner)) owning.push_back(owner);
    }
    for (const ClusterNode* node : nodes())
        if (!contains(owning, node)) shards.push_back({{}, node, {}});
    return shards;
}

std::vector<const ClusterNode*> ClusterMap::nodes() const {
    std::vector<const ClusterNode*> shown;
    for (const ClusterNode& node : picture_.nodes)
        if (node.liveness != Liveness::left) shown.push_back(&node);
    return shown;
}

std::vector<SlotRange> ClusterMap::slots_of(NodeId node) const {
    std::vector<SlotRange> slots;
    for (const ShownRange& range : ranges_)
        if (range.master->id == node) append_slots(slots, range.slots);
    return slots;
}

std::vector<const ClusterNode*> ClusterMap::replicas_of(NodeId node) const {
    std::vector<const ClusterNode*> replicas;
    for (const ShownRange& range : ranges_) {
        if (range.master->id != node) continue;
        for (const ClusterNode* replica : range.replicas)
            if (!contains(replicas, replica)) replicas.push_back(replica);
    }
    return replicas;
}

const ClusterNode* ClusterMap::find(std::string_view name) const {
    for (const ClusterNode* node : nodes())
        if (node_name(node->id) == name) return node;
    return nullptr;
}

}  // namespace torc
