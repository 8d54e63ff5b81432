#include "node/cell_copy.h"

#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

/// Gives the lock back at the end of the scope, if it was to be had.
class TriedLock {
  public:
    explicit TriedLock(ShardLock& lock) : lock_(lock), held_(lock.try_lock()) {}
    ~TriedLock() {
        if (held_) lock_.unlock();
    }
    TriedLock(const TriedLock&) = delete;
    TriedLock& operator=(const TriedLock&) = delete;
    explicit operator bool() const { return held_; }

  private:
    ShardLock& lock_;
    const bool held_;
};

/// Records read ahead at once.
constexpr size_t kMostCold = 1024;

}  // namespace

Store* CellCopy::worker_store(WorkerCore& worker) {
    return worker.node.store.get();
}

const MerkleForest& CellCopy::forest() const {
    return worker_.node.cluster->forest;
}

void CellCopy::fetch(std::vector<LogAddress> addresses) {
    if (cold_->busy.load(std::memory_order_acquire)) return;
    cold_->busy.store(true, std::memory_order_relaxed);
    if (addresses.size() > kMostCold) addresses.resize(kMostCold);
    worker_.host.run_blocking([cold = cold_, addresses = std::move(addresses), &store = cells_.store()] {
        for (const LogAddress address : addresses) {
            auto stored = store.segments().read(address, 0);
            if (!stored) {
                stored = StoredRecord{};
                stored->value_damaged = true;
            }
            cold->records[address.units] = std::move(*stored);
        }
        cold->busy.store(false, std::memory_order_release);
    });
}

bool CellCopy::walk(SlotId slot,
                    const std::function<void(std::string_view key, std::string_view cell)>& visit) {
    return walk_locked(slot, visit, [] {});
}

bool CellCopy::correct_leaves(SlotId slot) {
    std::array<uint64_t, kLeavesPerSlot> leaves{};
    const auto add = [&](std::string_view key, std::string_view cell) {
        leaves[leaf_of_key(key)] ^= entry_hash(key, CellView::parse(cell)->digest());
    };
    return walk_locked(slot, add, [&] {
        for (unsigned leaf = 0; leaf < kLeavesPerSlot; ++leaf)
            cells_.cluster().forest.correct(slot, leaf, leaves[leaf]);
    });
}

bool CellCopy::walk_locked(SlotId slot,
                           const std::function<void(std::string_view key, std::string_view cell)>& visit,
                           const std::function<void()>& at_end) {
    if (cold_->busy.load(std::memory_order_acquire)) return false;
    const TriedLock lock(cells_.store().shard_lock(shard_of(slot)));
    if (!lock) return false;
    std::vector<LogAddress> missing;
    cells_.store().walk_slot(0, slot, [&](Record* record, LogAddress address) {
        if (record == nullptr && !cold_->records.contains(address.units)) missing.push_back(address);
    });
    if (!missing.empty()) {
        fetch(std::move(missing));
        return false;
    }
    cells_.store().walk_slot(0, slot, [&](Record* record, LogAddress address) {
        if (record != nullptr) return visit(record->key(), record->value());
        const StoredRecord& stored = cold_->records.at(address.units);
        if (!stored.value_damaged && CellView::parse(stored.value)) visit(stored.key, stored.value);
    });
    at_end();
    return true;
}

bool CellCopy::list(SlotId slot, unsigned leaf, std::vector<KeyDigest>& out) {
    out.clear();
    return walk(slot, [&](std::string_view key, std::string_view cell) {
        if (leaf_of_key(key) == leaf) out.push_back({std::string(key), CellView::parse(cell)->digest()});
    });
}

ExchangeCopy::Read CellCopy::read(std::string_view name, std::string& cell) {
    cell.clear();
    if (cold_->busy.load(std::memory_order_acquire)) return Read::later;
    const KeyRef key = make_key_ref(name, cells_.store().hash_seed());
    const TriedLock lock(cells_.store().shard_lock(key.shard()));
    if (!lock) return Read::later;
    std::vector<LogAddress> not_these;
    for (;;) {
        const Lookup found = cells_.store().lookup_except(0, key, not_these);
        if (found.state == Lookup::State::absent) return Read::absent;
        if (found.state == Lookup::State::resident) {
            append_replicated(cell, found.record->value());
            return Read::found;
        }
        const auto known = cold_->records.find(found.address.units);
        if (known == cold_->records.end()) {
            fetch({found.address});
            return Read::later;
        }
        if (known->second.key == name) {
            if (known->second.value_damaged) return Read::absent;
            append_replicated(cell, known->second.value);
            return Read::found;
        }
        not_these.push_back(found.address);
    }
}

bool CellCopy::merge(std::string_view name, std::string_view cell) {
    if (!CellView::parse(cell)) return true;
    if (cold_->busy.load(std::memory_order_acquire)) return false;
    Store& store = cells_.store();
    if (store.log_enabled() && (!store.log().has_room() || worker_.node.log_is_failing())) return false;
    const KeyRef key = make_key_ref(name, store.hash_seed());
    const TriedLock lock(store.shard_lock(key.shard()));
    if (!lock) return false;
    std::vector<LogAddress> not_these;
    Record* old = nullptr;
    for (;;) {
        const Lookup found = store.lookup_except(0, key, not_these);
        if (found.state == Lookup::State::absent) break;
        if (found.state == Lookup::State::resident) {
            old = found.record;
            break;
        }
        const auto known = cold_->records.find(found.address.units);
        if (known == cold_->records.end()) {
            fetch({found.address});
            return false;
        }
        if (known->second.key == name && !known->second.value_damaged) {
            (void)store.install(0, key, found.address, known->second);
            store.unpin(0, key);
            continue;
        }
        not_these.push_back(found.address);
    }
    size_t dropped = 0;
    const std::string_view local = old == nullptr ? std::string_view() : old->value();
    if (merge_cells(out_, local, cell, worker_.node.max_siblings(), &dropped) == Merged::unchanged)
        return true;
    if (dropped != 0) ClusterCounters::add(cells_.cluster().counters.siblings_dropped, dropped);
    store.begin(worker_.batch, worker_.now_ms);
    cells_.replace(worker_.batch, key, old, out_);
    store.commit(worker_.batch);
    if (worker_.node.watches.any(key.shard())) worker_.node.watches.touch(key.shard(), 0, name);
    return true;
}

}  // namespace torc
