#include "node/cell_loader.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "engine/record_codec.h"
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

class Loader {
  public:
    Loader(Store& store, ClusterCore& cluster, int64_t now_ms)
        : store_(store), cluster_(cluster), cells_(store, cluster), now_ms_(now_ms) {}

    /// A record that stands for a key, as it's met; its shard is locked.
    void found(const RecordView& record, LogAddress address) {
        if (record.db != 0 || !trouble) return;
        const KeyRef key{record.key, hash64(record.key, store_.hash_seed()), record.slot};
        CellLoad& load = shards[key.shard()];
        if (record.value_damaged) {
            ++load.damaged;
            if (record.type == ValueType::cell) cells_.count_damaged(key, record.value_length);
        } else if (record.type == ValueType::cell) {
            count(key, record.value);
        } else {
            trouble = adopt({std::string(record.key), address, true});
        }
    }

    /// Records that couldn't be read where they lie: then each of the shard's keys is asked for by itself.
    void complete(ShardId shard) {
        CellLoad& load = shards[shard];
        if (!trouble || load.cells + load.adopted + load.damaged == store_.shard_size(0, shard)) return;
        load = {.adopted = load.adopted};
        forget_counts(shard);
        std::vector<Plain> plain;
        for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot) {
            ShardLock& lock = store_.shard_lock(shard);
            lock.lock();
            plain.clear();
            store_.walk_slot(0, static_cast<SlotId>(slot),
                             [&](Record* record, LogAddress address) { ask(shard, record, address, plain); });
            for (size_t i = 0; i < plain.size() && trouble; ++i) trouble = adopt(plain[i]);
            lock.unlock();
        }
    }

    std::vector<CellLoad> shards{kShards};
    Result<void> trouble;  // the first

  private:
    void count(const KeyRef& key, std::string_view cell) {
        const auto view = CellView::parse(cell);
        if (!view) {
            ++shards[key.shard()].damaged;
            return;
        }
        ++shards[key.shard()].cells;
        cells_.count_loaded(key, cell);
        cluster_.stamps.observe(view->newest(), now_ms_);
    }

    void ask(ShardId shard, const Record* record, LogAddress address, std::vector<Plain>& plain) {
        if (record != nullptr) {
            const KeyRef key = make_key_ref(record->key(), store_.hash_seed());
            if (record->type() == ValueType::cell) return count(key, record->value());
            plain.push_back({std::string(record->key()), address, false});
            return;
        }
        const auto stored = store_.segments().read(address, 0);
        if (!stored && stored.error().kind != ErrorKind::corrupt) {
            trouble = fail(stored.error());
            return;
        }
        if (!stored || stored->value_damaged) {
            ++shards[shard].damaged;
            if (stored && stored->type == ValueType::cell)
                cells_.count_damaged(make_key_ref(stored->key, store_.hash_seed()), stored->value_length);
            return;
        }
        if (stored->type == ValueType::cell)
            return count(make_key_ref(stored->key, store_.hash_seed()), stored->value);
        plain.push_back({std::string(stored->key), address, true});
    }

    /// All or none: a plain value that stayed would be taken for a cell.
    Result<void> adopt(const Plain& plain) {
        const KeyRef key = make_key_ref(plain.key, store_.hash_seed());
        if (plain.cold) {
            auto stored = store_.segments().read(plain.address, 0);
            if (!stored) return fail(stored.error());
            if (store_.install(0, key, plain.address, *stored)) store_.unpin(0, key);
        }
        const Lookup found = store_.lookup(0, key);
        if (found.state != Lookup::State::resident)
            return fail(ErrorKind::corrupt, "key '" + plain.key + "' isn't where the index says");
        WriteBatch batch;
        store_.begin(batch, now_ms_);
        cells_.adopt(batch, key, found.record, now_ms_);
        store_.commit(batch);
        make_room(store_);
        ++shards[key.shard()].adopted;
        return {};
    }

    void forget_counts(ShardId shard) {
        cluster_.forest.clear(shard);
        ShardCells& counts = cluster_.cells[shard];
        for (auto* count :
             {&counts.keys, &counts.tombstones, &counts.with_expiry, &counts.with_siblings, &counts.bytes})
            count->store(0, std::memory_order_relaxed);
    }

    Store& store_;
    ClusterCore& cluster_;
    CellStore cells_;
    const int64_t now_ms_;
};

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
    Loader loader(store, cluster, now_ms);
    store.visit_stored([&](const RecordView& record, LogAddress address) { loader.found(record, address); });
    for (unsigned shard = 0; shard < kShards; ++shard) loader.complete(static_cast<ShardId>(shard));
    if (!loader.trouble) return fail(loader.trouble.error());
    CellLoad load;
    for (const CellLoad& of_shard : loader.shards) {
        load.cells += of_shard.cells;
        load.adopted += of_shard.adopted;
        load.damaged += of_shard.damaged;
    }
    return load;
}

}  // namespace torc
