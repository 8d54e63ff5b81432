// Where a command runs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/config.h"
#include "cluster/slots.h"
#include "commands/command_table.h"
#include "commands/transactions.h"
#include "node/cell_keyspace.h"
#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/digest_op.h"
#include "node/errand_op.h"
#include "node/gather.h"
#include "node/internal_commands.h"
#include "node/join_op.h"
#include "node/node_core.h"
#include "node/node_faces.h"
#include "node/worker_core.h"
#include "node/write_op.h"

namespace torc {
namespace {

/// Replies of one connection that may be waited for at once.
constexpr size_t kMostPending = 4096;

constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";

}  // namespace

bool Coordinator::is_write(const ClientCore& client, const CommandSpec& spec) const {
    if (&spec != worker_.node.exec_spec) return (spec.flags & kWrite) != 0;
    return std::ranges::any_of(
        client.state->queue, [](const QueuedCommand& queued) { return (queued.spec->flags & kWrite) != 0; });
}

Consistency Coordinator::level(const ClientCore& client, bool write) const {
    const ClusterClient& state = client.cluster;
    const uint8_t asked = write ? state.write_level : state.read_level;
    if (asked != ForwardMessage::kDefaultLevel) return static_cast<Consistency>(asked);
    if (!write && client.state->readonly.load(std::memory_order_relaxed)) return Consistency::one;
    const LiveSettings& live = worker_.node.config.live;
    return static_cast<Consistency>((write ? live.write_consistency : live.read_consistency).load());
}

Coordinator::Route Coordinator::wait_for_replies(ClientCore& client) {
    client.pause = Pause::replies;
    return Route::wait;
}

Coordinator::Route Coordinator::route(ClientCore& client, const Prepared& command, Args args,
                                      std::string& error) {
    const CommandSpec& spec = *command.spec;
    if ((spec.flags & kInternal) != 0) return Route::here;
    if (client.feeder == nullptr) {
        if (__builtin_expect(client.replies->full(), 0)) return wait_for_replies(client);
        size_t bytes = 0;
        for (const std::string_view word : args) bytes += word.size();
        if (__builtin_expect(bytes > kMostCommandBytes, 0)) {
            error = fmt::format(
                "ERR a command of {} bytes is too large for a cluster, whose nodes send each other "
                "at most {}",
                bytes, kMostCommandBytes);
            return Route::refused;
        }
    }
    if (__builtin_expect(client.replies->size() >= kMostPending, 0)) return wait_for_replies(client);
    if (__builtin_expect(command.one_key, 1))
        return route_keys(client, command, args, command.key.shard(), (spec.flags & kWrite) != 0, error);
    if (&spec == worker_.node.exec_spec) return route_exec(client, command, error);
    if ((spec.flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0 || spec.name == "dbsize")
        return route_whole_cluster(client, command, args, error);
    worker_.key_positions.clear();
    if (!find_keys(spec, args, worker_.key_positions) || worker_.key_positions.empty()) {
        // A reply that comes later by itself (WAIT, BGSAVE) would overtake those that are still to come.
        if ((spec.flags & kFast) == 0 && !client.replies->empty()) return wait_for_replies(client);
        return Route::here;
    }
    const auto slot_of = [&](const KeyPosition& at) { return key_slot(args[static_cast<size_t>(at.index)]); };
    const SlotId slot = slot_of(worker_.key_positions.front());
    const bool one_slot = std::ranges::all_of(worker_.key_positions,
                                              [&](const KeyPosition& at) { return slot_of(at) == slot; });
    if (!one_slot) return fan_out(client, command, args, error);
    return route_keys(client, command, args, shard_of(slot), (spec.flags & kWrite) != 0, error);
}

Coordinator::Route Coordinator::route_keys(ClientCore& client, const Prepared& command, Args args,
                                           ShardId shard, bool write, std::string& error) {
    const ShardPlan& at = plan(shard);
    ClusterClient& state = client.cluster;
    if (__builtin_expect(at.replicas.empty(), 0)) {
        error = "CLUSTERDOWN This node has not joined a cluster yet";
        return Route::refused;
    }
    if (__builtin_expect(std::exchange(state.join_failed, false), 0)) {
        state.joined = false;
        ClusterCounters::add(cluster_.counters.no_replicas);
        error = "NOREPLICAS too few replicas answered in time";
        return Route::refused;
    }
    if (state.joined) return Route::here;  // asked for already

    const Consistency wanted = level(client, write);
    const int best = at.coordinator();
    const bool here = client.feeder != nullptr || (best >= 0 && best == at.self) || best < 0 ||
                      (!write && wanted == Consistency::one && at.self_owns());
    if (!here) {
        // What an older topology sent elsewhere has to be back before this may overtake it.
        if (state.forwards != 0 && state.forwards_version != topology_->version)
            return wait_for_replies(client);
        const NodeId target = at.replicas[static_cast<size_t>(best)].id;
        if (worker_.node.config.live.cluster_redirect.load(std::memory_order_relaxed)) {
            const Peer* peer = topology_->peer(target);
            error = fmt::format("MOVED {} {}:{}", key_slot(command.one_key ? command.key.bytes : args[1]),
                                peer->client.host, peer->client.port);
            return Route::refused;
        }
        Errand errand;
        errand.commands.emplace_back(args.begin(), args.end());
        errand.write = write;
        errand.resendable = is_resendable(*command.spec, args);
        errand.shard = shard;
        return forward(client, std::move(errand));
    }
    if (state.forwards != 0 && client.feeder == nullptr && state.forwards_version != topology_->version)
        return wait_for_replies(client);
    if (write) {
        if (std::ranges::find(state.reads, shard) != state.reads.end()) return wait_for_replies(client);
        unsigned have = 0, need = 0;
        const bool sloppy = worker_.node.config.live.sloppy_quorum.load(std::memory_order_relaxed);
        if (!WriteOp::possible(at, wanted, sloppy, have, need)) {
            ClusterCounters::add(cluster_.counters.no_replicas);
            error = fmt::format("NOREPLICAS not enough replicas are up to acknowledge the write ({} of {})",
                                have, need);
            return Route::refused;
        }
        if (at.self_owns() && cluster_.settled(shard) && best == at.self) return Route::here;
        return join_first(client, command, args, shard, wanted, false);
    }
    if (state.must_join || (wanted != Consistency::one && !(at.self_owns() && cluster_.settled(shard))))
        return join_first(client, command, args, shard, wanted, true);
    return Route::here;
}

Coordinator::Route Coordinator::join_first(ClientCore& client, const Prepared& command, Args args,
                                           ShardId shard, Consistency wanted, bool must) {
    // Alone there's nobody to ask.
    const ShardPlan& at = plan(shard);
    if (at.owners == 1 && at.self_owns()) return Route::here;
    std::vector<std::string> keys;
    if (command.one_key) {
        keys.emplace_back(command.key.bytes);
    } else if (command.spec == worker_.node.exec_spec) {
        keys = queue_keys(client);
    } else {
        worker_.key_positions.clear();
        (void)find_keys(*command.spec, args, worker_.key_positions);
        for (const KeyPosition& position : worker_.key_positions)
            keys.emplace_back(args[static_cast<size_t>(position.index)]);
    }
    // A write that only W - 1 of others may have seen must be found: N - W + 1 copies are read.
    const Consistency reads = must ? wanted : Consistency::quorum;
    const uint64_t number = add(std::make_unique<JoinOp>(*this, client, shard, std::move(keys), reads, must),
                                must ? request_timeout_ms() : request_timeout_ms() / 2);
    client.cluster.joining = true;
    client.pause = Pause::quorum;
    if (static_cast<JoinOp&>(*ops_[number]).start()) ops_.erase(number);
    return Route::wait;
}

Coordinator::Route Coordinator::forward(ClientCore& client, Errand errand) {
    ClusterClient& state = client.cluster;
    errand.session = client.state->id;
    errand.resp3 = client.reply.protocol() == 3;
    errand.readonly = client.state->readonly.load(std::memory_order_relaxed);
    errand.read_level = state.read_level;
    errand.write_level = state.write_level;
    const ReplyTicket ticket(client.replies, client.replies->push_pending({}, 0, 0));
    client.reply_is_pending = true;
    ++state.forwards;
    state.forwards_version = topology_->version;
    const ShardPlan& at = plan(errand.shard);
    if (const int best = at.coordinator(); best >= 0 && best != at.self) {
        const NodeId target = at.replicas[static_cast<size_t>(best)].id;
        if (std::ranges::find(state.sessions_at, target) == state.sessions_at.end())
            state.sessions_at.push_back(target);
    }
    errand.done = [ticket](std::string_view reply) {
        if (ClientCore* origin = ticket.client()) --origin->cluster.forwards;
        ticket.complete(reply);
    };
    send_errand(std::move(errand));
    return Route::elsewhere;
}

std::vector<std::string> Coordinator::queue_keys(const ClientCore& client) {
    std::vector<std::string> keys;
    for (const QueuedCommand& queued : client.state->queue) {
        const std::vector<std::string_view> words(queued.words.begin(), queued.words.end());
        worker_.key_positions.clear();
        if (!find_keys(*queued.spec, words, worker_.key_positions)) continue;
        for (const KeyPosition& position : worker_.key_positions)
            keys.emplace_back(words[static_cast<size_t>(position.index)]);
    }
    if (client.state->watch != nullptr)
        for (const WatchState::Key& key : client.state->watch->keys) keys.push_back(key.name);
    return keys;
}

Coordinator::Route Coordinator::route_exec(ClientCore& client, const Prepared& command, std::string& error) {
    ClientState& state = *client.state;
    if (!state.in_multi || state.multi_failed) return Route::here;
    const std::vector<std::string> keys = queue_keys(client);
    const bool walks = std::ranges::any_of(state.queue, [](const QueuedCommand& queued) {
        return (queued.spec->flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0;
    });
    if (walks && client.feeder == nullptr) {
        error = "ERR commands that walk the whole keyspace are not allowed in a cluster's transaction";
        return Route::refused;
    }
    if (keys.empty()) return Route::here;
    if (client.feeder == nullptr && state.queued_bytes > kMostCommandBytes) {
        error = fmt::format(
            "ERR a transaction of {} bytes is too large for a cluster, whose nodes send each other "
            "at most {}",
            state.queued_bytes, kMostCommandBytes);
        return Route::refused;
    }
    const SlotId slot = key_slot(keys.front());
    if (!std::ranges::all_of(keys, [&](const std::string& key) { return key_slot(key) == slot; })) {
        error = kCrossSlot;
        return Route::refused;
    }
    const ShardId shard = shard_of(slot);
    const ShardPlan& at = plan(shard);
    const int best = at.coordinator();
    if (client.feeder != nullptr || best < 0 || best == at.self)
        return route_keys(client, command, {}, shard, is_write(client, *command.spec), error);
    const NodeId target = at.replicas[static_cast<size_t>(best)].id;
    const bool watches = client.cluster.watching != 0 || state.watch != nullptr;
    if (watches && client.cluster.watching != target) {
        // Who watched can't tell any more what happened to the keys.
        client.reply.null_array();
        end_transaction(worker_.node.faces->transactions(), state);
        client.cluster.watching = 0;
        return Route::answered;
    }
    Errand errand;
    for (const QueuedCommand& queued : state.queue) errand.commands.push_back(queued.words);
    errand.transaction = true;
    errand.write = is_write(client, *command.spec);
    errand.shard = shard;
    errand.node = watches ? target : 0;
    client.cluster.watching = 0;
    end_transaction(worker_.node.faces->transactions(), state);
    return forward(client, std::move(errand));
}

// ---- after it ran here

ReplyTicket Coordinator::hold_reply(ClientCore& client, size_t mark, Lsn lsn, Lsn own) {
    const uint64_t number =
        client.replies->push_pending(std::string(client.output.view().substr(mark)), lsn, own);
    client.output.truncate(mark);
    client.reply_is_pending = true;
    return {client.replies, number};
}

void Coordinator::ran(ClientCore& client, const Prepared& command, Args args, size_t mark, Lsn lsn, Lsn own) {
    RunningCommand& run = worker_.run;
    const bool joined = std::exchange(client.cluster.joined, false);
    const CommandSpec& spec = *command.spec;
    if (run.change_count != 0) {
        std::string_view rest = run.changes;
        const auto first = next_change(rest);
        const ShardId shard = shard_of(key_slot(first->key));
        wrote_ = true;
        ClusterCounters::add(cluster_.counters.replicated, run.change_count);
        run.change_count = 0;
        if ((spec.flags & kInternal) != 0 && &spec != &kFlushShardCommand && &spec != &kExpireCommand) {
            run.changes.clear();
            return;
        }
        replicate(client, shard, mark, lsn, own);
        run.changes.clear();
        return;
    }
    if (joined || (spec.flags & kReadonly) == 0 || (spec.flags & (kInternal | kLocksAll | kLocksScan)) != 0 ||
        run.known.empty())
        return;
    const Consistency wanted = level(client, false);
    const ShardId shard = run.known.front().shard();
    const ShardPlan& at = plan(shard);
    if (wanted == Consistency::one || at.owners <= 1 || !at.self_owns())
        times_.count(false, wanted, 0);
    else
        compare_digests(client, args, shard, wanted, mark, lsn);
}

void Coordinator::replicate(ClientCore& client, ShardId shard, size_t mark, Lsn lsn, Lsn own) {
    auto acks = std::make_shared<uint32_t>(0);
    client.cluster.last_write_acks = acks;
    const ShardPlan& at = plan(shard);
    const bool alone = at.replicas.size() == 1 && at.self_owns();
    if (alone) return times_.count(true, level(client, true), 0);
    const ReplyTicket ticket = hold_reply(client, mark, lsn, own);
    const uint64_t number = add(std::make_unique<WriteOp>(*this, shard, level(client, true),
                                                          worker_.run.changes, std::move(acks), ticket),
                                request_timeout_ms());
    static_cast<WriteOp&>(*ops_[number]).start();
}

void Coordinator::compare_digests(ClientCore& client, Args args, ShardId shard, Consistency wanted,
                                  size_t mark, Lsn lsn) {
    std::vector<std::string> keys;
    std::vector<uint64_t> digests;
    auto& cells = static_cast<CellKeyspace&>(*worker_.keyspaces[0]);
    for (const KeyRef& key : worker_.run.known) {
        keys.emplace_back(key.bytes);
        const std::string_view cell = cells.cell(key.bytes);
        digests.push_back(cell.empty() ? 0 : CellView::parse(cell)->digest());
    }
    const ReplyTicket ticket = hold_reply(client, mark, lsn, 0);
    client.cluster.reads.push_back(shard);
    BusExecutor::Settings settings;
    settings.resp3 = client.reply.protocol() == 3;
    settings.must_join = true;
    settings.read_level = static_cast<uint8_t>(wanted);
    const auto again = [this, settings,
                        words = std::vector<std::string>(args.begin(), args.end())](ReplyTicket waiting) {
        run_here(nullptr, words, settings, [waiting](std::string_view reply) { waiting.complete(reply); });
    };
    const uint64_t number = add(std::make_unique<DigestOp>(*this, shard, wanted, std::move(keys),
                                                           combined_digest(digests), ticket, again),
                                request_timeout_ms());
    if (static_cast<DigestOp&>(*ops_[number]).start()) ops_.erase(number);
}

}  // namespace torc
