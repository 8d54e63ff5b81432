// Opening, loading, finding keys.
#include "engine/store.h"

#include <algorithm>

#include "engine/store_impl.h"

namespace torc {
namespace {

constexpr uint64_t kFreedPerTurn = 16;  // buckets of a flushed database

}  // namespace

Store::Impl::Impl(Disk& disk_in, const Clock& clock_in, const Options& options_in)
    : disk(disk_in), clock(clock_in), options(options_in), rng(options_in.random_seed) {
    for (unsigned i = 0; i < physical.size(); ++i) {
        physical[i].store(static_cast<DbId>(i), std::memory_order_relaxed);
        logged_physical[i] = static_cast<DbId>(i);
    }
}

Store::Impl::~Impl() {
    for (auto& slot : spaces)
        if (DbSpace* space = slot.exchange(nullptr)) flushed.push_back({space, 0, 0, true});
    for (Flushed& item : flushed) {
        free_space(item, UINT64_MAX);
        delete item.space;
    }
}

Store::Impl::DbSpace& Store::Impl::make_space(DbId db) {
    DbSpace* space = spaces[db].load(std::memory_order_acquire);
    if (__builtin_expect(space != nullptr, 1)) return *space;
    std::unique_ptr<DbSpace> made;
    {
        std::lock_guard guard(flushed_mutex);
        if (!spare_spaces.empty()) {
            made = std::move(spare_spaces.back());
            spare_spaces.pop_back();
        }
    }
    if (made == nullptr) made = std::make_unique<DbSpace>();
    if (spaces[db].compare_exchange_strong(space, made.get(), std::memory_order_acq_rel))
        return *made.release();
    std::lock_guard guard(flushed_mutex);
    spare_spaces.push_back(std::move(made));  // another shard was first
    return *space;
}

HashIndex::Place Store::Impl::place_of(HashIndex& table, uint64_t hash, const Record* record) {
    HashIndex::Place found = nullptr;
    table.match(hash, [&](IndexEntry entry, HashIndex::Place place) {
        if (entry.is_cold() || entry.record() != record) return false;
        found = place;
        return true;
    });
    return found;
}

HashIndex::Place Store::Impl::place_of(HashIndex& table, uint64_t hash, LogAddress address) {
    HashIndex::Place found = nullptr;
    table.match(hash, [&](IndexEntry entry, HashIndex::Place place) {
        if (!entry.is_cold() || entry.address() != address) return false;
        found = place;
        return true;
    });
    return found;
}

Store::Store() = default;
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(Disk& disk, const Clock& clock, const Options& options) {
    std::unique_ptr<Store> store(new Store());
    store->impl_ = std::make_unique<Impl>(disk, clock, options);
    auto segments = SegmentSet::open(disk, options.directory, options.random_seed, options.databases);
    if (!segments) return fail(segments.error());
    store->impl_->segments = std::move(*segments);
    store->impl_->hash_seed = store->impl_->segments->hash_seed();
    return store;
}

Result<RecoveryReport> Store::load() {
    Impl& im = *impl_;
    TORC_CHECK(im.log == nullptr);
    auto expected = [&im](SlotId slot, DbId db, uint64_t keys) {
        const Impl::Where w = im.where(db, slot);
        im.change_index(w, [&](HashIndex::Context& context) { w.table.reserve(keys, context); });
    };
    auto on_key = [&im](const RecoveredKey& key) {
        const Impl::Where w = im.where(key.db, key.slot);
        im.change_index(w, [&](HashIndex::Context& context) {
            w.table.insert(key.hash, IndexEntry::cold(key.address), context);
        });
        w.part.keys.add(1);
        if (key.expire_at_ms == kNoExpiry) return;
        w.part.expires.add(1);
        im.note_expiry(w.shard, key.db, key.slot, key.hash, key.expire_at_ms);
    };
    auto on_progress = [&im](double done) { im.progress.store(done, std::memory_order_relaxed); };
    auto report = im.segments->recover(expected, on_key, on_progress);
    if (!report) return fail(report.error());
    for (size_t i = 0; i < report->databases.size() && i < im.physical.size(); ++i) {
        im.physical[i].store(report->databases[i], std::memory_order_relaxed);
        im.logged_physical[i] = report->databases[i];
    }
    auto log = Log::open(*im.segments, im.clock, report->highest_lsn + 1, im.options.log);
    if (!log) return fail(log.error());
    im.log = std::move(*log);
    im.log_on.store(im.options.log_enabled, std::memory_order_relaxed);
    im.progress.store(1, std::memory_order_relaxed);
    return report;
}

double Store::load_progress() const {
    return impl_->progress.load(std::memory_order_relaxed);
}

uint64_t Store::hash_seed() const {
    return impl_->hash_seed;
}

void Store::prefetch_table(DbId db, const KeyRef& key) const {
    __builtin_prefetch(&impl_->shards[key.shard()], 1);
    if (const Impl::DbSpace* space = impl_->space(db)) __builtin_prefetch(&space->tables[key.slot]);
}

void Store::prefetch_bucket(DbId db, const KeyRef& key) const {
    if (const Impl::DbSpace* space = impl_->space(db)) space->tables[key.slot].prefetch_bucket(key.hash);
}

void Store::prefetch_record(DbId db, const KeyRef& key) const {
    if (const Impl::DbSpace* space = impl_->space(db)) space->tables[key.slot].prefetch_record(key.hash);
}

Lookup Store::lookup(DbId db, const KeyRef& key) {
    Lookup result;
    Impl::DbSpace* const space = impl_->space(db);
    if (space == nullptr) return result;
    space->tables[key.slot].match(key.hash, [&](IndexEntry entry, HashIndex::Place) {
        if (!entry.is_cold()) {
            Record* const record = entry.record();
            if (record->key() != key.bytes) return false;
            result = {Lookup::State::resident, record, {}};
            return true;
        }
        // A record in RAM is sure, a cold one only likely: it's the answer if there's nothing better.
        if (result.state == Lookup::State::absent) result = {Lookup::State::cold, nullptr, entry.address()};
        return false;
    });
    return result;
}

Lookup Store::lookup_except(DbId db, const KeyRef& key, const std::vector<LogAddress>& not_these) {
    Lookup result;
    Impl::DbSpace* const space = impl_->space(db);
    if (space == nullptr) return result;
    space->tables[key.slot].match(key.hash, [&](IndexEntry entry, HashIndex::Place) {
        if (!entry.is_cold()) {
            if (entry.record()->key() != key.bytes) return false;
            result = {Lookup::State::resident, entry.record(), {}};
            return true;
        }
        if (result.state == Lookup::State::absent &&
            std::ranges::find(not_these, entry.address()) == not_these.end())
            result = {Lookup::State::cold, nullptr, entry.address()};
        return false;
    });
    return result;
}

bool Store::install(DbId db, const KeyRef& key, LogAddress address, const StoredRecord& stored) {
    if (!impl_->exists(db, key.slot)) return false;
    const Impl::Where w = impl_->where(db, key.slot);
    if (stored.value_damaged) {
        w.shard.damaged_reads.add(1);
        return false;
    }
    const HashIndex::Place place = Impl::place_of(w.table, key.hash, address);
    if (place == nullptr || stored.key != key.bytes || stored.kind != format::RecordKind::put) return false;
    Record* record = Record::create(stored.key, stored.type, stored.value, stored.expire_at_ms);
    record->set_address(address);
    record->set_pinned(true);
    record->set_access(impl_->fresh_access(impl_->clock.wall_ms()));
    HashIndex::replace(place, IndexEntry::resident(record));
    impl_->account_record(w, record, +1);
    w.shard.cold_reads.add(1);
    return true;
}

void Store::unpin(DbId db, const KeyRef& key) {
    const Lookup found = lookup(db, key);
    if (found.state == Lookup::State::resident) found.record->set_pinned(false);
}

DbId Store::physical_db(unsigned logical) const {
    TORC_CHECK(logical < impl_->physical.size());
    return impl_->physical[logical].load(std::memory_order_relaxed);
}

Lsn Store::shard_lsn(ShardId shard) const {
    return impl_->shards[shard].lsn.load(std::memory_order_relaxed);
}

ShardLock& Store::shard_lock(ShardId shard) {
    return impl_->shards[shard].lock;
}
Log& Store::log() {
    return *impl_->log;
}
SegmentSet& Store::segments() {
    return *impl_->segments;
}
bool Store::log_enabled() const {
    return impl_->logging();
}

void Store::quiescent(unsigned thread) {
    impl_->reclaimer.quiescent(thread);
    impl_->free_flushed(kFreedPerTurn);
}
void Store::offline(unsigned thread) {
    impl_->reclaimer.offline(thread);
}

}  // namespace torc
