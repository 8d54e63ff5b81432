// Memory: the access clocks, the bound, and who goes when it's reached.
//
// noeviction with a log: the entry becomes the record's address; nothing is lost, so nothing is asked but
// that the record has been handed to write(). allkeys-* and volatile-* delete as a cache does. Both take
// samples into the pool and then its best candidates, each looked up again under its shard's lock.
#include <algorithm>
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
bool is_volatile(MaxmemoryPolicy policy) {
    return policy == MaxmemoryPolicy::volatile_lru || policy == MaxmemoryPolicy::volatile_lfu ||
           policy == MaxmemoryPolicy::volatile_random || policy == MaxmemoryPolicy::volatile_ttl;
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

uint64_t Store::Impl::eviction_score(const Record* record, int64_t now_ms) const {
    switch (policy.load(std::memory_order_relaxed)) {
        case MaxmemoryPolicy::allkeys_lfu:
        case MaxmemoryPolicy::volatile_lfu:
            return 255 -
                   lfu_counter(record->access(), now_ms, lfu_decay_minutes.load(std::memory_order_relaxed));
        case MaxmemoryPolicy::volatile_ttl:
            return UINT64_MAX - static_cast<uint64_t>(record->expire_at_ms());
        case MaxmemoryPolicy::allkeys_random:
        case MaxmemoryPolicy::volatile_random:
            return cheap_random() >> 1;
        default:
            return lru_idle_seconds(record->access(), now_ms);
    }
}

bool Store::Impl::pick_part(bool only_volatile, DbId& db, ShardId& shard) {
    const auto first_shard = static_cast<unsigned>(rng.below(kShards));
    const auto first_db = static_cast<unsigned>(rng.below(options.databases));
    for (unsigned i = 0; i < kShards; ++i) {
        const unsigned s = (first_shard + i) % kShards;
        for (unsigned j = 0; j < options.databases; ++j) {
            const unsigned d = (first_db + j) % options.databases;
            const DbSpace* candidate = space(static_cast<DbId>(d));
            if (candidate == nullptr) continue;
            const Part& part = candidate->parts[s];
            if (part.resident.get() == 0 || (only_volatile && part.expires.get() == 0)) continue;
            db = static_cast<DbId>(d);
            shard = static_cast<ShardId>(s);
            return true;
        }
    }
    return false;
}

bool Store::Impl::may_unload(const Record* record) const {
    return record->address() && log->is_written(record->address());
}

/// Offers some records of the part to the pool. The shard is locked.
void Store::Impl::sample(DbId db, ShardId shard, MaxmemoryPolicy policy_now, int64_t now_ms,
                         Sampled& sampled) {
    DbSpace* const s = space(db);
    if (s == nullptr) return;
    const bool unload = policy_now == MaxmemoryPolicy::noeviction;
    const unsigned wanted = samples.load(std::memory_order_relaxed);
    unsigned seen = 0;
    auto offer = [&](Record* record, SlotId slot) {
        if (record->pinned() || record->pending()) return;
        ++seen;
        ++sampled.residents;
        if (unload && !may_unload(record)) {
            ++sampled.unwritten;
            return;
        }
        pool.offer({eviction_score(record, now_ms), hash64(record->key(), hash_seed), slot, db});
    };
    if (is_volatile(policy_now)) {
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

bool Store::evict_step(WriteBatch& batch, int64_t now_ms, unsigned budget,
                       const std::function<void(DbId, std::string_view)>& on_evicted) {
    Impl& im = *impl_;
    const uint64_t bound = im.maxmemory.load(std::memory_order_relaxed);
    if (bound == 0 || used_bytes() <= bound) return true;
    const MaxmemoryPolicy policy = im.policy.load(std::memory_order_relaxed);
    const bool unload = policy == MaxmemoryPolicy::noeviction;
    if (unload && !im.logging()) return false;
    std::unique_lock guard(im.evict_mutex, std::try_to_lock);
    if (!guard.owns_lock()) return true;  // another thread is at it

    unsigned fruitless = 0;
    unsigned handled = 0;
    bool unwritten = false;
    bool busy = false;
    while (used_bytes() > bound && handled < budget) {
        if (fruitless >= kFruitlessRounds) {
            // What waits for the log to be written, or is locked by others, can go a moment later.
            return busy || (unwritten && im.log->state() == Log::State::ok);
        }
        if (im.logging() && !unload && !im.log->has_room()) return true;
        DbId db = 0;
        ShardId shard = 0;
        if (!im.pick_part(is_volatile(policy), db, shard)) return false;
        ++fruitless;
        if (!im.shards[shard].lock.try_lock()) {
            busy = true;
            continue;
        }
        Impl::Sampled sampled;
        im.sample(db, shard, policy, now_ms, sampled);
        im.shards[shard].lock.unlock();
        unwritten = unwritten || sampled.unwritten > 0;

        EvictionPool::Candidate candidate;
        if (!im.pool.take(candidate)) continue;
        Impl::Shard& home = im.shards[shard_of(candidate.slot)];
        if (!home.lock.try_lock()) {
            busy = true;
            continue;
        }
        if (im.exists(candidate.db, candidate.slot)) {
            const Impl::Where w = im.where(candidate.db, candidate.slot);
            Record* victim = nullptr;
            HashIndex::Place place = nullptr;
            w.table.match(candidate.hash, [&](IndexEntry entry, HashIndex::Place at) {
                if (entry.is_cold() || hash64(entry.record()->key(), im.hash_seed) != candidate.hash)
                    return false;
                victim = entry.record();
                place = at;
                return true;
            });
            if (victim == nullptr || victim->pinned() || victim->pending() ||
                (is_volatile(policy) && !victim->has_expiry())) {
                // Gone, or needed, since it was sampled.
            } else if (unload) {
                if (im.may_unload(victim)) {
                    HashIndex::replace(place, IndexEntry::cold(victim->address()));
                    im.account_record(w, victim, -1);
                    Record::destroy(victim);
                    w.shard.unloaded.add(1);
                    ++handled;
                    fruitless = 0;
                }
            } else {
                on_evicted(candidate.db, victim->key());
                begin(batch, now_ms);
                erase(batch, candidate.db, {victim->key(), candidate.hash, candidate.slot}, victim,
                      Removal::evicted);
                commit(batch);
                ++handled;
                fruitless = 0;
            }
        }
        home.lock.unlock();
    }
    return true;
}

}  // namespace torc
