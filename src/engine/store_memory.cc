// Memory: the access clocks, the bound, and who goes when it's reached.
//
// noeviction with a log: the entry becomes the record's address; nothing is lost, so nothing is asked but
// that the record has been handed to write(). allkeys-* and volatile-* delete as a cache does; on a cluster
// an EvictionChoice says which of the two, and deletes. All take samples into the pool and then its best
// candidates, each looked up again under its shard's lock.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/hash.h"
#include "engine/store_impl.h"

namespace torc {
namespace {

// Rounds of sampling without finding anything to evict before that's taken for "there is nothing".
constexpr unsigned kFruitlessRounds = 64;
constexpr unsigned kBucketsPerRound = 16;

uint64_t cheap_random() {
    static thread_local uint64_t state = 0x9e3779b97f4a7c15ULL ^ reinterpret_cast<uintptr_t>(&state);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

bool is_lfu(MaxmemoryPolicy policy) {
    return policy == MaxmemoryPolicy::allkeys_lfu || policy == MaxmemoryPolicy::volatile_lfu;
}

}  // namespace

void Store::set_memory_policy(uint64_t maxmemory, MaxmemoryPolicy policy, unsigned samples,
                              unsigned lfu_log_factor, unsigned lfu_decay_minutes) {
    Impl& im = *impl_;
    std::lock_guard guard(im.evict_mutex);
    im.pool.clear();
    im.policy.store(policy, std::memory_order_relaxed);
    im.lfu.store(is_lfu(policy), std::memory_order_relaxed);
    im.samples.store(std::max(1U, samples), std::memory_order_relaxed);
    im.lfu_log_factor.store(lfu_log_factor, std::memory_order_relaxed);
    im.lfu_decay_minutes.store(lfu_decay_minutes, std::memory_order_relaxed);
    im.maxmemory.store(maxmemory, std::memory_order_relaxed);
    const auto above = static_cast<int64_t>(maxmemory / (16 * kShards));
    im.report_above.store(maxmemory == 0 ? Impl::kReportAbove : std::min(above, Impl::kReportAbove),
                          std::memory_order_relaxed);
    for (Impl::Shard& shard : im.shards) {
        if (!shard.lock.try_lock()) continue;  // reports with its next change
        im.used.fetch_add(std::exchange(shard.unreported, 0), std::memory_order_relaxed);
        shard.lock.unlock();
    }
}

void Store::touch(Record* record, int64_t now_ms) {
    const Impl& im = *impl_;
    uint32_t access = lru_access(now_ms);
    if (im.lfu.load(std::memory_order_relaxed)) {
        const unsigned counter =
            lfu_counter(record->access(), now_ms, im.lfu_decay_minutes.load(std::memory_order_relaxed));
        access = lfu_access(
            lfu_increment(counter, im.lfu_log_factor.load(std::memory_order_relaxed), cheap_random()),
            now_ms);
    }
    if (access != record->access()) record->set_access(access);  // no write, no dirty cache line
}

uint64_t Store::idle_seconds(const Record* record, int64_t now_ms) const {
    return lru_idle_seconds(record->access(), now_ms);
}

unsigned Store::frequency(const Record* record, int64_t now_ms) const {
    return lfu_counter(record->access(), now_ms, impl_->lfu_decay_minutes.load(std::memory_order_relaxed));
}

void Store::set_idle_seconds(Record* record, uint64_t seconds, int64_t now_ms) {
    if (impl_->lfu.load(std::memory_order_relaxed)) return;
    record->set_access(static_cast<uint32_t>(lru_access(now_ms) - seconds) & 0xffffff);
}

void Store::set_frequency(Record* record, unsigned frequency, int64_t now_ms) {
    if (impl_->lfu.load(std::memory_order_relaxed)) record->set_access(lfu_access(frequency, now_ms));
}

uint64_t Store::used_bytes() const {
    return static_cast<uint64_t>(std::max<int64_t>(0, impl_->used.load(std::memory_order_relaxed)));
}

uint64_t Store::Impl::eviction_score(const Record* record, int64_t expire_at_ms, int64_t now_ms) const {
    switch (policy.load(std::memory_order_relaxed)) {
        case MaxmemoryPolicy::allkeys_lfu:
        case MaxmemoryPolicy::volatile_lfu:
            return 255 -
                   lfu_counter(record->access(), now_ms, lfu_decay_minutes.load(std::memory_order_relaxed));
        case MaxmemoryPolicy::volatile_ttl:
            return UINT64_MAX - static_cast<uint64_t>(expire_at_ms);
        case MaxmemoryPolicy::allkeys_random:
        case MaxmemoryPolicy::volatile_random:
            return cheap_random() >> 1;
        default:
            return lru_idle_seconds(record->access(), now_ms);
    }
}

bool Store::Impl::Pressure::only_volatile() const {
    return choice == nullptr && is_volatile(policy);
}

bool Store::Impl::pick_part(const Pressure& pressure, DbId& db, ShardId& shard) {
    const auto first_shard = static_cast<unsigned>(rng.below(kShards));
    const auto first_db = static_cast<unsigned>(rng.below(options.databases));
    const bool only_taken = pressure.choice != nullptr && !logging();
    const bool only_volatile = pressure.only_volatile();
    // Each command comes here while memory is short, and most databases aren't there.
    struct Present {
        DbId db;
        const DbSpace* space;
    };
    std::array<Present, std::tuple_size<decltype(spaces)>::value> present;  // the first `count`
    unsigned count = 0;
    for (unsigned j = 0; j < options.databases; ++j) {
        const auto d = static_cast<DbId>((first_db + j) % options.databases);
        if (const DbSpace* const candidate = space(d)) present[count++] = {d, candidate};
    }
    for (unsigned i = 0; i < kShards; ++i) {
        const auto s = static_cast<ShardId>((first_shard + i) % kShards);
        if (only_taken && !pressure.choice->may_take_of(s)) continue;
        for (const auto& [d, candidate] : std::span(present).first(count)) {
            const Part& part = candidate->parts[s];
            if (part.resident.get() == 0 || (only_volatile && part.expires.get() == 0)) continue;
            db = d;
            shard = s;
            return true;
        }
    }
    return false;
}

bool Store::Impl::may_unload(const Record* record) const {
    return record->address() && log->is_written(record->address());
}

/// What may become of a resident record of the slot, whose shard is locked.
EvictionChoice::Verdict Store::Impl::judge(const Pressure& pressure, SlotId slot,
                                           const Record& record) const {
    using Fate = EvictionChoice::Fate;
    if (record.pinned() || record.pending()) return {};
    if (pressure.policy == MaxmemoryPolicy::noeviction) return {Fate::unloads, false, record.expire_at_ms()};
    if (pressure.choice == nullptr)
        return {pressure.only_volatile() && !record.has_expiry() ? Fate::stays : Fate::goes, false,
                record.expire_at_ms()};
    const EvictionChoice::Verdict verdict = pressure.choice->judge(slot, record);
    return verdict.fate == Fate::unloads && !logging() ? EvictionChoice::Verdict{} : verdict;
}

/// Offers some records of the part to the pool. The shard is locked.
void Store::Impl::sample(DbId db, ShardId shard, Pressure& pressure) {
    using Fate = EvictionChoice::Fate;
    DbSpace* const s = space(db);
    if (s == nullptr) return;
    const unsigned wanted = samples.load(std::memory_order_relaxed);
    unsigned seen = 0;
    auto offer = [&](Record* record, SlotId slot) {
        const EvictionChoice::Verdict verdict = judge(pressure, slot, *record);
        pressure.busy |= verdict.fate == Fate::busy;
        if (verdict.fate == Fate::stays || verdict.fate == Fate::busy) return;
        ++seen;
        if (verdict.fate == Fate::unloads && !may_unload(record)) {
            pressure.unwritten = true;
            return;
        }
        const uint64_t score =
            verdict.first ? UINT64_MAX : eviction_score(record, verdict.expire_at_ms, pressure.now_ms);
        pool.offer({score, hash64(record->key(), hash_seed), slot, db});
    };
    if (pressure.only_volatile()) {
        // The wheel is a list of just the keys with a TTL.
        const ExpiryWheel* wheel = shards[shard].wheel.get();
        for (unsigned i = 0; wheel != nullptr && i < 2 * wanted && seen < wanted; ++i) {
            const ExpiryWheel::Ref* ref = wheel->sample(rng.next());
            if (ref == nullptr || space(ref->db()) != s) continue;
            s->tables[ref->slot()].match(ref->hash, [&](IndexEntry entry, HashIndex::Place) {
                if (!entry.is_cold() && entry.record()->has_expiry()) offer(entry.record(), ref->slot());
                return false;
            });
        }
        return;
    }
    const auto first = static_cast<unsigned>(rng.below(kSlotsPerShard));
    unsigned buckets = 0;
    for (unsigned i = 0; i < kSlotsPerShard && seen < wanted && buckets < kBucketsPerRound; ++i) {
        const auto slot = static_cast<SlotId>(shard * kSlotsPerShard + (first + i) % kSlotsPerShard);
        HashIndex& table = s->tables[slot];
        if (table.size() == 0) continue;
        uint64_t position = rng.below(HashIndex::kEndPosition);
        for (; position < HashIndex::kEndPosition && seen < wanted && buckets < kBucketsPerRound; ++buckets)
            position = table.walk(position, [&](IndexEntry entry, HashIndex::Place) {
                if (!entry.is_cold()) offer(entry.record(), slot);
            });
    }
}

/// The resident record that was sampled; null when it's gone.
Record* Store::Impl::find_candidate(const Where& w, uint64_t hash, HashIndex::Place& place) const {
    Record* found = nullptr;
    w.table.match(hash, [&](IndexEntry entry, HashIndex::Place at) {
        if (entry.is_cold() || hash64(entry.record()->key(), hash_seed) != hash) return false;
        found = entry.record();
        place = at;
        return true;
    });
    return found;
}

void Store::Impl::unload(const Where& w, Record* record, HashIndex::Place place) {
    HashIndex::replace(place, IndexEntry::cold(record->address()));
    account_record(w, record, -1);
    Record::destroy(record);
    w.shard.unloaded.add(1);
}

bool Store::evict_step(WriteBatch& batch, int64_t now_ms, unsigned budget,
                       const std::function<void(DbId, std::string_view)>& on_evicted,
                       EvictionChoice* choice) {
    using Fate = EvictionChoice::Fate;
    Impl& im = *impl_;
    const uint64_t bound = im.maxmemory.load(std::memory_order_relaxed);
    const auto above = [&] {
        return used_bytes() > bound + (choice == nullptr ? 0 : choice->promised_bytes());
    };
    if (bound == 0 || !above()) return true;
    Impl::Pressure pressure{.policy = im.policy.load(std::memory_order_relaxed), .now_ms = now_ms};
    const bool unloads = pressure.policy == MaxmemoryPolicy::noeviction;
    if (!unloads) pressure.choice = choice;
    if (unloads && !im.logging()) return false;
    std::unique_lock guard(im.evict_mutex, std::try_to_lock);
    if (!guard.owns_lock()) return true;  // another thread is at it

    unsigned fruitless = 0;
    unsigned handled = 0;
    while (above() && handled < budget) {
        if (fruitless >= kFruitlessRounds) {
            // What waits for the log to be written, or is locked by others, can go a moment later.
            return pressure.busy || (pressure.unwritten && im.log->state() == Log::State::ok);
        }
        if (im.logging() && !unloads && !im.log->has_room()) return true;
        DbId db = 0;
        ShardId shard = 0;
        if (!im.pick_part(pressure, db, shard)) return false;
        ++fruitless;
        if (!im.shards[shard].lock.try_lock()) {
            pressure.busy = true;
            continue;
        }
        im.sample(db, shard, pressure);
        im.shards[shard].lock.unlock();

        EvictionPool::Candidate candidate;
        if (!im.pool.take(candidate)) continue;
        Impl::Shard& home = im.shards[shard_of(candidate.slot)];
        if (!home.lock.try_lock()) {
            pressure.busy = true;
            continue;
        }
        if (im.exists(candidate.db, candidate.slot)) {
            const Impl::Where w = im.where(candidate.db, candidate.slot);
            HashIndex::Place place = nullptr;
            Record* const victim = im.find_candidate(w, candidate.hash, place);
            // Gone, or needed, since it was sampled?
            const Fate fate =
                victim == nullptr ? Fate::stays : im.judge(pressure, candidate.slot, *victim).fate;
            const bool gone = fate == Fate::goes || (fate == Fate::unloads && im.may_unload(victim));
            if (gone && fate == Fate::unloads) {
                im.unload(w, victim, place);
            } else if (gone && pressure.choice != nullptr) {
                pressure.choice->take(candidate.slot, *victim);
            } else if (gone) {
                on_evicted(candidate.db, victim->key());
                begin(batch, now_ms);
                erase(batch, candidate.db, {victim->key(), candidate.hash, candidate.slot}, victim,
                      Removal::evicted);
                commit(batch);
            }
            handled += gone ? 1 : 0;
            if (gone) fruitless = 0;
        }
        home.lock.unlock();
    }
    return true;
}

}  // namespace torc
