// Switching the log on while running: the log gets a base of everything that's there, and every change from
// the switch on.
//
// Changes made while the log was off may have hidden or removed records that older segments still hold. So
// the switch begins, under all shard locks, with a flush record per database: nothing older comes back at the
// next start. (When no such change was made there's nothing to hide, and what is logged needs no second
// copy.) Then each shard is gone over in short holds. A key that changes meanwhile is logged by its own
// change; being written twice does no harm. Until OK is answered nothing more is promised than while the log
// was off.
#include <deque>

#include "base/hash.h"
#include "engine/store_impl.h"

namespace torc {
namespace {

class AllLocked {
  public:
    explicit AllLocked(Store& store) : store_(store) {
        for (unsigned shard = 0; shard < kShards; ++shard)
            store_.shard_lock(static_cast<ShardId>(shard)).lock();
    }
    ~AllLocked() {
        for (unsigned shard = 0; shard < kShards; ++shard)
            store_.shard_lock(static_cast<ShardId>(shard)).unlock();
    }

  private:
    Store& store_;
};

}  // namespace

struct Store::Impl::Base {
    Store& store;
    Impl& im;
    bool everything;  // also what has a place in the log already
    LogBatch batch;
    std::vector<LogAddress> cold;

    Result<void> wait_for_room() {
        while (!im.log->has_room()) {
            im.log->flush();
            if (im.log->state() != Log::State::ok) return fail(ErrorKind::io, im.log->state_message());
        }
        return {};
    }

    void write(const Where& w, DbId db, SlotId slot, Record* record) {
        const KeyRef key{record->key(), hash64(record->key(), im.hash_seed), slot};
        batch.clear();
        batch.add_put(db, key, record->type(), record->value(), record->expire_at_ms());
        const Lsn lsn = im.log->append(batch, im.clock.wall_ms());
        if (record->address()) im.segments->remove_live(record->address(), padded_size(record));
        record->set_address(batch.change(0).address);
        im.segments->add_live(batch.change(0).address, batch.change(0).size);
        w.shard.lsn.store(lsn, std::memory_order_relaxed);
    }

    Result<void> copy_cold(DbId db, SlotId slot, LogAddress from) {
        if (auto room = wait_for_room(); !room) return room;
        const auto stored = im.segments->read(from, 0);
        if (!stored || stored->value_damaged) return {};  // nothing that could be copied
        const KeyRef key{stored->key, hash64(stored->key, im.hash_seed), slot};
        std::lock_guard guard(im.shards[shard_of(slot)].lock);
        if (!im.exists(db, slot)) return {};
        const Where w = im.where(db, slot);
        const HashIndex::Place place = place_of(w.table, key.hash, from);
        if (place == nullptr) return {};
        batch.clear();
        batch.add_put(db, key, stored->type, stored->value, stored->expire_at_ms);
        w.shard.lsn.store(im.log->append(batch, im.clock.wall_ms()), std::memory_order_relaxed);
        HashIndex::replace(place, IndexEntry::cold(batch.change(0).address));
        im.segments->add_live(batch.change(0).address, batch.change(0).size);
        im.segments->remove_live(from, stored->padded_size);
        return {};
    }

    Result<void> copy_table(DbId db, SlotId slot) {
        for (uint64_t position = 0; position < HashIndex::kEndPosition;) {
            if (auto room = wait_for_room(); !room) return room;
            cold.clear();
            {
                std::lock_guard guard(im.shards[shard_of(slot)].lock);
                if (!im.exists(db, slot)) return {};
                const Where w = im.where(db, slot);
                position = w.table.walk(position, [&](IndexEntry entry, HashIndex::Place) {
                    if (entry.is_cold()) {
                        if (everything) cold.push_back(entry.address());
                    } else if (everything || !entry.record()->address()) {
                        write(w, db, slot, entry.record());
                    }
                });
            }
            for (const LogAddress address : cold)
                if (auto copied = copy_cold(db, slot, address); !copied) return copied;
        }
        return {};
    }

    /// With all shards locked: a start for the log that hides what it held, and the order of the databases.
    void begin() {
        if (everything)
            for (unsigned db = 0; db < im.options.databases; ++db) batch.add_flush(static_cast<DbId>(db));
        for (size_t i = 0; i < im.physical.size(); ++i) {
            if (im.logged_physical[i] == im.physical[i]) continue;
            size_t j = i + 1;
            while (im.logged_physical[j] != im.physical[i]) ++j;
            batch.add_swap(static_cast<DbId>(i), static_cast<DbId>(j));
            std::swap(im.logged_physical[i], im.logged_physical[j]);
        }
        if (!batch.empty()) im.log->append(batch, im.clock.wall_ms());
        im.log_on.store(true, std::memory_order_relaxed);
    }
};

Result<void> Store::set_log_enabled(bool on) {
    Impl& im = *impl_;
    std::lock_guard switching(im.switch_mutex);
    if (on == im.logging()) return {};
    if (!on) {
        AllLocked locked(*this);
        im.log_on.store(false, std::memory_order_relaxed);
        return {};
    }
    Impl::Base base{*this, im, false, {}, {}};
    {
        AllLocked locked(*this);
        base.everything = im.unlogged_changes.exchange(false, std::memory_order_relaxed);
        base.begin();
    }
    auto copy = [&]() -> Result<void> {
        for (unsigned db = 0; db < im.options.databases; ++db)
            for (unsigned slot = 0; slot < kSlots; ++slot)
                if (auto copied = base.copy_table(static_cast<DbId>(db), static_cast<SlotId>(slot)); !copied)
                    return copied;
        im.log->flush();
        return im.log->sync();
    };
    if (auto copied = copy(); !copied) {
        // What the base lacks would be missing at the next start: the next try writes everything again.
        im.unlogged_changes.store(true, std::memory_order_relaxed);
        im.log_on.store(false, std::memory_order_relaxed);
        return copied;
    }
    return {};
}

}  // namespace torc
