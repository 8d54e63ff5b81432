// WAIT and WAITAOF: until others, or the disk, have what this connection wrote. A single node has no
// replicas, so whoever asks for some waits until the deadline.
//
// On a cluster WAIT counts the replicas, besides the node that the last write ran on, that have acknowledged
// it, and runs on that node; WAITAOF those of them that have it on their disks.
#include "base/config.h"
#include "commands/call.h"
#include "commands/clients.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"
#include "commands/timeout_argument.h"
#include "resp/number.h"

namespace torc {
namespace {

void wait_ended(Call& call, bool) {
    call.reply.integer(call.node.clients().writes_replicated(call.client));
}

void wait(Call& call) {
    const auto replicas = parse_integer(call.args[1]);
    if (!replicas) return call.reply.error(errors::kNotInteger);
    const auto deadline = deadline_argument(call, call.args[2]);
    if (!deadline) return;
    const int64_t have = call.node.clients().writes_replicated(call.client);
    if (*replicas <= have || call.client.in_multi) return call.reply.integer(have);
    Block& block = call.client.block;
    block.kind = Block::Kind::replicated;
    block.arguments[0] = *replicas;
    block.deadline_ms = *deadline;
    block.finish = wait_ended;
}

void waitaof_ended(Call& call, bool) {
    const Clients& clients = call.node.clients();
    call.reply.array(2);
    call.reply.integer(clients.writes_synced(call.client) ? 1 : 0);
    call.reply.integer(clients.replicas_synced(call.client));
}

void waitaof(Call& call) {
    const auto local = parse_integer(call.args[1]);
    if (!local) return call.reply.error(errors::kNotInteger);
    if (*local < 0 || *local > 1)
        return call.reply.error("ERR value is out of range, value must between 0 and 1");
    const auto replicas = parse_integer(call.args[2]);
    if (!replicas || *replicas < 0) return call.reply.error("ERR value is out of range, must be positive");
    const auto deadline = deadline_argument(call, call.args[3]);
    if (!deadline) return;
    if (*local == 1 && !call.node.config().live.appendonly.load(std::memory_order_relaxed))
        return call.reply.error(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

    const Clients& clients = call.node.clients();
    const bool synced = *local == 0 || clients.writes_synced(call.client);
    if ((synced && *replicas <= clients.replicas_synced(call.client)) || call.client.in_multi)
        return waitaof_ended(call, false);
    Block& block = call.client.block;
    block.kind = *replicas == 0 ? Block::Kind::synced : Block::Kind::synced_by_replicas;
    block.lsn = call.client.last_write_lsn;
    block.arguments[0] = *local;
    block.arguments[1] = *replicas;
    block.deadline_ms = *deadline;
    block.finish = waitaof_ended;
}

constexpr uint64_t kSlowConnection = kCatSlow | kCatConnection;

constexpr CommandSpec kCommands[] = {
    {"wait", 3, kNoScript, kSlowConnection, {}, wait},
    {"waitaof", 4, kNoScript, kSlowConnection, {}, waitaof},
};

}  // namespace

std::span<const CommandSpec> wait_commands() {
    return kCommands;
}

}  // namespace torc
