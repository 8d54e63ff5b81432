#include "node/cell_loader.h"

#include <fmt/format.h>

#include "node/cell_store.h"
#include "node/keyspace.h"

namespace torc {
namespace {

struct Plain {
    std::string key;
    LogAddress address;  // cold; else it's resident
    bool cold = false;
};

/// Flushed now and then, so that the log's buffer holds.
void make_room(Store& store) {
    if (store.log_enabled() && !store.log().has_room()) store.log().flush();
}

/// All or none: a plain value that stayed would be taken for a cell.
Result<void> adopt(Store& store, CellStore& cells, const Plain& plain, int64_t now_ms) {
    const KeyRef key = make_key_ref(plain.key, store.hash_seed());
    if (plain.cold) {
        auto stored = store.segments().read(plain.address, 0);
        if (!stored) return fail(stored.error());
        if (store.install(0, key, plain.address, *stored)) store.unpin(0, key);
    }
    const Lookup found = store.lookup(0, key);
    if (found.state != Lookup::State::resident)
        return fail(ErrorKind::corrupt, "key '" + plain.key + "' isn't where the index says");
    WriteBatch batch;
    store.begin(batch, now_ms);
    cells.adopt(batch, key, found.record, now_ms);
    store.commit(batch);
    make_room(store);
    return {};
}

}  // namespace

Result<CellLoad> load_cells(Store& store, ClusterCore& cluster, int64_t now_ms) {
    // Which physical database is the first: SWAPDB may have exchanged them.
    for (unsigned db = 0; db < 16; ++db)
        if (store.db_size(static_cast<DbId>(db)) != 0 && store.physical_db(0) != db)
            return fail(
                ErrorKind::refused,
                fmt::format("A cluster has one database, and database {} of this directory holds {} keys: "
                            "move or flush them before cluster-enabled yes",
                            db, store.db_size(static_cast<DbId>(db))));
    if (store.physical_db(0) != 0)
        return fail(ErrorKind::refused,
                    "This directory's database 0 was exchanged by SWAPDB: exchange it back before "
                    "cluster-enabled yes");
    CellStore cells(store, cluster);
    CellLoad load;
    std::vector<Plain> plain;
    Result<void> trouble;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        ShardLock& lock = store.shard_lock(shard_of(static_cast<SlotId>(slot)));
        while (!lock.try_lock()) {
        }
        plain.clear();
        store.walk_slot(0, static_cast<SlotId>(slot), [&](Record* record, LogAddress address) {
            std::string_view name, value;
            ValueType type{};
            Result<StoredRecord> stored = fail(ErrorKind::not_found, "");
            if (record != nullptr) {
                name = record->key(), value = record->value(), type = record->type();
            } else {
                stored = store.segments().read(address, 0);
                if (!stored && stored.error().kind != ErrorKind::corrupt) {
                    trouble = fail(stored.error());
                    return;
                }
                if (!stored || stored->value_damaged) {
                    ++load.damaged;
                    if (stored && stored->type == ValueType::cell)
                        cells.count_damaged(make_key_ref(stored->key, store.hash_seed()),
                                            stored->value_length);
                    return;
                }
                name = stored->key, value = stored->value, type = stored->type;
            }
            const KeyRef key = make_key_ref(name, store.hash_seed());
            if (type != ValueType::cell) {
                plain.push_back({std::string(name), address, record == nullptr});
            } else if (const auto view = CellView::parse(value)) {
                ++load.cells;
                cells.count_loaded(key, value);
                cluster.stamps.observe(view->newest(), now_ms);
            } else {
                ++load.damaged;
            }
        });
        for (size_t i = 0; i < plain.size() && trouble; ++i) trouble = adopt(store, cells, plain[i], now_ms);
        load.adopted += plain.size();
        lock.unlock();
        if (!trouble) return fail(trouble.error());
    }
    return load;
}

}  // namespace torc
