// Commands about the whole server that are too small for a file of their own.
#include "base/config.h"
#include "base/time.h"
#include "commands/call.h"
#include "commands/cluster_info.h"
#include "commands/cluster_view.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"
#include "resp/number.h"

namespace torc {
namespace {

void dbsize(Call& call) {
    call.reply.integer(static_cast<int64_t>(call.keys.size()));
}

/// SYNC or ASYNC, or what lazyfree-lazy-user-flush says; absent when a syntax error was replied.
std::optional<bool> lazily(Call& call) {
    if (call.args.size() == 1) return call.node.config().text("lazyfree-lazy-user-flush") == "yes";
    if (call.args.size() == 2 && word_is(call.args[1], "async")) return true;
    if (call.args.size() == 2 && word_is(call.args[1], "sync")) return false;
    call.reply.error(errors::kSyntax);
    return std::nullopt;
}

void flushdb(Call& call) {
    const auto lazy = lazily(call);
    if (!lazy) return;
    call.keys.flush(*lazy);
    call.reply.ok();
}

void flushall(Call& call) {
    const auto lazy = lazily(call);
    if (!lazy) return;
    for (unsigned db = 0; db < call.keys.databases(); ++db) call.keys.in_db(db).flush(*lazy);
    call.reply.ok();
}

void time(Call& call) {
    const int64_t now_us = call.node.clock().wall_us();
    call.reply.array(2);
    call.reply.bulk_integer(now_us / 1'000'000);
    call.reply.bulk_integer(now_us % 1'000'000);
}

void role(Call& call) {
    call.reply.array(3);
    call.reply.bulk("master");
    call.reply.integer(0);
    const ClusterPicture picture =
        call.node.cluster() == nullptr ? ClusterPicture{} : call.node.cluster()->picture();
    const auto replicas = replicas_in(picture);
    call.reply.array(replicas.size());
    for (const ClusterNode* replica : replicas) {
        call.reply.array(3);
        call.reply.bulk(replica->client.host);
        call.reply.bulk_integer(replica->client.port);
        call.reply.bulk_integer(0);
    }
}

void replicaof(Call& call) {
    if (call.node.cluster() != nullptr) return call.reply.error("ERR REPLICAOF not allowed in cluster mode.");
    if (word_is(call.args[1], "no") && word_is(call.args[2], "one")) return call.reply.ok();
    const auto port = parse_integer(call.args[2]);
    if (!port || *port < 0 || *port > 65535) return call.reply.error("ERR Invalid master port");
    call.reply.error("ERR Torc has no primaries and replicas; only REPLICAOF NO ONE is understood");
}

/// There is nobody to fail over to. What Redis finds wrong about the words it says first.
void failover(Call& call) {
    if (call.node.cluster() != nullptr) return call.reply.error("ERR FAILOVER not allowed in cluster mode.");
    if (call.args.size() == 2 && word_is(call.args[1], "abort"))
        return call.reply.error("ERR No failover in progress.");
    bool target = false, timeout = false, force = false;
    for (size_t i = 1; i < call.args.size(); ++i) {
        const size_t left = call.args.size() - i - 1;
        const auto is = [&](std::string_view word, bool& seen, size_t values) {
            return !seen && left >= values && word_is(call.args[i], word) && (seen = true);
        };
        if (is("timeout", timeout, 1)) {
            const auto milliseconds = parse_integer(call.args[++i]);
            if (!milliseconds) return call.reply.error(errors::kNotInteger);
            if (*milliseconds <= 0) return call.reply.error("ERR FAILOVER timeout must be greater than 0");
        } else if (is("to", target, 2)) {
            i += 2;
            if (!parse_integer(call.args[i])) return call.reply.error(errors::kNotInteger);
        } else if (!is("force", force, 0)) {
            return call.reply.error(errors::kSyntax);
        }
    }
    call.reply.error("ERR FAILOVER requires connected replicas.");
}

void monitor(Call& call) {
    if (call.client.in_multi) return call.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
    call.node.start_monitor(call.client);
    call.reply.ok();
}

constexpr uint64_t kFlushes = kWrite | kLocksAll;
constexpr uint64_t kFlushing = kCatKeyspace | kCatWrite | kCatSlow | kCatDangerous;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;
constexpr uint64_t kFollowing = kAdmin | kNoScript | kStale | kNoAsyncLoading;

constexpr CommandSpec kCommands[] = {
    {"dbsize", 1, kReadonly | kFast, kCatKeyspace | kCatRead | kCatFast, {}, dbsize},
    {"failover", -1, kAdmin | kNoScript | kStale, kAdminSlow, {}, failover},
    {"flushall", -1, kFlushes, kFlushing, {}, flushall},
    {"flushdb", -1, kFlushes, kFlushing, {}, flushdb},
    {"monitor", 1, kAdmin | kNoScript | kLoading | kStale, kAdminSlow, {}, monitor},
    {"replicaof", 3, kFollowing, kAdminSlow, {}, replicaof},
    {"role", 1, kNoScript | kLoading | kStale | kFast, kCatAdmin | kCatFast | kCatDangerous, {}, role},
    {"slaveof", 3, kFollowing, kAdminSlow, {}, replicaof},
    {"time", 1, kLoading | kStale | kFast, kCatFast, {}, time},
};

}  // namespace

std::span<const CommandSpec> server_commands() {
    return kCommands;
}

}  // namespace torc
