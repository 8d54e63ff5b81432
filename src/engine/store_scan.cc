// Walking and counting. A cursor is 14 bits slot and 38 bits position in the slot's table.
#include "engine/store_impl.h"

namespace torc {
namespace {

constexpr uint64_t cursor_of(SlotId slot, uint64_t position) {
    return (uint64_t{slot} << HashIndex::kPositionBits) + position;
}
static_assert(cursor_of(kSlots - 1, HashIndex::kEndPosition - 1) < (1ULL << 53));

}  // namespace

ShardId Store::scan_shard(uint64_t cursor) {
    return shard_of(static_cast<SlotId>((cursor >> HashIndex::kPositionBits) % kSlots));
}

uint64_t Store::scan_bucket(DbId db, uint64_t cursor, const std::function<void(Record*, LogAddress)>& visit) {
    Impl::DbSpace* const space = impl_->space(db);
    if (space == nullptr || cursor >= cursor_of(kSlots - 1, HashIndex::kEndPosition)) return 0;
    unsigned slot = static_cast<unsigned>(cursor >> HashIndex::kPositionBits);
    uint64_t position = cursor & (HashIndex::kEndPosition - 1);
    const unsigned shard_end = (slot / kSlotsPerShard + 1) * kSlotsPerShard;
    for (; slot < shard_end; ++slot, position = 0) {
        if (space->tables[slot].size() == 0) continue;
        position = space->tables[slot].walk(position, [&](IndexEntry entry, HashIndex::Place) {
            if (entry.is_cold())
                visit(nullptr, entry.address());
            else
                visit(entry.record(), entry.record()->address());
        });
        if (position < HashIndex::kEndPosition) return cursor_of(static_cast<SlotId>(slot), position);
        ++slot;
        break;
    }
    // On to the next slot that has keys: within the shard its tables are ours to look at, beyond it only the
    // counters are. A key that's present all the time is counted all the time.
    while (slot < kSlots) {
        if (slot % kSlotsPerShard == 0) {
            if (space->parts[slot / kSlotsPerShard].keys.get() > 0) break;
            slot += kSlotsPerShard;
        } else {
            if (space->tables[slot].size() > 0) break;
            ++slot;
        }
    }
    return slot >= kSlots ? 0 : cursor_of(static_cast<SlotId>(slot), 0);
}

void Store::walk_slot(DbId db, SlotId slot, const std::function<void(Record*, LogAddress)>& visit) {
    Impl::DbSpace* const space = impl_->space(db);
    if (space == nullptr || space->tables[slot].size() == 0) return;
    for (uint64_t position = 0; position < HashIndex::kEndPosition;)
        position = space->tables[slot].walk(position, [&](IndexEntry entry, HashIndex::Place) {
            if (entry.is_cold())
                visit(nullptr, entry.address());
            else
                visit(entry.record(), entry.record()->address());
        });
}

uint64_t Store::shard_size(DbId db, ShardId shard) const {
    const Impl::DbSpace* space = impl_->space(db);
    return space == nullptr ? 0 : space->parts[shard].keys.count();
}

uint64_t Store::db_size(DbId db) const {
    const Impl::DbSpace* space = impl_->space(db);
    uint64_t sum = 0;
    if (space != nullptr)
        for (const Impl::Part& part : space->parts) sum += part.keys.count();
    return sum;
}

uint64_t Store::db_expires(DbId db) const {
    const Impl::DbSpace* space = impl_->space(db);
    uint64_t sum = 0;
    if (space != nullptr)
        for (const Impl::Part& part : space->parts) sum += part.expires.count();
    return sum;
}

Lookup Store::random_entry(DbId db, ShardId shard, uint64_t random) {
    Lookup result;
    Impl::DbSpace* const space = impl_->space(db);
    if (space == nullptr || space->parts[shard].keys.get() == 0) return result;
    Rng rng(random);
    // A slot by its size, then a position in it: buckets of the same depth are equally likely.
    uint64_t index = rng.below(space->parts[shard].keys.count());
    unsigned slot = unsigned{shard} * kSlotsPerShard;
    while (index >= space->tables[slot].size()) index -= space->tables[slot++].size();
    HashIndex& table = space->tables[slot];
    constexpr int kTries = 16;
    for (int i = 0; result.state == Lookup::State::absent; ++i) {
        uint64_t position = rng.below(HashIndex::kEndPosition);
        uint64_t seen = 0;
        do {
            const uint64_t next = table.walk(position, [&](IndexEntry entry, HashIndex::Place) {
                if (rng.below(++seen) != 0) return;  // each of the bucket with the same chance
                if (entry.is_cold())
                    result = {Lookup::State::cold, nullptr, entry.address()};
                else
                    result = {Lookup::State::resident, entry.record(), {}};
            });
            position = next == HashIndex::kEndPosition ? 0 : next;
            // A table with hardly anything in it: look further instead of elsewhere.
        } while (i >= kTries && seen == 0);
    }
    return result;
}

StoreStats Store::stats() const {
    StoreStats sum;
    for (const auto& slot : impl_->spaces) {
        const Impl::DbSpace* space = slot.load(std::memory_order_acquire);
        if (space == nullptr) continue;
        sum.index_bytes += sizeof(Impl::DbSpace);
        for (const Impl::Part& part : space->parts) {
            sum.keys += part.keys.count();
            sum.keys_with_expiry += part.expires.count();
            sum.resident_keys += part.resident.count();
            sum.record_bytes += part.record_bytes.count();
            sum.index_bytes += part.index_bytes.count();
        }
    }
    for (const Impl::Shard& shard : impl_->shards) {
        sum.expired_keys += shard.expired.count();
        sum.evicted_keys += shard.evicted.count();
        sum.unloaded_keys += shard.unloaded.count();
        sum.cold_reads += shard.cold_reads.count();
        sum.damaged_reads += shard.damaged_reads.count();
    }
    return sum;
}

}  // namespace torc
