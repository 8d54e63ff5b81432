// Expiry wheels: noting, judging, removing.
#include "base/hash.h"
#include "engine/store_impl.h"

namespace torc {
namespace {

constexpr size_t kSweepEvery = 256;  // references added between two sweeps of an overfull wheel
constexpr size_t kSweep = 2 * kSweepEvery;
constexpr uint64_t kFreedPerStep = 2048;  // buckets of a flushed database
constexpr unsigned kPerHold = 64;         // references judged under one hold of a shard's lock

}  // namespace

void Store::Impl::note_expiry(Shard& shard, DbId db, SlotId slot, uint64_t hash, int64_t at_ms) {
    if (at_ms > ExpiryWheel::kMaxTime) return;
    if (shard.wheel == nullptr) shard.wheel = std::make_unique<ExpiryWheel>(clock.wall_ms());
    const size_t before = shard.wheel->size();
    shard.wheel->add(ExpiryWheel::Ref::of(db, slot, hash, at_ms));
    if (shard.wheel->size() % kSweepEvery == 0) sweep_wheel(shard);
    report(shard, static_cast<int64_t>(sizeof(ExpiryWheel::Ref)) *
                      (static_cast<int64_t>(shard.wheel->size()) - static_cast<int64_t>(before)));
    shard.next_due.store(shard.wheel->next_due_ms(), std::memory_order_relaxed);
}

void Store::Impl::sweep_wheel(Shard& shard) {
    size_t live = 0;
    const auto index = static_cast<size_t>(&shard - shards.data());
    for (const auto& slot : spaces)
        if (const DbSpace* s = slot.load(std::memory_order_acquire)) live += s->parts[index].expires.count();
    if (!shard.wheel->overfull(live)) return;
    std::vector<ExpiryWheel::Ref> refs;
    shard.wheel->sweep(kSweep, refs);
    ExpiryWheel::Ref last{};
    for (const ExpiryWheel::Ref& ref : refs) {
        const DueKey key = judge(ref, INT64_MIN);
        if (key.what == Due::stale) continue;
        // Noted for the time the record has now, so that references to one key become equal and fall
        // together.
        const auto kept =
            key.what == Due::ahead ? ExpiryWheel::Ref::of(ref.db(), ref.slot(), ref.hash, key.at_ms) : ref;
        if (kept != last) shard.wheel->add(kept);
        last = kept;
    }
}

Store::Impl::DueKey Store::Impl::judge(const ExpiryWheel::Ref& ref, int64_t now_ms) {
    DueKey key;
    DbSpace* const s = space(ref.db());
    if (s == nullptr) return key;
    s->tables[ref.slot()].match(ref.hash, [&](IndexEntry entry, HashIndex::Place) {
        if (entry.is_cold()) {
            if (key.what == Due::stale) key = {Due::cold, 0, nullptr, entry.address()};
            return false;
        }
        Record* const record = entry.record();
        if (!record->has_expiry() || hash64(record->key(), hash_seed) != ref.hash) return false;
        const int64_t at = record->expire_at_ms();
        if (at > now_ms)
            key = {Due::ahead, at, nullptr, {}};
        else
            key = {Due::due, at, record, {}};
        return true;
    });
    return key;
}

/// References whose shard was locked when their record had been read: back into the wheel.
void Store::Impl::retry_expiries() {
    std::vector<ExpiryWheel::Ref> refs;
    {
        std::lock_guard guard(expiry_retry_mutex);
        refs.swap(expiry_retry);
    }
    for (const ExpiryWheel::Ref& ref : refs) {
        Shard& shard = shards[shard_of(ref.slot())];
        if (shard.lock.try_lock()) {
            note_expiry(shard, ref.db(), ref.slot(), ref.hash, ref.at_ms());
            shard.lock.unlock();
        } else {
            std::lock_guard guard(expiry_retry_mutex);
            expiry_retry.push_back(ref);
        }
    }
}

/// Reads a record that isn't in RAM and removes it if it is the reference's key and its time has passed.
bool Store::expire_cold(WriteBatch& batch, int64_t now_ms, const ExpiryWheel::Ref& ref, LogAddress address,
                        const std::function<void(DbId, std::string_view)>& on_expired) {
    Impl& im = *impl_;
    const auto stored = im.segments->read(address, 0);
    // What can't be read stays: a damaged entry never just goes.
    if (!stored || stored->expire_at_ms == kNoExpiry) return false;
    const KeyRef name{stored->key, hash64(stored->key, im.hash_seed), stored->slot};
    if (name.hash != ref.hash || stored->slot != ref.slot() || stored->db != ref.db()) return false;
    Impl::Shard& shard = im.shards[name.shard()];
    if (!shard.lock.try_lock()) {
        std::lock_guard guard(im.expiry_retry_mutex);
        im.expiry_retry.push_back(ref);
        return false;
    }
    bool removed = false;
    if (stored->expire_at_ms > now_ms) {
        im.note_expiry(shard, ref.db(), ref.slot(), ref.hash, stored->expire_at_ms);
    } else {
        begin(batch, now_ms);
        removed = erase_cold(batch, ref.db(), name, address, *stored, Removal::expired);
        if (removed) on_expired(ref.db(), stored->key);
        commit(batch);
    }
    shard.lock.unlock();
    return removed;
}

unsigned Store::expire_step(WriteBatch& batch, int64_t now_ms, unsigned part, unsigned of, unsigned budget,
                            const std::function<void(DbId, std::string_view)>& on_expired) {
    Impl& im = *impl_;
    TORC_CHECK(of > 0 && of <= kShards && part < of);
    im.free_flushed(kFreedPerStep);
    im.retry_expiries();
    unsigned removed = 0;
    unsigned cold_left = kColdExpiriesPerStep;
    std::vector<ExpiryWheel::Ref> due;
    std::vector<std::pair<ExpiryWheel::Ref, LogAddress>> cold;
    const unsigned mine = (kShards - part + of - 1) / of;
    auto& from = im.expire_from[part % im.expire_from.size()];
    const unsigned first = from.load(std::memory_order_relaxed);
    for (unsigned i = 0; i < mine && removed < budget; ++i) {
        Impl::Shard& shard = im.shards[part + (first + i) % mine * of];
        // Several short holds rather than a long one.
        for (unsigned hold = 0; hold <= budget / kPerHold && removed < budget; ++hold) {
            if (shard.next_due.load(std::memory_order_relaxed) > now_ms) break;
            if (im.logging() && !im.log->has_room()) return removed;
            if (!shard.lock.try_lock()) break;
            due.clear();
            cold.clear();
            const size_t before = shard.wheel->size();
            shard.wheel->take_due(now_ms, std::min<size_t>(kPerHold, budget - removed), due);
            begin(batch, now_ms);
            for (const ExpiryWheel::Ref& ref : due) {
                const Impl::DueKey key = im.judge(ref, now_ms);
                if (key.what == Impl::Due::ahead) {
                    shard.wheel->add(ExpiryWheel::Ref::of(ref.db(), ref.slot(), ref.hash, key.at_ms));
                } else if (key.what == Impl::Due::due) {
                    on_expired(ref.db(), key.record->key());
                    erase(batch, ref.db(), {key.record->key(), ref.hash, ref.slot()}, key.record,
                          Removal::expired);
                    ++removed;
                } else if (key.what == Impl::Due::cold && cold_left == 0) {
                    shard.wheel->add(ref);
                } else if (key.what == Impl::Due::cold) {
                    --cold_left;
                    // Which of the entries with this tag is the key's, only reading them tells.
                    im.space(ref.db())->tables[ref.slot()].match(
                        ref.hash, [&](IndexEntry entry, HashIndex::Place) {
                            if (entry.is_cold()) cold.emplace_back(ref, entry.address());
                            return false;
                        });
                }
            }
            commit(batch);
            im.report(shard, static_cast<int64_t>(sizeof(ExpiryWheel::Ref)) *
                                 (static_cast<int64_t>(shard.wheel->size()) - static_cast<int64_t>(before)));
            shard.next_due.store(shard.wheel->next_due_ms(), std::memory_order_relaxed);
            shard.lock.unlock();
            for (const auto& [ref, address] : cold)
                removed += expire_cold(batch, now_ms, ref, address, on_expired);
            if (cold_left == 0) break;
        }
    }
    from.store((first + 1) % mine, std::memory_order_relaxed);
    return removed;
}

}  // namespace torc
