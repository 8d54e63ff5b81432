#include "node/dispatch.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "commands/call.h"
#include "commands/torc_with.h"
#include "commands/transactions.h"
#include "node/coordinator.h"
#include "node/fetched_keys.h"
#include "node/gates.h"
#include "node/node_faces.h"
#include "node/refusals.h"
#include "node/shown_words.h"
#include "node/sibling_policy.h"
#include "node/spec_cache.h"
#include "node/stopwatch.h"

namespace torc {
namespace {

Args words_of(const WorkerCore& worker, const Prepared& command) {
    return {worker.words.data() + command.first_word, command.word_count};
}

/// An error before the command ran; inside MULTI it spoils the transaction.
void refuse(WorkerCore& worker, ClientCore& client, const Prepared& command, std::string_view text) {
    std::string aborted;
    if (command.spec != nullptr && command.spec == worker.node.exec_spec) {
        // An EXEC that can't run is the end of the transaction, and says why.
        if (text.starts_with("ERR ")) text.remove_prefix(4);
        aborted = fmt::format("EXECABORT Transaction discarded because of: {}", text);
        text = aborted;
        end_transaction(worker.node.faces->transactions(), *client.state);
    } else if (client.state->in_multi) {
        client.state->multi_failed = true;
    }
    client.reply.error(text);
    worker.node.error_stats.count(text);
    if (command.spec != nullptr && (command.spec->flags & kInternal) == 0)
        worker.stats.rejected(*command.spec);
}

// ---- planning: which shards, which keys

void add_keys(WorkerCore& worker, const CommandSpec& spec, Args args) {
    worker.key_positions.clear();
    if (!find_keys(spec, args, worker.key_positions)) return;  // the command itself finds the mistake
    for (const KeyPosition& position : worker.key_positions) {
        const std::string_view key = args[static_cast<size_t>(position.index)];
        worker.run.known.push_back(make_key_ref(key, worker.run.store.hash_seed()));
        worker.plan.add(worker.run.known.back().shard());
    }
}

bool plan_queue(WorkerCore& worker, const ClientState& client) {
    bool other_dbs = false;
    std::vector<std::string_view> views;
    for (const QueuedCommand& queued : client.queue) {
        if ((queued.spec->flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0) worker.plan.add_all();
        // SELECT aims the commands after it at another database.
        if ((queued.spec->flags & kOtherDb) != 0 || queued.spec == worker.node.select_spec) other_dbs = true;
        views.assign(queued.words.begin(), queued.words.end());
        add_keys(worker, *queued.spec, views);
    }
    if (client.watch != nullptr)
        for (const WatchState::Key& key : client.watch->keys) {
            worker.run.known.push_back(make_key_ref(key.name, worker.run.store.hash_seed()));
            worker.plan.add(worker.run.known.back().shard());
        }
    return other_dbs;
}

/// Fills plan and known keys. True when the keys may be looked at in other databases than the client's.
bool make_plan(WorkerCore& worker, const ClientCore& client, const Prepared& command, Args args) {
    worker.plan.clear();
    bool other_dbs = (command.spec->flags & kOtherDb) != 0;
    if (command.spec == worker.node.exec_spec) {
        if (!client.state->multi_failed) other_dbs = plan_queue(worker, *client.state);
    } else {
        if ((command.spec->flags & kLocksAll) != 0) worker.plan.add_all();
        add_keys(worker, *command.spec, args);
    }
    worker.plan.settle();
    return other_dbs;
}

// ---- cold keys

void want_if_cold(WorkerCore& worker, ClientCore& client, DbId db, const KeyRef& key) {
    const Lookup found = client.fetch.idle()
                             ? worker.run.store.lookup(db, key)
                             : worker.run.store.lookup_except(db, key, client.fetch.not_these());
    if (found.state == Lookup::State::cold) client.fetch.want_key(db, key.bytes, found.address);
}

/// True when all named keys are in RAM (or absent).
bool keys_are_resident(WorkerCore& worker, ClientCore& client, bool other_dbs) {
    Store& store = worker.run.store;
    for (const KeyRef& key : worker.run.known) {
        if (!other_dbs) {
            want_if_cold(worker, client, store.physical_db(client.state->db.load(std::memory_order_relaxed)),
                         key);
            continue;
        }
        for (unsigned db = 0; db < worker.keyspaces.size(); ++db)
            want_if_cold(worker, client, store.physical_db(db), key);
    }
    return !client.fetch.wants();
}

Outcome start_fetch(WorkerCore& worker, ClientCore& client) {
    worker.locks.release();
    client.pause = Pause::fetch;
    client.fetch.start(worker.run.store, worker.host, [handle = client.handle] { handle->wake(); });
    return Outcome::again;
}

Outcome ask_others(WorkerCore& worker, ClientCore& client, const Prepared& command, Args args) {
    worker.locks.release();
    worker.coordinator->ask_others(client, command, args);
    return Outcome::again;
}

Outcome park(WorkerCore& worker, ClientCore& client) {
    const ShardId shard = worker.locks.blocked_by();
    client.pause = Pause::lock;
    client.parked_at = shard;
    // When the lock came free meanwhile, come back by way of the loop all the same: others have their turn.
    if (!client.handle->park(worker.run.store.shard_lock(shard))) client.handle->wake();
    return Outcome::again;
}

// ---- running

thread_local bool queue_is_running = false;

struct Timing {
    uint64_t start;
    uint64_t ns() const { return Stopwatch::to_ns(Stopwatch::ticks() - start); }
};

/// What a client of this node asked for and wasn't refused, wherever it runs; EXEC's commands, too.
void count_processed(WorkerCore& worker, const ClientCore& client) {
    if (client.feeder == nullptr) KeyspaceCounters::add(worker.traffic.commands);
}

/// `reply`: of the command. The errors within EXEC's were counted with the commands that gave them.
void count_failure(WorkerCore& worker, const CommandSpec& spec, std::string_view reply) {
    const bool is_error = reply.size() > 1 && reply[0] == '-';
    if (is_error || &spec != worker.node.exec_spec) worker.stats.failed(spec);
    if (is_error) worker.node.error_stats.count(reply.substr(1, reply.find('\r') - 1));
}

void account(WorkerCore& worker, ClientCore& client, const CommandSpec& spec, Args args, const Timing& timing,
             size_t reply_mark, uint64_t errors_before) {
    if (__builtin_expect((spec.flags & kInternal) != 0, 0)) return;
    const LiveSettings& live = worker.node.config.live;
    const uint64_t ns = timing.ns();
    worker.stats.called(spec, ns, live.latency_tracking.load(std::memory_order_relaxed));
    count_processed(worker, client);
    if (__builtin_expect(client.reply.errors() != errors_before, 0))
        count_failure(worker, spec, client.output.view().substr(reply_mark));
    const auto us = static_cast<int64_t>(ns / 1000);
    const int64_t slow = live.slowlog_log_slower_than_us.load(std::memory_order_relaxed);
    if (__builtin_expect(slow >= 0 && us >= slow, 0) && (spec.flags & kSkipSlowlog) == 0)
        worker.node.slow_log.add(ShownWords(spec, args), us, worker.now_ms / 1000, client.state->address,
                                 client.state->name, static_cast<size_t>(live.slowlog_max_len.load()));
    const int64_t spike_ms = live.latency_monitor_threshold_ms.load(std::memory_order_relaxed);
    if (__builtin_expect(spike_ms != 0 && us >= spike_ms * 1000, 0))
        worker.node.latency.add((spec.flags & kFast) != 0 ? "fast-command" : "command", us / 1000,
                                worker.now_ms / 1000);
}

void show_to_monitors(WorkerCore& worker, const ClientState& client, const CommandSpec& spec, Args args) {
    if (__builtin_expect(!worker.node.monitors.any(), 1) || (spec.flags & (kSkipMonitor | kAdmin)) != 0)
        return;
    worker.node.monitors.feed(worker.node.environment.clock.wall_us(), client.db, client.address,
                              ShownWords(spec, args));
}

/// The row itself, under its locks; then the batch goes to the log.
void run_row(WorkerCore& worker, ClientCore& client, const CommandSpec& spec, Args args) {
    const unsigned db = client.state->db.load(std::memory_order_relaxed);
    StoreKeyspace& keys = *worker.keyspaces[db];
    keys.begin();
    if (__builtin_expect(worker.run.siblings.may_ask(), 0) &&
        answers_with_siblings(worker, spec, args, client.reply))
        return;
    int64_t longest = worker.node.config.live.proto_max_bulk_bytes.load(std::memory_order_relaxed);
    if (worker.coordinator != nullptr) longest = std::min<int64_t>(longest, kMostCommandBytes);
    Call call{spec, args, keys, *client.state, *worker.node.faces, client.reply, worker.now_ms, longest};
    spec.run(call);
}

Lsn commit(WorkerCore& worker) {
    if (__builtin_expect(!worker.run.edited.empty() || worker.run.cells != nullptr, 0))
        worker.keyspaces[0]->finish();
    return worker.run.store.commit(worker.batch);
}

Lsn seen_lsn(const WorkerCore& worker, const Prepared& command) {
    if ((command.spec->flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0)
        return worker.run.store.log().last_lsn();
    if (command.one_key) return worker.run.store.shard_lsn(command.key.shard());
    Lsn highest = 0;
    for (const ShardId shard : worker.plan.shards())
        highest = std::max(highest, worker.run.store.shard_lsn(shard));
    return highest;
}

/// CLIENT REPLY: takes back what wasn't asked for.
void apply_reply_mode(ClientCore& client, size_t mark) {
    ReplyMode& mode = client.state->reply_mode;
    if (__builtin_expect(mode == ReplyMode::on, 1)) return;
    if (!client.reply_is_pending) client.reply.rewind(mark);  // a pending one knows it
    if (mode == ReplyMode::skip_next)
        mode = ReplyMode::skip;
    else if (mode == ReplyMode::skip)
        mode = ReplyMode::on;
}

/// The queue counts like a query buffer: it's all bytes that a client made us keep.
void queue_command(WorkerCore& worker, ClientCore& client, const Prepared& command, Args args) {
    ClientState& state = *client.state;
    if (state.queue.empty()) state.queued_bytes = 0;
    for (const std::string_view word : args) state.queued_bytes += word.size() + sizeof(std::string);
    const int64_t limit =
        worker.node.config.live.client_query_buffer_limit_bytes.load(std::memory_order_relaxed);
    if (state.queued_bytes > static_cast<uint64_t>(limit)) {
        log_warning("Closing client {} ({}): its transaction exceeds client-query-buffer-limit ({} bytes)",
                    state.id, state.address, limit);
        state.close_asap = true;
        return;
    }
    QueuedCommand queued;
    queued.spec = command.spec;
    queued.words.assign(args.begin(), args.end());
    state.queue.push_back(std::move(queued));
    state.queued_commands.store(static_cast<int>(state.queue.size()), std::memory_order_relaxed);
    client.reply.simple("QUEUED");
}

bool log_has_room(const WorkerCore& worker, const CommandSpec& spec) {
    return (spec.flags & kWrite) == 0 || !worker.run.store.log_enabled() || worker.run.store.log().has_room();
}

bool may_write(const WorkerCore& worker, const ClientCore& client, const CommandSpec& spec) {
    if (&spec != worker.node.exec_spec) return (spec.flags & (kWrite | kMayReplicate)) != 0;
    for (const QueuedCommand& queued : client.state->queue)
        if ((queued.spec->flags & kWrite) != 0) return true;
    return false;
}

bool needs_no_locks(const WorkerCore& worker, const CommandSpec& spec) {
    return spec.keys.empty() && spec.get_keys == nullptr && (spec.flags & kLocksAll) == 0 &&
           &spec != worker.node.exec_spec;
}

/// Locks, keys and then the row. Everything before spec.run() may end in `again`.
Outcome run_locked(WorkerCore& worker, ClientCore& client, const Prepared& command, Args args) {
    const CommandSpec& spec = *command.spec;
    RunningCommand& run = worker.run;
    const Timing timing{Stopwatch::ticks()};
    run.known.clear();
    run.next_known = 0;
    bool other_dbs = false;
    if (__builtin_expect(command.one_key, 1)) {
        if (__builtin_expect(!worker.locks.try_take_one(command.key.shard()), 0)) return park(worker, client);
        run.known.push_back(command.key);
    } else if (needs_no_locks(worker, spec)) {
        worker.locks.release();
        worker.plan.clear();
    } else {
        worker.locks.release();
        other_dbs = make_plan(worker, client, command, args);
        if (!worker.locks.try_take(worker.plan)) return park(worker, client);
    }

    const size_t mark = client.reply.position();
    const uint64_t errors_before = client.reply.errors();
    run.now_ms = worker.now_ms;
    run.touch = !client.state->no_touch.load(std::memory_order_relaxed);
    if (!client.fetch.idle()) {
        const Fetched fetched = install_fetched(worker, client, command);
        if (fetched != Fetched::ready) end_fetch(worker, client);
        if (fetched == Fetched::damaged) return ask_others(worker, client, command, args);
        if (fetched == Fetched::refused) {
            account(worker, client, spec, args, timing, mark, errors_before);
            return Outcome::done;
        }
    }
    if (!run.known.empty() && !keys_are_resident(worker, client, other_dbs))
        return start_fetch(worker, client);

    run.store.begin(worker.batch, worker.now_ms);
    const bool walks =
        (spec.flags & (kLocksAll | kLocksScan | kLocksRandom)) != 0 || &spec == worker.node.exec_spec;
    if (__builtin_expect(walks, 0)) {
        run.cold_names = &client.fetch.names();
        run.read_in_place = &spec == worker.node.exec_spec;
        run.random = worker.rng.next();
        // What another node has sent is a part of its answer for the whole cluster.
        run.own_shards_only = client.feeder == nullptr && worker.node.config.live.scope_is_node();
        run.wanted.clear();
        run.lock_missed = false;
    }
    if (&spec != worker.node.exec_spec) show_to_monitors(worker, *client.state, spec, args);
    run_row(worker, client, spec, args);
    const Lsn appended = commit(worker);
    const Lsn seen = std::max(appended, seen_lsn(worker, command));
    client.seen_lsn = std::max(client.seen_lsn, seen);
    if (appended != 0) client.own_lsn = client.state->last_write_lsn = appended;

    if (__builtin_expect(walks, 0)) {
        run.cold_names = nullptr;
        const bool missed = run.lock_missed;
        if (missed || !run.wanted.empty()) {
            client.reply.rewind(mark);
            if (missed) return park(worker, client);
            for (const LogAddress address : run.wanted) client.fetch.want_name(address);
            return start_fetch(worker, client);
        }
    }
    if (__builtin_expect(!client.fetch.idle(), 0)) end_fetch(worker, client);
    account(worker, client, spec, args, timing, mark, errors_before);
    apply_reply_mode(client, mark);
    if (__builtin_expect(worker.coordinator != nullptr, 0))
        worker.coordinator->ran(client, command, args, mark, seen, appended);
    if (!command.one_key) worker.locks.release();
    return Outcome::done;
}

/// On a cluster: where it runs. Nothing when it's here, else how dispatch() ends.
std::optional<Outcome> route(WorkerCore& worker, ClientCore& client, const Prepared& command, Args args,
                             size_t mark) {
    std::string error;
    switch (worker.coordinator->route(client, command, args, error)) {
        case Coordinator::Route::here:
            return std::nullopt;
        case Coordinator::Route::elsewhere:
        case Coordinator::Route::answered:
            count_processed(worker, client);
            break;
        case Coordinator::Route::wait:
            return Outcome::again;
        case Coordinator::Route::refused:
            refuse(worker, client, command, error);
            break;
    }
    apply_reply_mode(client, mark);
    return Outcome::done;
}

}  // namespace

void prepare(WorkerCore& worker, const ClientState& client, Prepared& command) {
    const Args args = words_of(worker, command);
    const SpecCache::Entry& entry = SpecCache::of_this_thread().find(args[0]);
    command.container = command.spec = entry.spec;
    command.one_key = false;
    if (entry.spec == nullptr) return;
    if (!entry.spec->subcommands.empty() && args.size() > 1) {
        command.spec = CommandTable::find_subcommand(*entry.spec, args[1]);
        if (command.spec == nullptr) return;
    }
    const int position = command.spec == entry.spec ? entry.one_key : one_key_position(*command.spec);
    if (position > 0 && static_cast<size_t>(position) < args.size()) {
        command.one_key = true;
        command.key = make_key_ref(args[static_cast<size_t>(position)], worker.run.store.hash_seed());
        worker.run.store.prefetch_table(
            worker.run.store.physical_db(client.db.load(std::memory_order_relaxed)), command.key);
    }
}

void prepare_as(WorkerCore& worker, Prepared& command, const CommandSpec& spec) {
    const Args args = words_of(worker, command);
    command.container = command.spec = &spec;
    const int position = one_key_position(spec);
    // One pair of words, or one key: what comes in lists is one key most of the time.
    const size_t last = spec.keys.empty() ? 0 : static_cast<size_t>(spec.keys[0].step) + 1;
    command.one_key = position > 0 || (!spec.keys.empty() && args.size() == last);
    if (command.one_key) command.key = make_key_ref(args[1], worker.run.store.hash_seed());
}

void prefetch_bucket(WorkerCore& worker, const ClientState& client, const Prepared& command) {
    if (command.one_key)
        worker.run.store.prefetch_bucket(
            worker.run.store.physical_db(client.db.load(std::memory_order_relaxed)), command.key);
}

void prefetch_record(WorkerCore& worker, const ClientState& client, const Prepared& command) {
    if (!command.one_key) return;
    if (worker.coordinator != nullptr) worker.coordinator->prefetch_plan(command.key.shard());
    worker.run.store.prefetch_record(worker.run.store.physical_db(client.db.load(std::memory_order_relaxed)),
                                     command.key);
    if (worker.run.cells != nullptr && (command.spec->flags & kWrite) != 0)
        worker.run.cells->cluster().forest.prefetch(command.key.slot, command.key.bytes);
}

/// TORC.WITH: the command behind the prefix, at the levels that the prefix says. Without a cluster every
/// level is met by the one copy there is.
Outcome dispatch_with(WorkerCore& worker, ClientCore& client, const Prepared& command) {
    const Args args = words_of(worker, command);
    const size_t mark = client.reply.position();
    const auto refused = [&](std::string_view text) {
        refuse(worker, client, command, text);
        apply_reply_mode(client, mark);
        return Outcome::done;
    };
    const auto prefix = parse_with(args);
    if (!prefix) return refused(prefix.error());
    Prepared inner;
    inner.first_word = command.first_word + static_cast<uint32_t>(prefix->words);
    inner.word_count = command.word_count - static_cast<uint32_t>(prefix->words);
    inner.end = command.end;
    prepare(worker, *client.state, inner);
    const bool queued =
        client.state->in_multi && (inner.spec == nullptr || (inner.spec->flags & kControl) == 0);
    if (queued)
        return refused(
            "ERR TORC.WITH is not allowed inside a transaction: TORC.WITH ... EXEC sets the levels of all "
            "of it");
    ClusterClient& levels = client.cluster;
    if (prefix->read) levels.read_level = static_cast<uint8_t>(*prefix->read);
    if (prefix->write) levels.write_level = static_cast<uint8_t>(*prefix->write);
    const Outcome outcome = dispatch(worker, client, inner);
    levels.read_level = levels.write_level = ForwardMessage::kDefaultLevel;
    return outcome;
}

Outcome dispatch(WorkerCore& worker, ClientCore& client, const Prepared& command) {
    const Args args = words_of(worker, command);
    ClientState& state = *client.state;
    const size_t mark = client.reply.position();
    const auto refused = [&](std::string_view text) {
        refuse(worker, client, command, text);
        apply_reply_mode(client, mark);
        return Outcome::done;
    };
    if (__builtin_expect(command.spec == nullptr, 0)) {
        if (is_web_request(args)) {
            log_warning("Closing {}: it speaks HTTP. Somebody may be using a browser to reach this server",
                        state.address);
            state.close_asap = true;
            return Outcome::done;
        }
        return refused(command.container == nullptr ? unknown_command(args)
                                                    : unknown_subcommand(*command.container, args));
    }
    const CommandSpec& spec = *command.spec;
    // What may run is asked of the command behind it.
    if (__builtin_expect(&spec == worker.node.with_spec, 0) && state.authenticated)
        return dispatch_with(worker, client, command);
    if (__builtin_expect(!arity_fits(spec, args.size()), 0))
        return refused(fmt::format("ERR wrong number of arguments for '{}' command", full_name(command)));
    state.last_command.store(&spec, std::memory_order_relaxed);
    state.last_container.store(command.container, std::memory_order_relaxed);

    std::string why;
    if (__builtin_expect(!may_run({worker.node, worker, state, spec, args}, why), 0)) return refused(why);
    if (__builtin_expect(state.in_multi && (spec.flags & kControl) == 0, 0)) {
        queue_command(worker, client, command, args);
        apply_reply_mode(client, mark);
        return Outcome::done;
    }
    const bool writes = may_write(worker, client, spec);
    if (__builtin_expect(worker.node.pause.holds(writes, worker.now_ms), 0) && (spec.flags & kAdmin) == 0 &&
        spec.keys.size() + (spec.flags & kControl) != 0) {
        client.pause = Pause::client_pause;
        return Outcome::again;
    }
    if (__builtin_expect(writes && !log_has_room(worker, spec), 0)) {
        client.pause = Pause::room;
        return Outcome::again;
    }
    if (__builtin_expect(worker.coordinator != nullptr, 0)) {
        client.reply_is_muted = state.reply_mode != ReplyMode::on;
        if (const auto ended = route(worker, client, command, args, mark)) return *ended;
    }
    const Outcome outcome = run_locked(worker, client, command, args);
    if (outcome != Outcome::done) return outcome;
    // After EXEC's own commands have been shown.
    if (&spec == worker.node.exec_spec) show_to_monitors(worker, state, spec, args);
    if (!client.reply_is_pending) ++client.unmarked_replies;
    if (__builtin_expect(&spec == worker.node.reset_spec, 0)) worker.node.monitors.remove(client.inbox.get());
    if (__builtin_expect(state.block.kind != Block::Kind::none, 0)) {
        client.pause = Pause::block;
        return Outcome::blocked;
    }
    return Outcome::done;
}

void release_batch(WorkerCore& worker) {
    worker.locks.release();
}

bool inside_exec() {
    return queue_is_running;
}

void run_queued(WorkerCore& worker, ClientCore& client, const QueuedCommand& queued) {
    const std::vector<std::string_view> views(queued.words.begin(), queued.words.end());
    const Timing timing{Stopwatch::ticks()};
    const size_t mark = client.reply.position();
    const uint64_t errors_before = client.reply.errors();
    show_to_monitors(worker, *client.state, *queued.spec, views);
    queue_is_running = true;
    run_row(worker, client, *queued.spec, views);
    queue_is_running = false;
    account(worker, client, *queued.spec, views, timing, mark, errors_before);
}

}  // namespace torc
