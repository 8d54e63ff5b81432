#include "commands/cluster_info.h"

#include <algorithm>
#include <set>

namespace torc {
namespace {

unsigned slots_in(const SlotRange& range) {
    return range.last - range.first + 1u;
}

void write_levels(std::string_view kind, const std::array<LevelUse, kConsistencies>& levels, InfoText& out) {
    for (size_t i = 0; i < levels.size(); ++i) {
        const LevelUse& use = levels[i];
        if (use.calls == 0) continue;
        out.field(fmt::format("{}_{}", kind, kConsistencyNames[i]),
                  "calls={},p50_usec={},p99_usec={},max_usec={}", use.calls, use.p50_us, use.p99_us,
                  use.max_us);
    }
}

void write_move(const ClusterMove& move, int64_t now_ms, InfoText& out) {
    constexpr std::string_view kKinds[] = {"none", "join", "leave", "replace"};
    out.field("move", kKinds[static_cast<size_t>(move.kind)]);
    out.field("move_node", node_name(move.subject));
    if (move.replaced != 0) out.field("move_replaced", node_name(move.replaced));
    out.field("move_shards_done", move.shards_done);
    out.field("move_shards_total", move.shards_total);
    out.field("move_keys", move.keys);
    out.field("move_bytes", move.bytes);
    out.field("move_seconds", std::max<int64_t>(now_ms - move.started_ms, 0) / 1000);
}

}  // namespace

std::vector<const ClusterNode*> replicas_in(const ClusterPicture& picture) {
    std::set<NodeId> sharing;
    for (const ClusterRange& range : picture.ranges)
        if (std::ranges::find(range.owners, picture.self) != range.owners.end())
            sharing.insert(range.owners.begin(), range.owners.end());
    std::vector<const ClusterNode*> replicas;
    for (const ClusterNode& node : picture.nodes)
        if (node.id != picture.self && !is_gone(node) && sharing.contains(node.id)) replicas.push_back(&node);
    return replicas;
}

void write_replicas(const ClusterView* view, int64_t now_ms, InfoText& out) {
    if (view == nullptr) return out.field("connected_slaves", 0);
    const ClusterPicture picture = view->picture();
    const auto replicas = replicas_in(picture);
    out.field("connected_slaves", replicas.size());
    for (size_t i = 0; i < replicas.size(); ++i) {
        const ClusterNode& node = *replicas[i];
        const int64_t lag_s =
            node.last_heard_ms == 0 ? 0 : std::max<int64_t>(now_ms - node.last_heard_ms, 0) / 1000;
        out.field(fmt::format("slave{}", i), "ip={},port={},state=online,offset=0,lag={}", node.client.host,
                  node.client.port, lag_s);
    }
}

void write_cluster_state(const ClusterMap& map, const ClusterFigures& figures, InfoText& out) {
    unsigned assigned = 0, suspect = 0, failed = 0;
    std::set<NodeId> masters;
    for (const ShownRange& range : map.ranges()) {
        assigned += slots_in(range.slots);
        masters.insert(range.master->id);
        if (is_gone(*range.master))
            failed += slots_in(range.slots);
        else if (range.master->liveness == Liveness::suspect)
            suspect += slots_in(range.slots);
    }
    const ClusterPicture& picture = map.picture();
    const ClusterNode* const self = picture.node(picture.self);
    out.field("cluster_state", assigned == kSlots && failed == 0 ? "ok" : "fail");
    out.field("cluster_slots_assigned", assigned);
    out.field("cluster_slots_ok", assigned - suspect - failed);
    out.field("cluster_slots_pfail", suspect);
    out.field("cluster_slots_fail", failed);
    out.field("cluster_known_nodes", map.nodes().size());
    out.field("cluster_size", masters.size());
    out.field("cluster_current_epoch", picture.epoch);
    out.field("cluster_my_epoch", self == nullptr ? picture.epoch : self->ring_epoch);
    out.field("cluster_stats_messages_sent", figures.messages_sent);
    out.field("cluster_stats_messages_received", figures.messages_received);
    out.field("total_cluster_links_buffer_limit_exceeded", figures.links_over_limit);
}

void write_cluster_figures(const ClusterPicture& picture, const ClusterFigures& figures, int64_t now_ms,
                           InfoText& out) {
    const auto count = [&picture](auto what) { return std::ranges::count_if(picture.nodes, what); };
    out.field("cluster_id", "{:016x}", picture.cluster_id);
    out.field("node_id", node_name(picture.self));
    out.field("ring_epoch", picture.epoch);
    out.field("replication_factor", picture.replication_factor);
    out.field("members", count([](const ClusterNode& node) { return node.in_ring; }));
    for (const auto& [name, liveness] : {std::pair{"members_alive", Liveness::alive},
                                         {"members_suspect", Liveness::suspect},
                                         {"members_down", Liveness::down}})
        out.field(name,
                  count([&](const ClusterNode& node) { return node.in_ring && node.liveness == liveness; }));
    const ClusterNode* const self = picture.node(picture.self);
    out.field("unsettled_shards", self == nullptr ? 0 : self->unsettled_shards);
    if (picture.move) write_move(*picture.move, now_ms, out);

    out.field("bus_bytes_sent", figures.bytes_sent);
    out.field("bus_bytes_received", figures.bytes_received);
    out.field("forwards", figures.forwards);
    out.field("forwards_received", figures.forwards_received);
    out.field("redirects", figures.redirects);
    out.field("hedges", figures.hedges);
    out.field("hedges_won", figures.hedges_won);
    out.field("noreplicas_replies", figures.noreplicas);
    out.field("indoubt_replies", figures.indoubt);
    write_levels("reads", figures.reads, out);
    write_levels("writes", figures.writes, out);
    out.field("hints_pending", figures.hints_pending);
    out.field("hints_bytes", figures.hints_bytes);
    out.field("hints_oldest_seconds", figures.oldest_hint_ms / 1000);
    out.field("hints_delivered", figures.hints_delivered);
    out.field("hints_dropped", figures.hints_dropped);
    out.field("hints_kept", figures.hints_kept);
    out.field("divergent_ranges", figures.divergent_ranges);
    out.field("oldest_unrepaired_seconds", figures.oldest_unrepaired_ms / 1000);
    out.field("exchanges", figures.exchanges);
    out.field("repaired_keys", figures.repaired_keys);
    out.field("read_repairs", figures.read_repairs);
    out.field("keys_with_siblings", figures.keys_with_siblings);
    out.field("siblings_max", figures.siblings_max);
    out.field("siblings_dropped", figures.siblings_dropped);
    out.field("siblings_overwritten_unread", figures.siblings_overwritten_unread);
    out.field("tombstones", figures.tombstones);
    out.field("tombstones_reaped", figures.tombstones_reaped);
    out.field("entries_retired", figures.entries_retired);
}

}  // namespace torc
