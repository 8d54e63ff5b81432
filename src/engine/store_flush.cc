// FLUSHDB and SWAPDB. A flushed database is taken out whole, in one exchange of a pointer; its records are
// freed in steps afterwards. DbSpaces themselves are used again, never freed while the store lives: counters
// of one may be read at any time without a lock.
#include "engine/store_impl.h"

namespace torc {

void Store::flush_db(WriteBatch& batch, DbId db, bool lazily) {
    Impl& im = *impl_;
    Impl::DbSpace* const space = im.spaces[db].exchange(nullptr, std::memory_order_acq_rel);
    if (space == nullptr) return;
    if (im.logging()) {
        batch.log_.add_flush(db);
        for (unsigned shard = 0; shard < kShards; ++shard)
            Impl::note_shard(batch, static_cast<ShardId>(shard));
    } else {
        im.unlogged_changes.store(true, std::memory_order_relaxed);
    }
    // Changes of this batch to the database stay in the log, where the flush record undoes them.
    for (WriteBatch::Pending& pending : batch.pending_) {
        if (pending.record == nullptr || pending.db != db) continue;
        pending.record->set_pending(false);
        pending.record->set_address({});
        pending.record = nullptr;
    }
    int64_t bytes = 0;
    for (const Impl::Part& part : space->parts) bytes += part.record_bytes.get() + part.index_bytes.get();
    im.used.fetch_sub(bytes, std::memory_order_relaxed);

    // How much of which segment the cold entries leave dead isn't known without reading them. When nothing is
    // left at all it needn't be known.
    bool empty = true;
    for (unsigned other = 0; other < im.spaces.size(); ++other)
        empty = empty && db_size(static_cast<DbId>(other)) == 0;
    if (empty) {
        for (const SegmentInfo& segment : im.segments->list()) {
            for (uint64_t left = segment.live_bytes; left > 0;) {
                const auto some = static_cast<uint32_t>(std::min<uint64_t>(left, UINT32_MAX));
                im.segments->remove_live(LogAddress::of(segment.place, LogAddress::kUnit), some);
                left -= some;
            }
        }
    }
    Impl::Flushed item{space, 0, 0, empty};
    if (!lazily) {
        while (!im.free_space(item, UINT64_MAX)) {
        }
        // Another thread may be prefetching from it: kept for the next database rather than deleted.
        std::lock_guard guard(im.flushed_mutex);
        im.spare_spaces.emplace_back(item.space);
        return;
    }
    std::lock_guard guard(im.flushed_mutex);
    im.flushed.push_back(item);
    im.flushed_count.store(im.flushed.size(), std::memory_order_relaxed);
}

/// Frees the records of up to `buckets` buckets; true when the space was the last thing to go.
bool Store::Impl::free_space(Flushed& item, uint64_t buckets) {
    HashIndex::Context context{reclaimer, hash_seed};
    for (; item.slot < kSlots; ++item.slot, item.position = 0) {
        HashIndex& table = item.space->tables[item.slot];
        if (table.size() == 0) {
            table.clear(context);
            continue;
        }
        while (item.position < HashIndex::kEndPosition) {
            if (buckets-- == 0) return false;
            item.position = table.walk(item.position, [&](IndexEntry entry, HashIndex::Place) {
                if (entry.is_cold()) return;
                Record* const record = entry.record();
                if (!item.live_settled && record->address())
                    segments->remove_live(record->address(), padded_size(record));
                Record::destroy(record);
            });
        }
        table.clear(context);
    }
    for (Part& part : item.space->parts) part.reset();
    return true;
}

void Store::Impl::free_flushed(uint64_t buckets) {
    if (flushed_count.load(std::memory_order_relaxed) == 0) return;
    std::unique_lock guard(flushed_mutex, std::try_to_lock);
    if (!guard.owns_lock() || flushed.empty()) return;
    if (!free_space(flushed.back(), buckets)) return;
    spare_spaces.emplace_back(flushed.back().space);
    flushed.pop_back();
    flushed_count.store(flushed.size(), std::memory_order_relaxed);
}

void Store::swap_dbs(WriteBatch& batch, unsigned a, unsigned b) {
    Impl& im = *impl_;
    TORC_CHECK(a < im.physical.size() && b < im.physical.size());
    if (a == b) return;
    const DbId was = im.physical[a].load(std::memory_order_relaxed);
    im.physical[a].store(im.physical[b].load(std::memory_order_relaxed), std::memory_order_relaxed);
    im.physical[b].store(was, std::memory_order_relaxed);
    if (!im.logging()) return;
    batch.log_.add_swap(static_cast<DbId>(a), static_cast<DbId>(b));
    std::swap(im.logged_physical[a], im.logged_physical[b]);
    for (unsigned shard = 0; shard < kShards; ++shard) Impl::note_shard(batch, static_cast<ShardId>(shard));
}

}  // namespace torc
