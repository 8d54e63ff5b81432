#include "node/worker.h"

#include <algorithm>

#include "base/consistency.h"
#include "commands/cluster_view.h"
#include "node/cell_keyspace.h"
#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/evictor.h"
#include "node/node_faces.h"
#include "node/shard_sync.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr unsigned kExpireBudget = 2000;  // keys per timer tick and worker
constexpr unsigned kEvictBudget = 64;     // keys per attempt
constexpr unsigned kEvictAttempts = 16;   // attempts before a command goes on all the same
constexpr unsigned kEvictInVain = 2;      // ... of which so many, one after the other, may free nothing
constexpr int kRoundsPerTurn = 8;
constexpr size_t kClientsPerTick = 256;  // looked at for memory they don't need

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
      run(*node_core.store, node_core.watches, batch, locks, counters),
      stats(node_core.command_stats.thread(worker_index)) {
    if (node.cluster != nullptr) {
        // One database, as in Redis Cluster.
        keyspaces.push_back(std::make_unique<CellKeyspace>(run, keyspaces, 0));
        coordinator = std::make_unique<Coordinator>(*this, *node.cluster);
        sync = std::make_unique<ShardSync>(*coordinator);
        evictor = std::make_unique<Evictor>(*this);
    } else {
        const auto databases = static_cast<unsigned>(node.config.live.databases.load());
        for (unsigned db = 0; db < databases; ++db)
            keyspaces.push_back(std::make_unique<StoreKeyspace>(run, keyspaces, db));
    }
    now_ms = node.environment.clock.wall_ms();
    std::lock_guard guard(node.workers_mutex);
    node.workers.push_back(this);
}

WorkerCore::~WorkerCore() {
    {
        // Others look at what's below under this mutex.
        std::lock_guard guard(node.workers_mutex);
        std::erase(node.workers, this);
    }
    if (coordinator != nullptr) coordinator->stop();  // its operations speak of all three
    evictor = nullptr;
    sync = nullptr;
    coordinator = nullptr;
}

void WorkerCore::wait_for_log(ClientCore& client) {
    if (client.in_waiting) return;
    client.in_waiting = true;
    waiting.push_back(&client);
    note_waiting();
}

void WorkerCore::note_waiting() {
    // Other threads look at it: written when it changes, not each turn.
    const size_t count = waiting.size() + (holds_answers() ? 1 : 0);
    if (waiting_count.load(std::memory_order_relaxed) != count)
        waiting_count.store(count, std::memory_order_release);
}

bool WorkerCore::holds_answers() const {
    return coordinator != nullptr && coordinator->holds_answers();
}

bool WorkerCore::has_new_answers() const {
    return coordinator != nullptr && coordinator->has_new_answers();
}

void WorkerCore::wait_for_time(ClientCore& client) {
    if (client.in_timed) return;
    client.in_timed = true;
    timed.push_back(&client);
}

void WorkerCore::begin_turn() {
    now_ms = node.environment.clock.wall_ms();
    if (__builtin_expect(coordinator != nullptr, 0)) {
        now_ms = node.cluster->cluster_ms(now_ms);
        const LiveSettings& live = node.config.live;
        run.siblings.usual = static_cast<SiblingPolicy>(live.sibling_policy.load(std::memory_order_relaxed));
        run.siblings.usual_most = static_cast<size_t>(live.max_siblings.load(std::memory_order_relaxed));
        coordinator->begin_turn();
    }
}

void WorkerCore::end_turn() {
    if (__builtin_expect(coordinator != nullptr, 0)) {
        evictor->run();
        coordinator->end_turn();
    }
    // Letting a client go on may make more output; a few rounds, then the others have their turn.
    for (int round = 0; round < kRoundsPerTurn && (!dirty.empty() || has_new_answers()); ++round)
        send_round();
    if (!dirty.empty()) host.post([] {});
    if (__builtin_expect(coordinator != nullptr, 0)) coordinator->send_frames();
    node.store->quiescent(index);
}

void WorkerCore::send_round() {
    bool held = !waiting.empty() || has_new_answers();
    for (ClientCore* client : dirty) {
        client->mark_replies();
        held |= !client->marks.empty() || client->waits_for_sync;
    }
    Lsn durable = 0;
    if (held) {
        if (node.store->log().written_lsn() < node.store->log().last_lsn()) node.store->log().flush();
        if (node.sync_before_reply() && node.sync_wanted) node.sync_wanted();
        durable = node.durable_lsn();
    }
    // A send may close its client, which leaves the lists: see forget().
    walking.swap(dirty);
    for (ClientCore* client : walking) client->in_dirty = false;
    for (size_t i = 0; i < walking.size(); ++i) {
        ClientCore* client = walking[i];
        if (client == nullptr) continue;
        if (!client->release(durable) || client->waits_for_sync) wait_for_log(*client);
        client->port.send();
    }
    walking.clear();
    if (has_new_answers()) coordinator->release_answers(durable);
    note_waiting();
    if (waiting_count.load(std::memory_order_relaxed) == 0) return;
    // The log may have got further between the look at it above and our being known to wait; whoever moved it
    // then didn't post (NodeCore::log_progressed has the other half of this pair of fences).
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool synced = coordinator != nullptr && coordinator->has_synced_answers();
    if (node.durable_lsn() != durable || synced || node.log_is_failing()) release_waiting();
}

