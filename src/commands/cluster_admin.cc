#include "commands/cluster_admin.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <cctype>
#include <string>

#include "base/types.h"
#include "cluster/slots.h"
#include "commands/cluster_map.h"
#include "commands/clustered.h"
#include "commands/errors.h"
#include "resp/number.h"

namespace torc {
namespace {

constexpr int64_t kBusPortDistance = 10000;  // from the clients' port, when nobody says otherwise

/// An address, or what could be a host's name: resolving it is the bus's business.
bool is_host(std::string_view word) {
    if (word.empty() || word.size() > 255) return false;
    const std::string text(word);
    in6_addr address;
    if (inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1)
        return true;
    const auto is_part = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
    };
    const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
    return std::ranges::all_of(word, is_part) && std::ranges::any_of(word, is_letter);
}

std::optional<ClusterNode> find_node(const ClusterView& view, std::string_view name) {
    const ClusterPicture picture = view.picture();
    const ClusterNode* const node = ClusterMap(picture).find(name);
    return node == nullptr ? std::nullopt : std::optional(*node);
}

/// Nothing when the node is unknown: the error has been replied.
std::optional<ClusterNode> node_argument(Call& call, const ClusterView& view, std::string_view word) {
    auto node = find_node(view, word);
    if (!node) call.reply.error(fmt::format("ERR Unknown node {}", word));
    return node;
}

/// Nothing when it's none: the error has been replied.
std::optional<SlotId> slot_argument(Call& call, std::string_view word) {
    const auto slot = parse_integer(word);
    if (slot && *slot >= 0 && *slot < static_cast<int64_t>(kSlots)) return static_cast<SlotId>(*slot);
    call.reply.error("ERR Invalid or out of range slot");
    return std::nullopt;
}

/// Of a subcommand whose row can't say how many are too many.
void wrong_number_of_arguments(Call& call) {
    call.reply.error(fmt::format(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try CLUSTER HELP.", call.args[1]));
}

void slots_are_the_rings(Call& call) {
    call.reply.error(
        "ERR The ring places slots by itself: start a node with cluster-seeds, or CLUSTER MEET it, and data "
        "moves to it");
}

void has_no_roles(Call& call) {
    call.reply.error("ERR Torc has no primaries and replicas: every owner of a slot takes writes");
}

bool is_port(int64_t number) {
    return number > 0 && number <= 65535;
}

}  // namespace

void cluster_meet(Call& call, ClusterView& view) {
    if (call.args.size() > 5) return wrong_number_of_arguments(call);
    const std::string_view host = call.args[2];
    const auto port = parse_integer(call.args[3]);
    if (!port) return call.reply.error(fmt::format("ERR Invalid TCP base port specified: {}", call.args[3]));
    int64_t bus_port = 0;
    if (call.args.size() == 5) {
        const auto given = parse_integer(call.args[4]);
        if (!given)
            return call.reply.error(fmt::format("ERR Invalid TCP bus port specified: {}", call.args[4]));
        bus_port = *given;
    } else if (is_port(*port)) {
        bus_port = *port + kBusPortDistance;
    }
    if (!is_host(host) || !is_port(*port) || !is_port(bus_port))
        return call.reply.error(fmt::format("ERR Invalid node address specified: {}:{}", host, call.args[3]));
    reply_result(call,
                 view.meet(std::string(host), static_cast<uint16_t>(*port), static_cast<uint16_t>(bus_port)));
}

void cluster_forget(Call& call, ClusterView& view) {
    const auto node = node_argument(call, view, call.args[2]);
    if (!node) return;
    if (node->id == view.self()) return call.reply.error("ERR I tried hard but I can't forget myself...");
    reply_result(call, view.forget(node->id));
}

void cluster_reset(Call& call, ClusterView& view) {
    if (call.args.size() > 3) return wrong_number_of_arguments(call);
    const bool hard = call.args.size() == 3 && word_is(call.args[2], "hard");
    if (call.args.size() == 3 && !hard && !word_is(call.args[2], "soft"))
        return call.reply.error(errors::kSyntax);
    const ClusterPicture picture = view.picture();
    const ClusterNode* const self = picture.node(picture.self);
    const auto members = std::ranges::count_if(picture.nodes, [](const ClusterNode& n) { return n.in_ring; });
    if (self != nullptr && self->in_ring && members > 1)
        return call.reply.error(
            "ERR CLUSTER RESET can't be called on a member of a ring: TORC.DRAIN it first");
    reply_result(call, view.reset(hard));
}

void cluster_saveconfig(Call& call, ClusterView&) {
    call.reply.ok();  // a ring is on disk before it counts
}

void cluster_bumpepoch(Call& call, ClusterView& view) {
    call.reply.simple(fmt::format("STILL {}", view.picture().epoch));
}

void cluster_set_config_epoch(Call& call, ClusterView&) {
    const auto epoch = parse_integer(call.args[2]);
    if (!epoch) return call.reply.error(errors::kNotInteger);
    if (*epoch < 0) return call.reply.error(fmt::format("ERR Invalid config epoch specified: {}", *epoch));
    call.reply.error("ERR The ring's epoch changes by agreement of its members; it can't be set");
}

void cluster_count_failure_reports(Call& call, ClusterView& view) {
    const auto node = node_argument(call, view, call.args[2]);
    if (node) call.reply.integer(node->liveness == Liveness::alive ? 0 : 1);
}

// ---- slots and roles

void cluster_listed_slots(Call& call, ClusterView&) {
    std::bitset<kSlots> listed;
    for (const std::string_view word : call.args.subspan(2)) {
        const auto slot = slot_argument(call, word);
        if (!slot) return;
        if (listed.test(*slot))
            return call.reply.error(fmt::format("ERR Slot {} specified multiple times", *slot));
        listed.set(*slot);
    }
    slots_are_the_rings(call);
}

void cluster_slot_ranges(Call& call, ClusterView&) {
    if (call.args.size() % 2 != 0)
        return call.reply.error(
            fmt::format("ERR wrong number of arguments for 'cluster|{}' command", call.spec.name));
    for (size_t i = 2; i < call.args.size(); i += 2) {
        const auto first = slot_argument(call, call.args[i]);
        if (!first) return;
        const auto last = slot_argument(call, call.args[i + 1]);
        if (!last) return;
        if (*first > *last)
            return call.reply.error(
                fmt::format("ERR start slot number {} is greater than end slot number {}", *first, *last));
    }
    slots_are_the_rings(call);
}

void cluster_flushslots(Call& call, ClusterView&) {
    slots_are_the_rings(call);
}

void cluster_setslot(Call& call, ClusterView& view) {
    if (!slot_argument(call, call.args[2])) return;
    const std::string_view action = call.args[3];
    const bool moves = word_is(action, "migrating") || word_is(action, "importing");
    const bool names_node = moves || word_is(action, "node");
    if (call.args.size() != (names_node ? 5u : 4u) || !(names_node || word_is(action, "stable")))
        return call.reply.error(
            "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
    if (names_node && !find_node(view, call.args[4]))
        return call.reply.error(
            fmt::format("ERR {} {}", moves ? "I don't know about node" : "Unknown node", call.args[4]));
    slots_are_the_rings(call);
}

void cluster_failover(Call& call, ClusterView&) {
    if (call.args.size() > 3) return wrong_number_of_arguments(call);
    if (call.args.size() == 3 && !word_is(call.args[2], "force") && !word_is(call.args[2], "takeover"))
        return call.reply.error(errors::kSyntax);
    has_no_roles(call);
}

void cluster_replicate(Call& call, ClusterView& view) {
    const auto node = node_argument(call, view, call.args[2]);
    if (!node) return;
    if (node->id == view.self()) return call.reply.error("ERR Can't replicate myself");
    has_no_roles(call);
}

}  // namespace torc
