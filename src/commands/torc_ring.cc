// TORC.RING, TORC.MEMBERS, TORC.DRAIN, TORC.REPAIR: what an operator of the ring needs beyond CLUSTER.
// Actions are begun, not waited for, but for TORC.REPAIR, which answers when the repair has ended.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/types.h"
#include "commands/cluster_map.h"
#include "commands/clustered.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/reply_field.h"
#include "resp/number.h"

namespace torc {
namespace {

struct Share {
    uint64_t first = 0;   // slots in whose preference list the node stands first
    uint64_t copies = 0;  // slots of which it holds a copy
};

std::map<NodeId, Share> shares_of(const ClusterPicture& picture) {
    std::map<NodeId, Share> shares;
    for (const ClusterNode& node : picture.nodes)
        if (node.in_ring) shares[node.id];
    for (const ClusterRange& range : picture.ranges) {
        const uint64_t slots = range.slots.last - range.slots.first + 1u;
        for (const NodeId owner : range.owners) shares[owner].copies += slots;
        if (!range.owners.empty()) shares[range.owners.front()].first += slots;
    }
    return shares;
}

/// Fullest node over the mean, by slots held per vnode; 1 is even. A joiner that owns nothing yet counts not.
double balance_of(const ClusterPicture& picture, const std::map<NodeId, Share>& shares) {
    double slots = 0, weights = 0, fullest = 0;
    for (const ClusterNode& node : picture.nodes) {
        const auto share = shares.find(node.id);
        if (share == shares.end() || share->second.copies == 0) continue;
        const double weight = std::max<double>(node.vnodes, 1);
        const auto held = static_cast<double>(share->second.copies);
        slots += held;
        weights += weight;
        fullest = std::max(fullest, held / weight);
    }
    return slots == 0 ? 1 : fullest * weights / slots;
}

void reply_move(ReplyWriter& reply, const ClusterMove& move, int64_t now_ms) {
    constexpr std::string_view kKinds[] = {"none", "join", "leave", "replace"};
    reply.map(8);
    reply_field(reply, "kind", kKinds[static_cast<size_t>(move.kind)]);
    reply_field(reply, "node", node_name(move.subject));
    reply_field(reply, "replaced", move.replaced == 0 ? "" : node_name(move.replaced));
    reply_field(reply, "shards-done", move.shards_done);
    reply_field(reply, "shards-total", move.shards_total);
    reply_field(reply, "keys", move.keys);
    reply_field(reply, "bytes", move.bytes);
    reply_field(reply, "seconds", std::max<int64_t>(now_ms - move.started_ms, 0) / 1000);
}

void ring(Call& call, ClusterView& view) {
    if (call.args.size() > 1)
        return call.reply.error("ERR wrong number of arguments for 'torc.ring' command");
    const ClusterPicture picture = view.picture();
    const auto shares = shares_of(picture);
    ReplyWriter& reply = call.reply;
    reply.map(6);
    reply_field(reply, "cluster-id", fmt::format("{:016x}", picture.cluster_id));
    reply_field(reply, "epoch", picture.epoch);
    reply_field(reply, "replication-factor", picture.replication_factor);
    reply_field(reply, "balance", fmt::format("{:.3f}", balance_of(picture, shares)));
    reply.bulk("members");
    reply.array(shares.size());
    for (const auto& [id, share] : shares) {
        reply.map(3);
        reply_field(reply, "id", node_name(id));
        reply_field(reply, "slots-first", share.first);
        reply_field(reply, "slots-held", share.copies);
    }
    reply.bulk("move");
    if (picture.move)
        reply_move(reply, *picture.move, call.now_ms);
    else
        reply.null();
}

void force_remove(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    const ClusterNode* const node = ClusterMap(picture).find(call.args[2]);
    if (node == nullptr) return call.reply.error(fmt::format("ERR Unknown node {}", call.args[2]));
    if (node->id == picture.self) return call.reply.error("ERR A node can't remove itself: TORC.DRAIN");
    if (!node->in_ring) return call.reply.error("ERR The node is no member of the ring: CLUSTER FORGET it");
    if (!is_gone(*node)) return call.reply.error("ERR The node isn't down: TORC.DRAIN it, or stop it first");
    reply_result(call, view.force_remove(node->id));
}

std::string_view state_of(const ClusterNode& node) {
    switch (node.liveness) {
        case Liveness::alive:
            return "alive";
        case Liveness::suspect:
            return "suspect";
        case Liveness::down:
            return "down";
        case Liveness::left:
            return "left";
    }
    return "";
}

std::string_view role_of(const ClusterNode& node) {
    if (!node.in_ring) return "outside";
    if (node.joining) return "joining";
    return node.leaving ? "leaving" : "member";
}

void reply_member(ReplyWriter& reply, const ClusterNode& node, bool is_self, int64_t now_ms) {
    reply.map(14);
    reply_field(reply, "id", node_name(node.id));
    reply_field(reply, "self", is_self ? 1 : 0);
    reply_field(reply, "state", state_of(node));
    reply_field(reply, "ring", role_of(node));
    reply_field(reply, "client", fmt::format("{}:{}", node.client.host, node.client.port));
    reply_field(reply, "bus", fmt::format("{}:{}", node.bus.host, node.bus.port));
    reply_field(reply, "hostname", node.hostname);
    reply_field(reply, "datacenter", node.datacenter);
    reply_field(reply, "rack", node.rack);
    reply_field(reply, "vnodes", node.vnodes);
    reply_field(reply, "epoch", node.ring_epoch);
    reply_field(reply, "unsettled-shards", node.unsettled_shards);
    reply.bulk("clock-offset-ms");
    if (node.clock_offset_ms)
        reply.integer(*node.clock_offset_ms);
    else
        reply.null();
    reply.bulk("heard-ms-ago");
    if (is_self || node.last_heard_ms == 0)
        reply.null();
    else
        reply.integer(std::max<int64_t>(now_ms - node.last_heard_ms, 0));
}

void members(Call& call, ClusterView& view) {
    const ClusterPicture picture = view.picture();
    call.reply.array(picture.nodes.size());
    for (const ClusterNode& node : picture.nodes)
        reply_member(call.reply, node, node.id == picture.self, call.now_ms);
}

void drain(Call& call, ClusterView& view) {
    reply_result(call, view.drain());
}

void reply_report(Call& call, const RepairReport& report) {
    ReplyWriter& reply = call.reply;
    const auto incomplete =
        std::ranges::count_if(report.shards, [](const ShardRoot& shard) { return !shard.complete; });
    reply.map(4);
    reply_field(reply, "keys-sent", report.keys_sent);
    reply_field(reply, "keys-received", report.keys_received);
    reply_field(reply, "incomplete", incomplete);
    reply.bulk("shards");
    reply.array(report.shards.size());
    for (const ShardRoot& shard : report.shards) {
        const int64_t first = int64_t{shard.shard} * kSlotsPerShard;
        reply.array(4);
        reply.integer(first);
        reply.integer(first + kSlotsPerShard - 1);
        reply.bulk(fmt::format("{:016x}", shard.root));
        reply.bulk(shard.complete ? "complete" : "incomplete");
    }
}

/// Block::arguments[0]: the repair's number.
void repair_ended(Call& call, ClusterView& view) {
    const auto report = view.repair_report(static_cast<uint64_t>(call.client.block.arguments[0]));
    if (!report) return call.reply.error("ERR The repair goes on; nobody waits for it any more");
    reply_report(call, *report);
}

void repair(Call& call, ClusterView& view) {
    SlotRange slots{0, kSlots - 1};
    if (call.args.size() != 1 && call.args.size() != 3)
        return call.reply.error("ERR wrong number of arguments for 'torc.repair' command");
    if (call.args.size() == 3) {
        const auto first = parse_integer(call.args[1]);
        const auto last = parse_integer(call.args[2]);
        if (!first || !last || *first < 0 || *last >= int64_t{kSlots})
            return call.reply.error("ERR Invalid or out of range slot");
        if (*first > *last)
            return call.reply.error(
                fmt::format("ERR start slot number {} is greater than end slot number {}", *first, *last));
        slots = {static_cast<SlotId>(*first), static_cast<SlotId>(*last)};
    }
    const auto number = view.start_repair(slots);
    if (!number) return call.reply.error(number.error().message);
    call.client.block = {.kind = Block::Kind::repair,
                         .arguments = {static_cast<int64_t>(*number), 0},
                         .finish = [](Call& later, bool) { clustered<repair_ended>(later); }};
}

void ring_help(Call& call, ClusterView&) {
    constexpr std::string_view kLines[] = {
        "(no subcommand)",
        "    Show the ring: its epoch, each member's share of the slots, and data on the move.",
        "FORCE-REMOVE <node-id>",
        "    Take a dead node out at once, without asking the others, and bar its id for ever. Only where",
        "    no majority of the members is left: what the dead node alone knew is gone.",
    };
    reply_help(call, "TORC.RING", kLines);
}

constexpr uint64_t kSteering = kAdmin | kNoScript | kStale;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kRingSubcommands[] = {
    {"force-remove", 3, kSteering, kAdminSlow, {}, clustered<force_remove>},
    {"help", 2, kLoading | kStale, kCatSlow, {}, clustered<ring_help>},
};

constexpr CommandSpec kCommands[] = {
    {"torc.drain", 1, kSteering, kAdminSlow, {}, clustered<drain>},
    {"torc.members", 1, kStale, kCatSlow, {}, clustered<members>},
    {"torc.repair", -1, kSteering | kNoMulti, kAdminSlow, {}, clustered<repair>},
    {"torc.ring", -1, kStale, kCatSlow, {}, clustered<ring>, kRingSubcommands},
};

}  // namespace

std::span<const CommandSpec> torc_ring_commands() {
    return kCommands;
}

}  // namespace torc
