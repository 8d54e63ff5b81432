// CLUSTER, READONLY, READWRITE and ASKING: what stock cluster clients and redis-cli ask of a node. How the
// ring is shown to those who know only masters and replicas: cluster_map.h.
#include <limits>

#include "base/types.h"
#include "cluster/slots.h"
#include "commands/cluster_admin.h"
#include "commands/cluster_replies.h"
#include "commands/clustered.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "resp/number.h"

namespace torc {
namespace {

void myid(Call& call, ClusterView& view) {
    call.reply.bulk(node_name(view.self()));
}

void keyslot(Call& call, ClusterView&) {
    call.reply.integer(key_slot(call.args[2]));
}

bool is_slot(int64_t number) {
    return number >= 0 && number < static_cast<int64_t>(kSlots);
}

void countkeysinslot(Call& call, ClusterView&) {
    const auto slot = parse_integer(call.args[2]);
    if (!slot) return call.reply.error(errors::kNotInteger);
    if (!is_slot(*slot)) return call.reply.error("ERR Invalid slot");
    int64_t keys = 0;
    call.keys.scan_slot(static_cast<SlotId>(*slot), std::numeric_limits<size_t>::max(),
                        [&keys](std::string_view, ValueType) { ++keys; });
    if (!call.keys.unfinished()) call.reply.integer(keys);
}

void getkeysinslot(Call& call, ClusterView&) {
    const auto slot = parse_integer(call.args[2]);
    const auto most = parse_integer(call.args[3]);
    if (!slot || !most) return call.reply.error(errors::kNotInteger);
    if (!is_slot(*slot) || *most < 0) return call.reply.error("ERR Invalid slot or number of keys");
    const size_t mark = call.reply.begin_deferred();
    size_t keys = 0;
    call.keys.scan_slot(static_cast<SlotId>(*slot), static_cast<size_t>(*most),
                        [&](std::string_view key, ValueType) {
                            call.reply.bulk(key);
                            ++keys;
                        });
    call.reply.end_deferred_array(mark, keys);
}

void help(Call& call, ClusterView&) {
    constexpr std::string_view kLines[] = {
        "COUNT-FAILURE-REPORTS <node-id>",
        "    Tell whether this node takes <node-id> for failing: 0 or 1.",
        "COUNTKEYSINSLOT <slot>",
        "    Count this node's keys in <slot>.",
        "FORGET <node-id>",
        "    Take a drained or empty node out of the cluster.",
        "GETKEYSINSLOT <slot> <count>",
        "    List at most <count> of this node's keys in <slot>.",
        "INFO",
        "    Show the state of the cluster and this node's figures.",
        "KEYSLOT <key>",
        "    Tell the slot of <key>.",
        "LINKS",
        "    List the connections between this node and the others.",
        "MEET <host> <port> [<bus-port>]",
        "    Bring this node and another into one cluster.",
        "MYID",
        "    Tell this node's id.",
        "NODES",
        "    Show a line for each node:",
        "    <id> <ip:port@bus-port[,hostname]> <flags> - <ping> <pong> <epoch> <link> <slot> ...",
        "REPLICAS <node-id>",
        "    Show the lines of the nodes that hold copies of what <node-id> serves first.",
        "RESET [HARD|SOFT]",
        "    Make a node that is alone in its ring one without a ring.",
        "SHARDS",
        "    Show the slots of each set of replicas, and its nodes.",
        "SLOTS",
        "    Show each range of slots with the nodes that hold it, the first to ask first.",
        "Slots are placed by the ring: see TORC.RING, TORC.MEMBERS, TORC.DRAIN and TORC.REPAIR.",
    };
    reply_help(call, "CLUSTER", kLines);
}

void readonly(Call& call, ClusterView&) {
    call.client.readonly = true;
    call.reply.ok();
}

void readwrite(Call& call, ClusterView&) {
    call.client.readonly = false;
    call.reply.ok();
}

/// Comes before a command that a slot's importer shall take. Every node takes every command.
void asking(Call& call, ClusterView&) {
    call.reply.ok();
}

constexpr uint64_t kSteering = kAdmin | kStale | kNoAsyncLoading;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;
constexpr uint64_t kFastConnection = kCatFast | kCatConnection;

constexpr CommandSpec kSubcommands[] = {
    {"addslots", -3, kSteering, kAdminSlow, {}, clustered<cluster_listed_slots>},
    {"addslotsrange", -4, kSteering, kAdminSlow, {}, clustered<cluster_slot_ranges>},
    {"bumpepoch", 2, kSteering, kAdminSlow, {}, clustered<cluster_bumpepoch>},
    {"count-failure-reports", 3, kAdmin | kStale, kAdminSlow, {}, clustered<cluster_count_failure_reports>},
    {"countkeysinslot", 3, kStale | kLocksScan, kCatSlow, {}, clustered<countkeysinslot>},
    {"delslots", -3, kSteering, kAdminSlow, {}, clustered<cluster_listed_slots>},
    {"delslotsrange", -4, kSteering, kAdminSlow, {}, clustered<cluster_slot_ranges>},
    {"failover", -2, kSteering, kAdminSlow, {}, clustered<cluster_failover>},
    {"flushslots", 2, kSteering, kAdminSlow, {}, clustered<cluster_flushslots>},
    {"forget", 3, kSteering, kAdminSlow, {}, clustered<cluster_forget>},
    {"getkeysinslot", 4, kStale | kLocksScan, kCatSlow, {}, clustered<getkeysinslot>},
    {"help", 2, kLoading | kStale, kCatSlow, {}, clustered<help>},
    {"info", 2, kStale, kCatSlow, {}, clustered<cluster_info>},
    {"keyslot", 3, kStale, kCatSlow, {}, clustered<keyslot>},
    {"links", 2, kStale, kCatSlow, {}, clustered<cluster_links>},
    {"meet", -4, kSteering, kAdminSlow, {}, clustered<cluster_meet>},
    {"myid", 2, kStale, kCatSlow, {}, clustered<myid>},
    {"myshardid", 2, kStale, kCatSlow, {}, clustered<myid>},
    {"nodes", 2, kStale, kCatSlow, {}, clustered<cluster_nodes>},
    {"replicas", 3, kAdmin | kStale, kAdminSlow, {}, clustered<cluster_replicas>},
    {"replicate", 3, kSteering, kAdminSlow, {}, clustered<cluster_replicate>},
    {"reset", -2, kAdmin | kNoScript | kStale, kAdminSlow, {}, clustered<cluster_reset>},
    {"saveconfig", 2, kSteering, kAdminSlow, {}, clustered<cluster_saveconfig>},
    {"set-config-epoch", 3, kSteering, kAdminSlow, {}, clustered<cluster_set_config_epoch>},
    {"setslot", -4, kSteering, kAdminSlow, {}, clustered<cluster_setslot>},
    {"shards", 2, kStale, kCatSlow, {}, clustered<cluster_shards>},
    {"slaves", 3, kAdmin | kStale, kAdminSlow, {}, clustered<cluster_replicas>},
    {"slots", 2, kStale, kCatSlow, {}, clustered<cluster_slots>},
};

constexpr CommandSpec kCommands[] = {
    {"asking", 1, kFast, kFastConnection, {}, clustered<asking>},
    {"cluster", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
    {"readonly", 1, kLoading | kStale | kFast, kFastConnection, {}, clustered<readonly>},
    {"readwrite", 1, kLoading | kStale | kFast, kFastConnection, {}, clustered<readwrite>},
};

}  // namespace

std::span<const CommandSpec> cluster_commands() {
    return kCommands;
}

}  // namespace torc
