#include "node/transaction.h"

#include <algorithm>

#include "commands/call.h"
#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/dispatch.h"
#include "node/node_core.h"
#include "node/worker_core.h"
#include "repl/cell.h"

namespace torc {
namespace {

bool is_expired(Store& store, DbId logical, std::string_view key, int64_t now_ms) {
    const Lookup found = store.lookup(store.physical_db(logical), make_key_ref(key, store.hash_seed()));
    if (found.state != Lookup::State::resident) return false;
    if (found.record->type() == ValueType::cell) {
        const auto cell = CellView::parse(found.record->value());
        return cell && cell->exists() && cell->expire_at_ms() <= now_ms;
    }
    return found.record->has_expiry() && found.record->expire_at_ms() <= now_ms;
}

}  // namespace

bool TransactionRunner::expired_since(const ClientState& client, int64_t now_ms) const {
    return std::ranges::any_of(client.watch->keys, [&](const WatchState::Key& key) {
        return !key.expired && is_expired(*node_.store, key.db, key.name, now_ms);
    });
}

void TransactionRunner::exec(Call& call) {
    ClientState& state = call.client;
    ClientCore& client = node_.clients.core_of(state);
    // A session whose watches went with its link, or its node's last run.
    const bool unwatched = state.watch == nullptr && client.cluster.must_watch;
    if (unwatched ||
        (state.watch != nullptr && (state.watch->dirty.load() || expired_since(state, call.now_ms)))) {
        call.reply.null_array();
        return;
    }
    call.reply.array(state.queue.size());
    // A queued command may change the queue's owner (RESET can't be queued, SELECT may be): walk by index.
    for (size_t i = 0; i < state.queue.size(); ++i) run_queued(client.worker, client, state.queue[i]);
}

void TransactionRunner::watch(Call& call, std::string_view key) {
    ClientState& state = call.client;
    if (state.watch == nullptr) {
        std::lock_guard guard(state.watch_mutex);
        state.watch = std::make_shared<WatchState>();
    }
    const auto db = static_cast<DbId>(state.db.load());
    const auto same = [&](const WatchState::Key& watched) { return watched.db == db && watched.name == key; };
    if (std::ranges::any_of(state.watch->keys, same)) return;
    const bool expired = is_expired(*node_.store, db, key, call.now_ms);
    state.watch->keys.push_back({db, std::string(key), expired});
    const ShardId shard = make_key_ref(key, node_.store->hash_seed()).shard();
    node_.watches.add(shard, db, key, expired, state.watch);
    state.watched_keys.store(static_cast<unsigned>(state.watch->keys.size()));
}

void TransactionRunner::unwatch_all(ClientState& client) {
    if (node_.cluster != nullptr) {
        ClientCore& core = node_.clients.core_of(client);
        core.worker.coordinator->end_watch(core);
    }
    if (client.watch == nullptr) return;
    client.watch->dead = true;
    std::lock_guard guard(client.watch_mutex);
    client.watch = nullptr;
    client.watched_keys = 0;
}

bool TransactionRunner::spoiled(const ClientState& client) const {
    std::lock_guard guard(client.watch_mutex);
    return client.watch != nullptr && client.watch->dirty.load();
}

}  // namespace torc
