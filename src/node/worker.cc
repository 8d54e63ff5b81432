#include "node/worker.h"

#include <algorithm>

#include "node/client_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr unsigned kExpireBudget = 2000;     // keys per timer tick and worker
constexpr unsigned kEvictBudget = 64;        // keys per attempt
constexpr unsigned kEvictAttempts = 16;      // attempts before a command is refused
constexpr size_t kClientsPerTick = 256;      // looked at for idleness

void add_once(std::vector<ClientCore*>& list, ClientCore* client, bool& flag) {
    if (flag) return;
    flag = true;
    list.push_back(client);
}

}  // namespace

struct Worker::Impl : WorkerCore {
    using WorkerCore::WorkerCore;
};

WorkerCore::WorkerCore(NodeCore& node_core, WorkerHost& worker_host, unsigned worker_index, unsigned workers)
    : node(node_core),
      host(worker_host),
      index(worker_index),
      count(workers),
      rng(node_core.environment.random_seed + 0x51ed270b * (worker_index + 1)),
      locks(*node_core.store),
      run{.store = *node_core.store,
          .watches = node_core.watches,
          .batch = batch,
          .locks = locks,
          .counters = counters},
      stats(node_core.command_stats.thread(worker_index)) {
    const auto databases = static_cast<unsigned>(node.config.live.databases.load());
    for (unsigned db = 0; db < databases; ++db)
        keyspaces.push_back(std::make_unique<StoreKeyspace>(run, keyspaces, db));
    now_ms = node.environment.clock.wall_ms();
    std::lock_guard guard(node.workers_mutex);
    node.workers.push_back(this);
}

WorkerCore::~WorkerCore() {
    std::lock_guard guard(node.workers_mutex);
    std::erase(node.workers, this);
}

void WorkerCore::begin_turn() { now_ms = node.environment.clock.wall_ms(); }

void WorkerCore::end_turn() {
    if (!dirty.empty()) {
        bool held = false;
        for (ClientCore* client : dirty) {
            client->mark_replies();
            held |= !client->marks.empty();
        }
        if (held) {
            if (node.store->log().written_lsn() < node.store->log().last_lsn()) node.store->log().flush();
            if (node.sync_before_reply() && node.sync_wanted) node.sync_wanted();
        }
        const Lsn durable = held ? node.durable_lsn() : 0;
        // A send may close its client, which leaves `dirty`: take it over first.
        std::vector<ClientCore*> turn;
        turn.swap(dirty);
        for (ClientCore* client : turn) client->in_dirty = false;
        sending = &turn;
        for (ClientCore*& client : turn) {
            if (client == nullptr) continue;
            if (!client->release(durable)) add_once(waiting, client, client->in_waiting);
            if (client->waits_for_sync) add_once(waiting, client, client->in_waiting);
            client->port.send();
        }
        sending = nullptr;
        if (dirty.empty()) {
            turn.clear();
            dirty.swap(turn);  // keeps its memory
        }
        if (!waiting.empty() && node.log_is_failing()) release_waiting();
    }
    node.store->quiescent(index);
}

void WorkerCore::release_waiting() {
    progress_posted.store(false, std::memory_order_release);
    if (waiting.empty()) return;
    const Lsn durable = node.durable_lsn();
    const Lsn synced = node.store->log().synced_lsn();
    const bool failing = node.log_is_failing();
    std::vector<ClientCore*> turn;
    turn.swap(waiting);
    for (ClientCore* client : turn) client->in_waiting = false;
    sending = &turn;
    for (ClientCore*& client : turn) {
        if (client == nullptr) continue;
        bool released = client->release(durable);
        if (!released && failing) {
            client->answer_in_doubt();
            released = true;
        }
        if (!released) add_once(waiting, client, client->in_waiting);
        if (client->waits_for_sync) {
            if (synced >= client->state->block.lsn)
                client->finish_block(false);
            else
                add_once(waiting, client, client->in_waiting);
        }
        if (client->pause == Pause::room) client->resume();
        if (client != nullptr && client->sendable() != 0) client->port.send();
    }
    sending = nullptr;
}