void WorkerCore::release_waiting() {
    progress_posted.store(false, std::memory_order_release);
    Lsn durable;
    do {
        durable = node.durable_lsn();
        const Lsn synced = node.store->log().synced_lsn();
        const bool failing = node.log_is_failing();
        walking.swap(waiting);
        waiting_count.store(0, std::memory_order_relaxed);
        for (ClientCore* client : walking) client->in_waiting = false;
        for (size_t i = 0; i < walking.size(); ++i)
            if (walking[i] != nullptr) release_one(i, durable, synced, failing);
        walking.clear();
        if (holds_answers()) {
            coordinator->release_answers(durable);
            if (failing) coordinator->refuse_answers();
        }
        note_waiting();
        std::atomic_thread_fence(std::memory_order_seq_cst);
    } while (waiting_count.load(std::memory_order_relaxed) != 0 && node.durable_lsn() != durable);
}

void WorkerCore::release_one(size_t at, Lsn durable, Lsn synced, bool failing) {
    ClientCore& client = *walking[at];
    if (!client.release(durable)) {
        if (failing)
            client.answer_in_doubt();
        else
            wait_for_log(client);
    }
    if (client.waits_for_sync && synced >= client.state->block.lsn && has_what_it_waits_for(client))
        client.finish_block(false);
    else if (client.waits_for_sync)
        wait_for_log(client);
    if (client.pause == Pause::room) {
        client.resume();
        if (walking[at] != nullptr && client.pause == Pause::room) wait_for_log(client);
    }
    if (walking[at] != nullptr && client.sendable() != 0) client.port.send();
}

int64_t WorkerCore::bytes_to_stay() const {
    const uint64_t promised = evictor == nullptr ? 0 : evictor->promised_bytes();
    return static_cast<int64_t>(node.store->used_bytes()) - static_cast<int64_t>(promised);
}

bool WorkerCore::is_above_maxmemory() const {
    const int64_t limit = node.config.live.maxmemory_bytes.load();
    return limit != 0 && bytes_to_stay() > limit;
}

bool WorkerCore::make_room() {
    // Keys that are really evicted change what WATCHers see and count as changes.
    const auto on_evicted = [this](DbId db, std::string_view key) {
        const ShardId shard = make_key_ref(key, node.store->hash_seed()).shard();
        if (node.watches.any(shard)) node.watches.touch(shard, logical_db(db), key);
    };
    locks.release();
    unsigned in_vain = 0;
    for (unsigned attempt = 0; attempt < kEvictAttempts && in_vain < kEvictInVain && is_above_maxmemory();
         ++attempt) {
        const int64_t before = bytes_to_stay();
        if (!node.store->evict_step(batch, now_ms, kEvictBudget, on_evicted, evictor.get())) return false;
        in_vain = bytes_to_stay() < before ? 0 : in_vain + 1;
        // What isn't written yet can't be unloaded.
        if (is_above_maxmemory() && node.store->log_enabled()) node.store->log().flush();
    }
    // Still above, but there is something to evict, only not at this moment (locked by others, or waiting for
    // the disk): the excess is bounded by the log's buffer, and the next command goes on evicting.
    return true;
}

void WorkerCore::on_timer() {
    if (node.loading.load()) return;
    if (coordinator != nullptr) {
        coordinator->on_timer();
        sync->on_timer();
    } else if (node.active_expire.load()) {
        node.store->expire_step(batch, now_ms, index, count, kExpireBudget,
                                [this](DbId db, std::string_view key) {
                                    const ShardId shard = make_key_ref(key, node.store->hash_seed()).shard();
                                    if (node.watches.any(shard))
                                        node.watches.touch_expired(shard, logical_db(db), key);
                                    KeyspaceCounters::add(counters.expired);
                                });
        if (node.store->log().written_lsn() < node.store->log().last_lsn()) node.store->log().flush();
    }
    if (is_above_maxmemory()) make_room();

    walking.swap(timed);
    for (ClientCore* client : walking) client->in_timed = false;
    for (size_t i = 0; i < walking.size(); ++i)
        if (walking[i] != nullptr) check_deadline(*walking[i]);
    walking.clear();
    shrink_quiet_clients();
    std::erase_if(pins_left, [this](const ColdFetch::Pin& pin) {
        const KeyRef key = make_key_ref(pin.name, node.store->hash_seed());
        ShardLock& lock = node.store->shard_lock(key.shard());
        if (!lock.try_lock()) return false;
        node.store->unpin(pin.db, key);
        lock.unlock();
        return true;
    });
    for (ShardId shard = static_cast<ShardId>(index); shard < kShards;
         shard = static_cast<ShardId>(shard + count)) {
        ShardLock& lock = node.store->shard_lock(shard);
        if (!node.watches.any(shard) || !lock.try_lock()) continue;
        node.watches.sweep(shard);
        lock.unlock();
    }
}

