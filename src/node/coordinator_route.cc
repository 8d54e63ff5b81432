// Where a command runs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/config.h"
#include "base/mutant.h"
#include "cluster/slots.h"
#include "commands/command_table.h"
#include "commands/transactions.h"
#include "node/cell_keyspace.h"
#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/digest_op.h"
#include "node/errand_op.h"
#include "node/gates.h"
#include "node/gather.h"
#include "node/internal_commands.h"
#include "node/join_op.h"
#include "node/node_core.h"
#include "node/node_faces.h"
#include "node/shard_sync.h"
#include "node/worker_core.h"
#include "node/write_op.h"

namespace torc {
namespace {

/// Replies of one connection that may be waited for at once.
constexpr size_t kMostPending = 4096;
/// Of a connection, on their way to other nodes: well below what an executor takes (kMostWaitingBytes), so
/// that none of them is turned away while one behind it is let in.
constexpr size_t kMostForwardedBytes = 4u << 20;

constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";
constexpr std::string_view kDamagedHere =
    "CORRUPT this node's copy of the key is damaged, and too few of the other replicas can be asked for it";
constexpr int64_t kForeverMs = int64_t{1} << 40;

/// False when nobody has said where clients find that node.
bool redirect(const Peer* peer, SlotId slot, std::string& error) {
    if (peer == nullptr || peer->client.port == 0) return false;
    const std::string& host = !peer->client.host.empty() ? peer->client.host : peer->bus.host;
    if (host.empty()) return false;
    error = fmt::format("MOVED {} {}:{}", slot, host, peer->client.port);
    return true;
}

}  // namespace

bool Coordinator::is_write(const ClientCore& client, const CommandSpec& spec) const {
    if (&spec != worker_.node.exec_spec) return (spec.flags & kWrite) != 0;
    return std::ranges::any_of(
        client.state->queue, [](const QueuedCommand& queued) { return (queued.spec->flags & kWrite) != 0; });
}

Consistency Coordinator::level(const ClientCore& client, bool write) const {
    const ClusterClient& state = client.cluster;
    const uint8_t asked = write ? state.write_level : state.read_level;
    if (asked != ForwardMessage::kDefaultLevel) {
        const auto wanted = static_cast<Consistency>(asked);
        return write && strict(client) ? stronger(wanted, Consistency::quorum) : wanted;
    }
    if (!write && client.state->readonly.load(std::memory_order_relaxed)) return Consistency::one;
    if (state.policy) return write ? state.policy->write : state.policy->read;
    const LiveSettings& live = worker_.node.config.live;
    return static_cast<Consistency>((write ? live.write_consistency : live.read_consistency).load());
}

bool Coordinator::sloppy(const ClientCore& client) const {
    if (client.cluster.policy) return client.cluster.policy->sloppy;
    return worker_.node.config.live.sloppy_quorum.load(std::memory_order_relaxed);
}

bool Coordinator::strict(const ClientCore& client) {
    return client.cluster.policy && client.cluster.policy->strict;
}

template <class Visit>
void Coordinator::for_each_key(const ClientCore& client, const Prepared& command, Args args, Visit visit) {
    if (command.one_key) return visit(command.key.bytes);
    if (command.spec == worker_.node.exec_spec) {
        for (const std::string& key : queue_keys(client)) visit(std::string_view(key));
        return;
    }
    worker_.key_positions.clear();
    (void)find_keys(*command.spec, args, worker_.key_positions);
    for (const KeyPosition& position : worker_.key_positions)
        visit(args[static_cast<size_t>(position.index)]);
}

bool Coordinator::apply_policies(ClientCore& client, const Prepared& command, Args args, bool write) {
    std::optional<RequestPolicy>& policy = client.cluster.policy;
    for_each_key(client, command, args, [&](std::string_view key) {
        const RequestPolicy of_key = request_policy(worker_.node.config.live, *policies_, key);
        if (policy)
            policy->join(of_key);
        else
            policy = of_key;
    });
    if (!write || !policy) return true;
    const auto fits = [&](std::string_view word) { return word.size() <= policy->max_entry_bytes; };
    if (command.spec != worker_.node.exec_spec) return std::ranges::all_of(args, fits);
    return std::ranges::all_of(client.state->queue, [&](const QueuedCommand& queued) {
        return std::ranges::all_of(queued.words, fits);
    });
}

Coordinator::Route Coordinator::wait_for_replies(ClientCore& client) {
    client.pause = Pause::replies;
    return Route::wait;
}

Coordinator::Route Coordinator::route(ClientCore& client, const Prepared& command, Args args,
                                      std::string& error) {
    const CommandSpec& spec = *command.spec;
    client.cluster.policy.reset();
    if ((spec.flags & kInternal) != 0) return Route::here;
    if (client.cluster.deadline_ms != 0 && client.cluster.deadline_ms < worker_.now_ms &&
        !mutant("late-forward-run")) {
        // It has waited here: whoever sent it has been told that it's in doubt, and may have gone on.
        client.cluster.joined = false;
        error = "NOREPLICAS the node that coordinates this key was too late; the command was not applied";
        return Route::refused;
    }
    // What a peer's connection or a client's own has asked for piles up here, not in the link.
    if (__builtin_expect(client.replies->full(), 0)) return wait_for_replies(client);
    if (client.feeder == nullptr) {
        size_t bytes = 0;
        for (const std::string_view word : args) bytes += word.size();
        if (__builtin_expect(bytes > kMostCommandBytes, 0)) {
            error = fmt::format(
                "ERR a command of {} bytes is too large for a cluster, whose nodes send each other "
                "at most {}",
                bytes, kMostCommandBytes);
            return Route::refused;
        }
        const ClusterClient& sent = client.cluster;
        if (__builtin_expect(sent.forwarded_bytes != 0, 0)) {
            if (&spec == worker_.node.exec_spec) bytes = client.state->queued_bytes;
            if (sent.forwarded_bytes + bytes + args.size() * sizeof(std::string) > kMostForwardedBytes)
                return wait_for_replies(client);
        }
    }
    // From this command on, not only when the control thread has woken up, too.
    cluster_.distrust_after_pauses(pauses(), topology_->ring->state().members.size());
    if (__builtin_expect(!cluster_.gathered(), 0) && client.feeder == nullptr &&
        (spec.flags & kLoading) == 0) {
        error = "LOADING this node has just started and looks for the other nodes of its cluster";
        return Route::refused;
    }
    if (__builtin_expect(client.replies->size() >= kMostPending, 0)) return wait_for_replies(client);
    // What went another way, or by an older topology, has to be back before this may overtake it.
    const ClusterClient& state = client.cluster;
    if (__builtin_expect(state.forwards != 0, 0) && !state.joined &&
        !state.may_follow(is_write(client, spec), topology_->version))
        return wait_for_replies(client);
    if (__builtin_expect(command.one_key && &spec != worker_.node.watch_spec, 1))
        return route_keys(client, command, args, command.key.slot, (spec.flags & kWrite) != 0, error);
    if (&spec == worker_.node.exec_spec) return route_exec(client, command, error);
    if (&spec == worker_.node.wait_spec || &spec == worker_.node.waitaof_spec)
        return route_wait(client, args, error);
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
    if (&spec == worker_.node.watch_spec) return route_watch(client, command, args, slot, error);
    return route_keys(client, command, args, slot, (spec.flags & kWrite) != 0, error);
}

Coordinator::Route Coordinator::route_keys(ClientCore& client, const Prepared& command, Args args,
                                           SlotId slot, bool write, std::string& error) {
    const ShardId shard = shard_of(slot);
    // Who can't write its log leaves deciding to others, where there are any.
    if (write && client.feeder == nullptr && __builtin_expect(worker_.node.log_is_failing(), 0) &&
        cluster_.settled(shard) && !is_alone())
        cluster_.unsettle_all();
    const ShardPlan& at = plan(shard);
    ClusterClient& state = client.cluster;
    if (__builtin_expect(at.replicas.empty(), 0)) {
        error = "CLUSTERDOWN This node has not joined a cluster yet";
        return Route::refused;
    }
    if (__builtin_expect(std::exchange(state.join_failed, false), 0)) {
        state.joined = false;
        if (state.was_damaged) {
            error = kDamagedHere;
            return Route::refused;
        }
        ClusterCounters::add(cluster_.counters.no_replicas);
        error = "NOREPLICAS too few replicas answered in time";
        return Route::refused;
    }
    if (__builtin_expect(policies_ != nullptr, 0) && !apply_policies(client, command, args, write)) {
        error = "ERR entry is larger than its key's policy allows (max-entry)";
        return Route::refused;
    }
    const int best = at.coordinator();
    // Left to another node meanwhile: it decides, of what was on its way through here, too.
    const bool ceded = write && has_ceded(client, at, best);
    if (state.joined && !ceded) return Route::here;  // asked for already
    state.joined = false;

    const Consistency wanted = level(client, write);
    const bool here = (client.feeder != nullptr && !ceded) || (best >= 0 && best == at.self) || best < 0 ||
                      (!write && wanted == Consistency::one && at.self_owns());
    if (write && std::ranges::find(state.reads, shard) != state.reads.end()) return wait_for_replies(client);
    if (!here) {
        const NodeId target = at.replicas[static_cast<size_t>(best)].id;
        // A client that takes this node for a replica may read here without READONLY: redirected, it would
        // come again and again.
        const bool may_stay = !write && at.self_owns();
        if (!may_stay && worker_.node.config.live.cluster_redirect.load(std::memory_order_relaxed) &&
            redirect(topology_->peer(target), slot, error)) {
            ClusterCounters::add(cluster_.counters.redirects);
            return Route::refused;
        }
        Errand errand;
        errand.commands.add(args);
        errand.write = write;
        errand.resendable = is_resendable(*command.spec);
        errand.shard = shard;
        return forward(client, std::move(errand));
    }
    if (write) {
        if (__builtin_expect(worker_.out_of_memory, 0)) {
            error = kOutOfMemory;
            return Route::refused;
        }
        if (__builtin_expect(worker_.node.log_is_failing(), 0)) {
            error = log_refusal(worker_.node);
            return Route::refused;
        }
        unsigned have = 0, need = 0;
        if (!WriteOp::possible(at, wanted, sloppy(client), have, need)) {
            ClusterCounters::add(cluster_.counters.no_replicas);
            error = fmt::format("NOREPLICAS not enough replicas are up to acknowledge the write ({} of {})",
                                have, need);
            return Route::refused;
        }
        // A substitute asks first, settled or not: what the first coordinator had acknowledged by another
        // replica alone isn't in this copy.
        if (trusts_own_copy(shard) && !strict(client)) return Route::here;
        if (mutant("stale-coordinator")) return Route::here;
        return join_first(client, command, args, shard, wanted, true);
    }
    if (state.must_join || (wanted != Consistency::one && !(at.self_owns() && cluster_.settled(shard))))
        return join_first(client, command, args, shard, wanted, false);
    return Route::here;
}

/// Is the command for `best` to decide although it came here, since this node has just left it the shard?
bool Coordinator::has_ceded(const ClientCore& client, const ShardPlan& at, int best) {
    return best >= 0 && best != at.self && at.replicas[static_cast<size_t>(best)].ceded &&
           !client.cluster.relayed;
}

Coordinator::Route Coordinator::join_first(ClientCore& client, const Prepared& command, Args args,
                                           ShardId shard, Consistency wanted, bool write) {
    // Alone there's nobody to ask.
    const ShardPlan& at = plan(shard);
    if (at.owners == 1 && at.self_owns()) return Route::here;
    JoinTerms terms;
    // A write that only W - 1 of others may have seen must be found: N - W + 1 copies are read.
    terms.level = write ? Consistency::quorum : wanted;
    terms.must = !write || strict(client);
    // What a stand-in decided before it ceded the shard may be at the stand-in alone.
    terms.all_alive = write && at.self_owns() && cluster_.settled(shard) && !took_long_ago(shard);
    return join(client, command, args, shard, terms, write);
}

bool Coordinator::may_ask_others(const ClientCore& client, ShardId shard) {
    return !client.cluster.was_damaged && has_others(shard);
}

void Coordinator::ask_others(ClientCore& client, const Prepared& command, Args args) {
    const bool write = is_write(client, *command.spec);
    JoinTerms terms;
    terms.level = write ? Consistency::quorum : level(client, false);
    terms.own_damaged = true;
    client.cluster.joined = false;
    (void)join(client, command, args, worker_.run.known.front().shard(), terms, write);
}

Coordinator::Route Coordinator::join(ClientCore& client, const Prepared& command, Args args, ShardId shard,
                                     const JoinTerms& terms, bool write) {
    std::vector<std::string> keys;
    for_each_key(client, command, args, [&](std::string_view key) { keys.emplace_back(key); });
    JoinOp& op = add(std::make_unique<JoinOp>(*this, client, shard, std::move(keys), terms),
                     write ? request_timeout_ms() / 2 : request_timeout_ms());
    client.cluster.joining = true;
    client.pause = Pause::quorum;
    if (op.start()) ops_.erase(op.number);
    return Route::wait;
}

Coordinator::Route Coordinator::forward(ClientCore& client, Errand errand) {
    ClusterClient& state = client.cluster;
    errand.session = client.state->id;
    errand.resp3 = client.reply.protocol() == 3;
    errand.readonly = client.state->readonly.load(std::memory_order_relaxed);
    errand.read_level = state.read_level;
    errand.write_level = state.write_level;
    errand.relayed = client.feeder != nullptr;
    const size_t bytes = errand.commands.bytes().size() + errand.commands.words() * sizeof(std::string);
    ReplyTicket ticket(client.replies, client.replies->push_pending({}, 0, 0, client.reply_is_muted));
    client.reply_is_pending = true;
    state.forwarded_bytes += bytes;
    state.begin_forward(errand.write, topology_->version);
    state.forwards_astray |= client.feeder != nullptr;  // writes are relayed, reads answered here
    errand.origin = client.replies;
    errand.order = state.next_order++;
    NodeId target = errand.node;
    const ShardPlan& at = plan(errand.shard);
    if (const int best = at.coordinator(); target == 0 && best >= 0)
        target = at.replicas[static_cast<size_t>(best)].id;
    if (errand.write && client.feeder != nullptr) {
        if (state.writes != nullptr) state.writes->add(nullptr);  // who has it isn't known here
    } else if (errand.write) {
        state.writes = nullptr;
        state.wrote_at.assign(1, target);
    }
    if (target != 0 && target != cluster_.self &&
        std::ranges::find(state.sessions_at, target) == state.sessions_at.end())
        state.sessions_at.push_back(target);
    errand.done = [ticket = std::move(ticket), bytes](std::string_view reply) {
        if (ClientCore* origin = ticket.client()) {
            origin->cluster.end_forward();
            origin->cluster.forwarded_bytes -= bytes;
        }
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
        return (queued.spec->flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0 ||
               queued.spec->name == "dbsize";
    });
    if (walks && client.feeder == nullptr && !is_alone()) {
        error = "ERR commands that walk the whole keyspace are not allowed in a cluster's transaction";
        return Route::refused;
    }
    if (keys.empty() && client.cluster.watched_slot < 0) return Route::here;
    if (client.feeder == nullptr && state.queued_bytes > kMostCommandBytes) {
        error = fmt::format(
            "ERR a transaction of {} bytes is too large for a cluster, whose nodes send each other "
            "at most {}",
            state.queued_bytes, kMostCommandBytes);
        return Route::refused;
    }
    const SlotId slot =
        keys.empty() ? static_cast<SlotId>(client.cluster.watched_slot) : key_slot(keys.front());
    if (!std::ranges::all_of(keys, [&](const std::string& key) { return key_slot(key) == slot; })) {
        error = kCrossSlot;
        return Route::refused;
    }
    const ShardPlan& at = plan(shard_of(slot));
    const int best = at.coordinator();
    const bool write = is_write(client, *command.spec);
    const bool ceded = write && has_ceded(client, at, best);
    const bool here = (client.feeder != nullptr && !ceded) || best < 0 || best == at.self;
    const NodeId target = here ? 0 : at.replicas[static_cast<size_t>(best)].id;
    ClusterClient& cluster = client.cluster;
    const bool watches =
        cluster.watching != 0 || state.watch != nullptr || (client.feeder != nullptr && cluster.must_watch);
    if (cluster.watch_lost || (watches && cluster.watching != target)) {
        // Who watched can't tell any more what happened to the keys.
        client.reply.null_array();
        end_transaction(worker_.node.faces->transactions(), state);
        return Route::answered;
    }
    if (here) return route_keys(client, command, {}, slot, write, error);
    if (write && !cluster.reads.empty()) return wait_for_replies(client);
    Errand errand;
    for (const QueuedCommand& queued : state.queue) errand.commands.add(queued.words);
    errand.transaction = true;
    errand.write = write;
    errand.shard = shard_of(slot);
    errand.node = watches ? target : 0;
    errand.watches = watches;
    cluster.watching = 0;  // the EXEC there ends it
    end_transaction(worker_.node.faces->transactions(), state);
    return forward(client, std::move(errand));
}

Coordinator::Route Coordinator::route_watch(ClientCore& client, const Prepared& command, Args args,
                                            SlotId slot, std::string& error) {
    ClusterClient& state = client.cluster;
    if (client.state->in_multi) return Route::here;  // refused there
    if (client.feeder != nullptr) return route_keys(client, command, args, slot, false, error);
    if (state.watched_slot >= 0 && state.watched_slot != slot) {
        error = kCrossSlot;
        return Route::refused;
    }
    const ShardPlan& at = plan(shard_of(slot));
    const int best = at.coordinator();
    const NodeId target = best < 0 || best == at.self ? 0 : at.replicas[static_cast<size_t>(best)].id;
    const bool watches = state.watching != 0 || client.state->watch != nullptr;
    if (target == 0) {
        const Route route = route_keys(client, command, args, slot, false, error);
        if (route != Route::here) return route;
        state.watch_lost |= state.watching != 0;
        state.watched_slot = slot;
        return route;
    }
    // The coordinator has changed since the first WATCH: two nodes' words together are no atomic word.
    state.watch_lost |= watches && state.watching != target;
    state.watching = target;
    state.watched_slot = slot;
    Errand errand;
    errand.commands.add(args);
    errand.shard = shard_of(slot);
    errand.node = target;
    return forward(client, std::move(errand));
}

/// Where the last write ran, there is known who has it.
Coordinator::Route Coordinator::route_wait(ClientCore& client, Args args, std::string& error) {
    ClusterClient& state = client.cluster;
    if (client.feeder != nullptr || state.wrote_at.empty()) {
        if (!client.replies->empty()) return wait_for_replies(client);
        return Route::here;
    }
    int64_t timeout_ms = 0;
    const std::string_view last = args.back();
    const auto [end, failed] = std::from_chars(last.data(), last.data() + last.size(), timeout_ms);
    if (failed != std::errc() || end != last.data() + last.size() || timeout_ms < 0 ||
        timeout_ms > kForeverMs)
        return Route::here;  // refused there
    Errand errand;
    errand.commands.add(args);
    errand.deadline_ms = now_ms() + (timeout_ms == 0 ? kForeverMs : timeout_ms + request_timeout_ms());
    if (state.wrote_at.size() == 1 && state.writes == nullptr) {
        errand.node = state.wrote_at.front();
        return forward(client, std::move(errand));
    }
    // The last command was taken apart: its parts are as safe as the least safe one.
    std::vector<NodeId> nodes = state.wrote_at;
    if (state.writes != nullptr) nodes.push_back(cluster_.self);
    const auto whole = gather(client, GatherKind::least);
    for (size_t i = 0; i < nodes.size(); ++i) (void)whole->expect();
    for (size_t i = 0; i < nodes.size(); ++i) {
        Errand part;
        part.commands = errand.commands;
        part.deadline_ms = errand.deadline_ms;
        part.node = nodes[i];
        part.writes = state.writes;
        send_part(client, whole, i, std::move(part));
    }
    (void)error;
    return Route::elsewhere;
}

bool Coordinator::is_alone() const {
    const RingState& ring = topology_->ring->state();
    return ring.members.size() == 1 && ring.members.front().id == cluster_.self;
}

// ---- after it ran here

ReplyTicket Coordinator::hold_reply(ClientCore& client, size_t mark, Lsn lsn, Lsn own) {
    const uint64_t number = client.replies->push_pending(std::string(client.output.view().substr(mark)), lsn,
                                                         own, client.reply_is_muted);
    client.output.truncate(mark);
    client.reply_is_pending = true;
    return {client.replies, number};
}

/// Keys that a command found expired: deleted soon, where that's this node's to do.
void Coordinator::expire_seen() {
    for (std::string& key : worker_.run.expired) {
        const ShardId shard = shard_of(key_slot(key));
        if (cluster_.settled(shard) && answers_for(*topology_, cluster_.self, shard))
            run_here(&kExpireCommand, {"expire", std::move(key)}, {}, [](std::string_view) {});
    }
    worker_.run.expired.clear();
}

void Coordinator::ran(ClientCore& client, const Prepared& command, Args args, size_t mark, Lsn lsn, Lsn own) {
    RunningCommand& run = worker_.run;
    if (__builtin_expect(!run.expired.empty(), 0)) expire_seen();
    if (__builtin_expect(!run.long_contexts.empty(), 0)) {
        for (std::string& key : run.long_contexts) worker_.sync->want_trim(std::move(key));
        run.long_contexts.clear();
    }
    const bool joined = std::exchange(client.cluster.joined, false);
    const CommandSpec& spec = *command.spec;
    if (run.change_count != 0) {
        std::string_view rest = run.changes;
        const auto first = next_change(rest);
        const ShardId shard = shard_of(key_slot(first->key));
        wrote_ = true;
        ClusterCounters::add(cluster_.counters.replicated, run.change_count);
        run.change_count = 0;
        if (!is_replicated(spec)) {
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
    const ShardPlan& at = plan(shard);
    const bool alone = at.replicas.size() == 1 && at.self_owns();
    auto acks = alone ? nullptr : std::make_shared<ReplicaAcks>();
    ClusterClient& state = client.cluster;
    if (client.feeder == nullptr) state.wrote_at.clear();
    if (state.writes == nullptr) state.writes = std::make_shared<WriteAcks>();
    state.writes->add(acks);
    if (alone) return times_.count(true, level(client, true), 0);
    ReplyTicket ticket = hold_reply(client, mark, lsn, own);
    const WriteOp::Terms terms{level(client, true), sloppy(client)};
    add(std::make_unique<WriteOp>(*this, shard, terms, std::move(worker_.run.changes), std::move(acks),
                                  std::move(ticket)),
        request_timeout_ms())
        .start();
}

void Coordinator::compare_digests(ClientCore& client, Args args, ShardId shard, Consistency wanted,
                                  size_t mark, Lsn lsn) {
    DigestOp::Keys keys;
    digests_.clear();
    auto& cells = static_cast<CellKeyspace&>(*worker_.keyspaces[0]);
    for (const KeyRef& key : worker_.run.known) {
        keys.emplace_back(key.bytes);
        digests_.push_back(cell_digest(cells.cell(key.bytes)));
    }
    ReplyTicket ticket = hold_reply(client, mark, lsn, 0);
    PackedCommands words;
    words.add(args);
    auto again = [this, words = std::move(words), read = ReadUnderWay(client.replies, shard),
                  resp3 = client.reply.protocol() == 3, wanted](ReplyTicket waiting) mutable {
        BusExecutor::Settings settings;
        settings.resp3 = resp3;
        settings.must_join = true;
        settings.read_level = static_cast<uint8_t>(wanted);
        defer({nullptr, std::move(words), false, settings,
               [waiting, read = std::move(read)](std::string_view reply) { waiting.complete(reply); }, 0});
    };
    DigestOp& op =
        add(std::make_unique<DigestOp>(*this, shard, wanted, std::move(keys), combined_digest(digests_),
                                       std::move(ticket), std::move(again)),
            request_timeout_ms());
    if (op.start()) ops_.erase(op.number);
}

}  // namespace torc
