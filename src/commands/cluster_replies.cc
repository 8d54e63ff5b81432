#include "commands/cluster_replies.h"

#include <fmt/format.h>

#include <iterator>
#include <string>

#include "base/config.h"
#include "commands/call.h"
#include "commands/cluster_info.h"
#include "commands/cluster_map.h"
#include "commands/cluster_view.h"
#include "commands/node_view.h"
#include "commands/reply_field.h"

namespace torc {
namespace {

/// [ip, port, id, metadata]: one node of a range in CLUSTER SLOTS.
void reply_slot_node(ReplyWriter& reply, const ClusterNode& node) {
    reply.array(4);
    reply.bulk(node.client.host);
    reply.integer(node.client.port);
    reply.bulk(node_name(node.id));
    reply.map(node.hostname.empty() ? 0 : 1);
    if (node.hostname.empty()) return;
    reply.bulk("hostname");
    reply.bulk(node.hostname);
}

void reply_shard_node(ReplyWriter& reply, const ClusterNode& node, bool is_master) {
    reply.map(node.hostname.empty() ? 7 : 8);
    reply_field(reply, "id", node_name(node.id));
    reply_field(reply, "port", node.client.port);
    reply_field(reply, "ip", node.client.host);
    reply_field(reply, "endpoint", node.client.host);
    if (!node.hostname.empty()) reply_field(reply, "hostname", node.hostname);
    reply_field(reply, "role", is_master ? "master" : "replica");
    reply_field(reply, "replication-offset", 0);
    reply_field(reply, "health", is_gone(node) ? "fail" : "online");
}

/// A line of CLUSTER NODES, without its end. Every member is a master there: roles are per range, not per
/// node. With `master` the node is shown as that one's replica.
std::string node_line(const ClusterMap& map, const ClusterNode& node, const ClusterNode* master = nullptr) {
    const bool is_self = node.id == map.picture().self;
    std::string line =
        fmt::format("{} {}:{}@{}", node_name(node.id), node.client.host, node.client.port, node.bus.port);
    if (!node.hostname.empty()) line += "," + node.hostname;
    line += is_self ? " myself," : " ";
    line += master == nullptr ? "master" : "slave";
    if (node.liveness == Liveness::suspect) line += ",fail?";
    if (is_gone(node)) line += ",fail";
    fmt::format_to(std::back_inserter(line), " {} {} {} {} {}",
                   master == nullptr ? "-" : node_name(master->id), node.ping_sent_ms,
                   is_self ? 0 : node.last_heard_ms, node.ring_epoch,
                   is_self || node.link_up ? "connected" : "disconnected");
    if (master != nullptr) return line;
    for (const SlotRange& slots : map.slots_of(node.id)) {
        fmt::format_to(std::back_inserter(line), " {}", slots.first);
        if (slots.last != slots.first) fmt::format_to(std::back_inserter(line), "-{}", slots.last);
    }
    return line;
}

}  // namespace

void cluster_info(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const ClusterFigures figures = view.figures();
    InfoText out;
    write_cluster_state(ClusterMap(picture), figures, out);
    write_cluster_figures(picture, figures, call.now_ms, out);
    call.reply.verbatim("txt", out.text());
}

void cluster_slots(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const ClusterMap map(picture);
    const std::vector<ShownRange> ranges =
        call.node.config().live.scope_is_node() ? map.masters_first() : map.ranges();
    call.reply.array(ranges.size());
    for (const ShownRange& range : ranges) {
        const size_t mark = call.reply.begin_deferred();
        size_t count = 3;
        call.reply.integer(range.slots.first);
        call.reply.integer(range.slots.last);
        reply_slot_node(call.reply, *range.master);
        for (const ClusterNode* replica : range.replicas) {
            if (is_gone(*replica)) continue;  // clients would send reads to it
            reply_slot_node(call.reply, *replica);
            ++count;
        }
        call.reply.end_deferred_array(mark, count);
    }
}

void cluster_shards(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const std::vector<ShownShard> shards = ClusterMap(picture).shards();
    call.reply.array(shards.size());
    for (const ShownShard& shard : shards) {
        call.reply.map(2);
        call.reply.bulk("slots");
        call.reply.array(shard.slots.size() * 2);
        for (const SlotRange& slots : shard.slots) {
            call.reply.integer(slots.first);
            call.reply.integer(slots.last);
        }
        call.reply.bulk("nodes");
        call.reply.array(1 + shard.replicas.size());
        reply_shard_node(call.reply, *shard.master, true);
        for (const ClusterNode* replica : shard.replicas) reply_shard_node(call.reply, *replica, false);
    }
}

void cluster_nodes(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const ClusterMap map(picture);
    std::string text;
    for (const ClusterNode* node : map.nodes()) text += node_line(map, *node) + "\n";
    call.reply.verbatim("txt", text);
}

void cluster_replicas(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const ClusterMap map(picture);
    const ClusterNode* const node = map.find(call.args[2]);
    if (node == nullptr) return call.reply.error(fmt::format("ERR Unknown node {}", call.args[2]));
    const auto replicas = map.replicas_of(node->id);
    call.reply.array(replicas.size());
    for (const ClusterNode* replica : replicas) call.reply.bulk(node_line(map, *replica, node));
}

void cluster_links(Call& call, ClusterView& view) {
    const std::vector<ClusterLink> links = view.links();
    call.reply.array(links.size());
    for (const ClusterLink& link : links) {
        std::string events;
        if (link.readable) events += 'r';
        if (link.writable) events += 'w';
        call.reply.map(6);
        reply_field(call.reply, "direction", link.outgoing ? "to" : "from");
        reply_field(call.reply, "node", node_name(link.node));
        reply_field(call.reply, "create-time", link.created_ms);
        reply_field(call.reply, "events", events);
        reply_field(call.reply, "send-buffer-allocated", link.send_buffer_allocated);
        reply_field(call.reply, "send-buffer-used", link.send_buffer_used);
    }
}

}  // namespace torc
