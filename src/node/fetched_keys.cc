#include "node/fetched_keys.h"

#include "node/coordinator.h"
#include "node/internal_commands.h"

namespace torc {
namespace {

void install(WorkerCore& worker, ClientCore& client, ColdFetch::Key& key, const KeyRef& at) {
    if (!worker.run.store.install(key.db, at, key.address, *key.result))
        return;  // it has changed: look again
    client.fetch.pins().push_back({key.db, std::move(key.name)});
}

/// What it answers is taken for what this node has.
bool counts_own_copy(const CommandSpec& spec) {
    return (spec.flags & kReadonly) != 0 || &spec == &kJoinCommand;
}

/// The newest record of the key `at` has no value any more. Where others have the key it stays as it is, for
/// nobody may decide on what is left, until what they have takes its place: a client's command asks them.
Fetched meet_damage(WorkerCore& worker, ClientCore& client, const CommandSpec& spec,
                    const ColdFetch::Key& key, const KeyRef& at) {
    const bool others_have_it = worker.coordinator != nullptr && worker.coordinator->has_others(at.shard());
    if (others_have_it && (spec.flags & kInternal) == 0) {
        if (worker.coordinator->may_ask_others(client, at.shard())) return Fetched::damaged;
        client.reply.error("CORRUPT this node's copy of the key is damaged; see `torc check`");
        return Fetched::refused;
    }
    if (others_have_it && counts_own_copy(spec)) {
        if (&spec != &kJoinCommand) worker.coordinator->restore(key.name);
        client.reply.error("CORRUPT this node's copy of the key is damaged");
        return Fetched::refused;
    }
    // Whoever replaces or removes the value needn't read it; everyone else must be told.
    const uint32_t replaces = kKeyOW | kKeyRM;
    if (!others_have_it && (spec.keys.empty() || (spec.keys[0].flags & replaces) == 0)) {
        client.reply.error("CORRUPT the stored value of this key is damaged; see `torc check`");
        return Fetched::refused;
    }
    Store& store = worker.run.store;
    store.begin(worker.batch, worker.now_ms);
    CellStore* const cells = worker.run.cells;
    const bool erased = cells != nullptr ? cells->lose(worker.batch, at, key.address, *key.result)
                                         : store.erase_cold(worker.batch, key.db, at, key.address,
                                                            *key.result, Store::Removal::deleted);
    store.commit(worker.batch);
    if (!erased || !others_have_it) return Fetched::ready;  // not erased: it has changed, look again
    // This copy proves nothing any more: commands ask the others first until it was compared with theirs.
    if (&spec != &kHealCommand) worker.node.cluster->unsettle(at.shard());
    return Fetched::ready;
}

}  // namespace

Fetched install_fetched(WorkerCore& worker, ClientCore& client, const Prepared& command) {
    const CommandSpec& spec = *command.spec;
    for (ColdFetch::Key& key : client.fetch.take_keys()) {
        const KeyRef at = make_key_ref(key.name, worker.run.store.hash_seed());
        const bool same_key = key.result && key.result->key == key.name;
        if (key.result && key.result->value_damaged && same_key) {
            (void)worker.run.store.install(key.db, at, key.address, *key.result);  // counts it
            const Fetched met = meet_damage(worker, client, spec, key, at);
            if (met != Fetched::ready) return met;
            continue;
        } else if (!key.result) {
            if (key.result.error().kind != ErrorKind::corrupt) {
                client.reply.error("ERR reading the key from disk failed: " + key.result.error().message);
                return Fetched::refused;
            }
            // The entry may have moved while it was read; one that still stands there is damaged beyond its
            // header.
            const Lookup now = worker.run.store.lookup_except(key.db, at, client.fetch.not_these());
            if (now.state == Lookup::State::cold && now.address == key.address) {
                if (worker.coordinator != nullptr && (spec.flags & kInternal) == 0 &&
                    worker.coordinator->may_ask_others(client, at.shard()))
                    return Fetched::damaged;
                if ((spec.flags & kWrite) == 0 || &spec == &kJoinCommand) {
                    client.reply.error(
                        "CORRUPT a stored record that may be this key's is damaged; see `torc check`");
                    return Fetched::refused;
                }
                client.fetch.not_these().push_back(key.address);
            }
            continue;
        }
        if (!same_key)
            client.fetch.not_these().push_back(key.address);
        else
            install(worker, client, key, at);
    }
    return Fetched::ready;
}

void end_fetch(WorkerCore& worker, ClientCore& client) {
    for (const ColdFetch::Pin& pin : client.fetch.pins())
        worker.run.store.unpin(pin.db, make_key_ref(pin.name, worker.run.store.hash_seed()));
    client.fetch.clear();
}

}  // namespace torc
