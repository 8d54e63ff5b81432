#include "node/cell_copy.h"

#include <utility>

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

/// Records that walks have waiting for the disk.
constexpr size_t kMostWanted = 1024;
/// They are kept for so long, or twice, after they were last asked for: longer than who was told "later"
/// takes to come back.
constexpr int64_t kColdMs = 2000;

}  // namespace

Store* CellCopy::worker_store(WorkerCore& worker) {
    return worker.node.store.get();
}

const MerkleForest& CellCopy::forest() const {
    return worker_.node.cluster->forest;
}

void CellCopy::want(LogAddress address) {
    if (!on_their_way_.contains(address.units)) wanted_.insert(address.units);
}

void CellCopy::read_on() {
    if (cold_->busy.load(std::memory_order_acquire)) return;
    recent_.merge(cold_->records);
    cold_->records.clear();
    on_their_way_ = std::exchange(wanted_, {});
    if (on_their_way_.empty()) return;
    cold_->busy.store(true, std::memory_order_relaxed);
    worker_.host.run_blocking([cold = cold_, addresses = on_their_way_, &store = cells_.store()] {
        for (const uint64_t units : addresses) {
            auto stored = store.segments().read(LogAddress{units}, 0);
            // What the disk refuses at the moment is asked for again; what is damaged won't get better.
            if (stored)
                cold->records[units] = std::move(*stored);
            else if (stored.error().kind == ErrorKind::corrupt)
                cold->records[units].value_damaged = true;
        }
        cold->busy.store(false, std::memory_order_release);
    });
}

const StoredRecord* CellCopy::known(LogAddress address) {
    if (const auto at = recent_.find(address.units); at != recent_.end()) return &at->second;
    auto node = older_.extract(address.units);
    return node.empty() ? nullptr : &recent_.insert(std::move(node)).position->second;
}

void CellCopy::age_cold(int64_t now_ms) {
    read_on();
    if (now_ms - aged_ms_ < kColdMs) return;
    aged_ms_ = now_ms;
    older_ = std::exchange(recent_, {});
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
    read_on();
    // It may all be known, but looking costs; soon there's room again.
    if (wanted_.size() >= kMostWanted) return false;
    const TriedLock lock(cells_.store().shard_lock(shard_of(slot)));
    if (!lock) return false;
    bool all = true;
    cells_.store().walk_slot(0, slot, [&](Record* record, LogAddress address) {
        if (record != nullptr || known(address) != nullptr) return;
        all = false;
        if (wanted_.size() < kMostWanted) want(address);
    });
    if (!all) {
        read_on();
        return false;
    }
    cells_.store().walk_slot(0, slot, [&](Record* record, LogAddress address) {
        if (record != nullptr) return visit(record->key(), record->value());
        const StoredRecord& stored = *known(address);
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
    read_on();
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
        const StoredRecord* const stored = known(found.address);
        if (stored == nullptr) {
            want(found.address);
            read_on();
            return Read::later;
        }
        if (stored->key == name) {
            if (stored->value_damaged) return Read::absent;
            append_replicated(cell, stored->value);
            return Read::found;
        }
        not_these.push_back(found.address);
    }
}

bool CellCopy::merge(std::string_view name, std::string_view cell) {
    const auto incoming = CellView::parse(cell);
    if (!incoming || !StampClock::acceptable(incoming->newest(), worker_.now_ms)) return true;
    read_on();
    Store& store = cells_.store();
    if (!worker_.node.log_takes_more()) return false;
    const KeyRef key = make_key_ref(name, store.hash_seed());
    const TriedLock lock(store.shard_lock(key.shard()));
    if (!lock) return false;
    std::vector<LogAddress> not_these;
    Record* old = nullptr;
    const StoredRecord* damaged = nullptr;
    LogAddress damaged_at;
    for (;;) {
        const Lookup found = store.lookup_except(0, key, not_these);
        if (found.state == Lookup::State::absent) break;
        if (found.state == Lookup::State::resident) {
            old = found.record;
            break;
        }
        const StoredRecord* const stored = known(found.address);
        if (stored == nullptr) {
            want(found.address);
            read_on();
            return false;
        }
        if (stored->key == name && !stored->value_damaged) {
            (void)store.install(0, key, found.address, *stored);
            store.unpin(0, key);
            continue;
        }
        if (stored->key == name) {
            damaged = stored;
            damaged_at = found.address;
        }
        not_these.push_back(found.address);
    }
    size_t dropped = 0;
    const std::string_view local = old == nullptr ? std::string_view() : old->value();
    if (merge_cells(out_, local, cell, worker_.run.siblings.most(name), &dropped) == Merged::unchanged)
        return true;
    ClusterCore& cluster = cells_.cluster();
    cluster.stamps.observe(incoming->newest(), worker_.now_ms + StampClock::kObserveAheadMs);
    if (dropped != 0) ClusterCounters::add(cluster.counters.siblings_dropped, dropped);
    store.begin(worker_.batch, worker_.now_ms);
    // Another replica's copy takes the place of what can't be read any more.
    if (damaged != nullptr) (void)cells_.lose(worker_.batch, key, damaged_at, *damaged);
    cells_.replace(worker_.batch, key, old, out_);
    store.commit(worker_.batch);
    if (worker_.node.watches.any(key.shard())) worker_.node.watches.touch(key.shard(), 0, name);
    return true;
}

size_t CellCopy::forget_damaged(SlotId slot) {
    Store& store = cells_.store();
    if (!worker_.node.log_takes_more()) return 0;
    const TriedLock lock(store.shard_lock(shard_of(slot)));
    if (!lock) return 0;
    std::vector<std::pair<LogAddress, const StoredRecord*>> damaged;
    store.walk_slot(0, slot, [&](Record* record, LogAddress address) {
        const StoredRecord* const stored = record == nullptr ? known(address) : nullptr;
        if (stored != nullptr && stored->value_damaged) damaged.emplace_back(address, stored);
    });
    size_t forgotten = 0;
    store.begin(worker_.batch, worker_.now_ms);
    for (const auto& [address, stored] : damaged) {
        // One whose head can't be read either shows no key but "", under which it isn't found.
        const KeyRef key = make_key_ref(stored->key, store.hash_seed());
        if (key.slot == slot && cells_.lose(worker_.batch, key, address, *stored)) ++forgotten;
    }
    store.commit(worker_.batch);
    return forgotten;
}

}  // namespace torc