void WorkerCore::check_deadline(ClientCore& client) {
    if (client.pause == Pause::client_pause) {
        client.resume();  // looks again, and comes back here if it has to
        return;
    }
    if (client.pause != Pause::block) return;
    const Block& block = client.state->block;
    if (block.kind == Block::Kind::backup &&
        node.faces->backups().backups_ended() > static_cast<uint64_t>(block.arguments[0])) {
        client.finish_block(false);
        return;
    }
    if (block.kind == Block::Kind::repair) {
        const ClusterView* cluster = node.faces->cluster();
        if (cluster == nullptr || cluster->repair_report(static_cast<uint64_t>(block.arguments[0]))) {
            client.finish_block(false);
            return;
        }
    }
    if (has_what_it_waits_for(client)) {
        client.finish_block(false);
        return;
    }
    const int64_t deadline = block.deadline_ms;
    if (deadline != 0 && deadline <= now_ms)
        client.finish_block(true);
    else
        wait_for_time(client);
}

void WorkerCore::begin_block(ClientCore& client) {
    const Block& block = client.state->block;
    const bool for_replicas = block.kind == Block::Kind::synced_by_replicas;
    client.waits_for_sync = block.kind == Block::Kind::synced || (for_replicas && block.arguments[0] != 0);
    if (client.waits_for_sync) node.request_sync();
    replica_waits |= for_replicas || block.kind == Block::Kind::replicated;
    if (for_replicas) (void)has_what_it_waits_for(client);
}

/// Of disks and replicas; asks those that haven't been asked.
bool WorkerCore::has_what_it_waits_for(ClientCore& client) {
    const ClientState& state = *client.state;
    const Block& block = state.block;
    if (block.kind == Block::Kind::replicated)
        return node.clients.writes_replicated(state) >= block.arguments[0];
    if (block.kind != Block::Kind::synced_by_replicas)
        return block.kind == Block::Kind::synced && node.store->log().synced_lsn() >= block.lsn;
    if (coordinator != nullptr && client.cluster.writes != nullptr)
        coordinator->ask_synced(*client.cluster.writes);
    return node.clients.replicas_synced(state) >= block.arguments[1] &&
           (block.arguments[0] == 0 || node.clients.writes_synced(state));
}

void WorkerCore::end_replica_waits() {
    if (!std::exchange(replica_waits, false)) return;
    walking.swap(timed);
    for (ClientCore* client : walking) client->in_timed = false;
    for (size_t i = 0; i < walking.size(); ++i) {
        ClientCore* const client = walking[i];
        if (client == nullptr) continue;
        const Block::Kind kind = client->state->block.kind;
        const bool waits = client->pause == Pause::block &&
                           (kind == Block::Kind::replicated || kind == Block::Kind::synced_by_replicas);
        if (waits && has_what_it_waits_for(*client)) {
            client->finish_block(false);
            continue;
        }
        replica_waits |= waits;
        wait_for_time(*client);
    }
    walking.clear();
}

void WorkerCore::shrink_quiet_clients() {
    for (size_t i = 0; i < std::min(kClientsPerTick, clients.size()); ++i) {
        quiet_check = quiet_check + 1 < clients.size() ? quiet_check + 1 : 0;
        clients[quiet_check]->shrink();
    }
}

DbId WorkerCore::logical_db(DbId physical) const {
    for (unsigned db = 0; db < keyspaces.size(); ++db)
        if (node.store->physical_db(db) == physical) return static_cast<DbId>(db);
    return physical;
}

void WorkerCore::forget(ClientCore& client) {
    std::erase(clients, &client);
    std::erase(dirty, &client);
    std::erase(waiting, &client);
    std::erase(timed, &client);
    std::ranges::replace(walking, &client, static_cast<ClientCore*>(nullptr));
}

Worker::Worker(Node& node, WorkerHost& host, unsigned index, unsigned workers)
    : impl_(std::make_unique<Impl>(node.core(), host, index, workers)) {}
Worker::~Worker() = default;

void Worker::begin_turn() {
    impl_->begin_turn();
}
void Worker::end_turn() {
    impl_->end_turn();
}
void Worker::on_timer() {
    impl_->on_timer();
}
void Worker::going_idle() {
    impl_->node.store->offline(impl_->index);
}
void Worker::back_from_idle() {
    impl_->node.store->quiescent(impl_->index);
}
BusUser& Worker::bus_user() {
    return *impl_->coordinator;
}
WorkerCore& Worker::core() {
    return *impl_;
}

}  // namespace torc