bool WorkerCore::make_room() {
    // Keys that are really evicted change what WATCHers see and count as changes.
    const auto on_evicted = [this](DbId db, std::string_view key) {
        const ShardId shard = make_key_ref(key, node.store->hash_seed()).shard();
        if (node.watches.any(shard)) node.watches.touch(shard, db, key);
    };
    locks.release();
    for (unsigned attempt = 0; attempt < kEvictAttempts; ++attempt) {
        if (node.store->evict_step(batch, now_ms, kEvictBudget, on_evicted) &&
            node.store->used_bytes() <= static_cast<uint64_t>(node.config.live.maxmemory_bytes.load()))
            return true;
        // What isn't written yet can't be unloaded: write it, and try once more.
        if (node.store->log_enabled() && attempt + 1 < kEvictAttempts) node.store->log().flush();
    }
    return node.store->used_bytes() <= static_cast<uint64_t>(node.config.live.maxmemory_bytes.load());
}

void WorkerCore::on_timer() {
    if (node.loading.load()) return;
    if (node.active_expire.load()) {
        node.store->expire_step(batch, now_ms, index, count, kExpireBudget, [this](DbId db, std::string_view key) {
            const ShardId shard = make_key_ref(key, node.store->hash_seed()).shard();
            if (node.watches.any(shard)) node.watches.touch(shard, db, key);
            KeyspaceCounters::add(counters.expired);
        });
        if (node.store->log().written_lsn() < node.store->log().last_lsn()) node.store->log().flush();
    }
    if (node.config.live.maxmemory_bytes.load() != 0 &&
        node.store->used_bytes() > static_cast<uint64_t>(node.config.live.maxmemory_bytes.load()))
        make_room();

    std::vector<ClientCore*> due;
    due.swap(timed);
    for (ClientCore* client : due) client->in_timed = false;
    sending = &due;
    for (ClientCore*& client : due) {
        if (client == nullptr) continue;
        if (client->pause == Pause::block) {
            const int64_t deadline = client->state->block.deadline_ms;
            if (deadline != 0 && deadline <= now_ms)
                client->finish_block(true);
            else
                add_once(timed, client, client->in_timed);
        } else if (client->pause == Pause::client_pause) {
            if (node.pause.holds(true, now_ms))
                add_once(timed, client, client->in_timed);
            client->resume();
        }
    }
    sending = nullptr;
    close_idle_clients();
    for (ShardId shard = static_cast<ShardId>(index); shard < kShards; shard = static_cast<ShardId>(shard + count)) {
        ShardLock& lock = node.store->shard_lock(shard);
        if (!node.watches.any(shard) || !lock.try_lock()) continue;
        node.watches.sweep(shard);
        lock.unlock();
    }
}

void WorkerCore::close_idle_clients() {
    const int64_t timeout_ms = node.config.live.timeout_seconds.load() * 1000;
    for (size_t i = 0; i < std::min(kClientsPerTick, clients.size()); ++i) {
        idle_check = idle_check + 1 < clients.size() ? idle_check + 1 : 0;
        ClientCore& client = *clients[idle_check];
        const bool idle = timeout_ms != 0 && now_ms - client.state->last_used_ms.load() > timeout_ms;
        if (idle && client.pause == Pause::none && !client.state->monitor) {
            client.start_closing(true);
            return;  // `clients` may have changed
        }
        client.shrink();
    }
}

void WorkerCore::forget(ClientCore& client) {
    std::erase(clients, &client);
    std::erase(dirty, &client);
    std::erase(waiting, &client);
    std::erase(timed, &client);
    if (sending != nullptr) std::ranges::replace(*sending, &client, nullptr);
}

Worker::Worker(Node& node, WorkerHost& host, unsigned index, unsigned workers)
    : impl_(std::make_unique<Impl>(node.core(), host, index, workers)) {}
Worker::~Worker() = default;

void Worker::begin_turn() { impl_->begin_turn(); }
void Worker::end_turn() { impl_->end_turn(); }
void Worker::on_timer() { impl_->on_timer(); }
void Worker::going_idle() { impl_->node.store->offline(impl_->index); }
void Worker::back_from_idle() { impl_->node.store->quiescent(impl_->index); }
WorkerCore& Worker::core() { return *impl_; }

}  // namespace torc
