// Changes: index and RAM at once, the log when the batch is committed.
#include "engine/store_impl.h"

namespace torc {
namespace {

constexpr size_t kKeptPending = 4096;  // places a batch keeps after a large command

}  // namespace

/// The record's copy in the log, or its change that still waits in the batch, is no longer the newest.
void Store::Impl::forget_log_copy(WriteBatch& batch, Record* record) {
    const LogAddress address = record->address();
    if (record->pending()) {
        batch.pending_[address.units].record = nullptr;
        record->set_pending(false);
    } else if (address) {
        segments->remove_live(address, padded_size(record));
        if (!logging()) unlogged_changes.store(true, std::memory_order_relaxed);
    } else {
        return;
    }
    record->set_address({});
}

/// The batch's last change is this record's.
void Store::Impl::note_logged(WriteBatch& batch, DbId db, ShardId shard, Record* record) {
    if (!logging()) return;
    record->set_pending(true);
    record->set_address({batch.pending_.size()});
    batch.pending_.push_back({record, batch.log_.size() - 1, db});
    note_shard(batch, shard);
}

void Store::Impl::log_tombstone(WriteBatch& batch, DbId db, const KeyRef& key) {
    if (!logging()) return;
    batch.log_.add_tombstone(db, key);
    note_shard(batch, key.shard());
}

void Store::begin(WriteBatch& batch, int64_t now_ms) {
    TORC_CHECK(batch.empty());
    batch.now_ms_ = now_ms;
}

Record* Store::put(WriteBatch& batch, DbId db, const KeyRef& key, Record* old, ValueType type,
                   std::string_view value, int64_t expire_at_ms) {
    Impl& im = *impl_;
    const Impl::Where w = im.where(db, key.slot);
    const bool expires = expire_at_ms != kNoExpiry;
    const int64_t old_expiry = old != nullptr ? old->expire_at_ms() : kNoExpiry;
    Record* record = old;
    // Before the record is written: encoding reads key and value, and reading what was just stored stalls
    // until the record's lines, which are seldom in the cache, have taken it.
    if (im.logging()) batch.log_.add_put(db, key, type, value, expire_at_ms);
    if (old == nullptr) {
        record = Record::create(key.bytes, type, value, expire_at_ms);
        record->set_access(im.fresh_access(batch.now_ms_));
        im.change_index(w, [&](HashIndex::Context& context) {
            w.table.insert(key.hash, IndexEntry::resident(record), context);
        });
        im.account_record(w, record, +1);
        w.part.keys.add(1);
    } else {
        im.forget_log_copy(batch, old);
        if (old->has_expiry() == expires && old->assign_same_size(value)) {
            old->set_type(type);
            if (expires) old->set_expire_at_ms(expire_at_ms);
        } else {
            // Created before the old one goes: key and value may be views of it.
            record = Record::create(key.bytes, type, value, expire_at_ms);
            record->set_access(old->access());
            const HashIndex::Place place = Impl::place_of(w.table, key.hash, old);
            TORC_CHECK(place != nullptr);
            HashIndex::replace(place, IndexEntry::resident(record));
            im.account_record(w, record, +1);
            im.account_record(w, old, -1);
            Record::destroy(old);
        }
    }
    if (expires != (old_expiry != kNoExpiry)) w.part.expires.add(expires ? 1 : -1);
    if (expires && (old_expiry == kNoExpiry || expire_at_ms < old_expiry))
        im.note_expiry(w.shard, db, key.slot, key.hash, expire_at_ms);
    im.note_logged(batch, db, key.shard(), record);
    return record;
}

void Store::touch_value(WriteBatch& batch, DbId db, const KeyRef& key, Record* record) {
    Impl& im = *impl_;
    im.forget_log_copy(batch, record);
    if (im.logging()) batch.log_.add_put(db, key, record->type(), record->value(), record->expire_at_ms());
    im.note_logged(batch, db, key.shard(), record);
}

Record* Store::set_expiry(WriteBatch& batch, DbId db, const KeyRef& key, Record* record,
                          int64_t expire_at_ms) {
    return put(batch, db, key, record, record->type(), record->value(), expire_at_ms);
}

void Store::Impl::remove_entry(const Where& w, uint64_t hash, HashIndex::Place place) {
    TORC_CHECK(place != nullptr);
    change_index(w, [&](HashIndex::Context& context) { w.table.erase(hash, place, context); });
    w.part.keys.add(-1);
}

void Store::erase(WriteBatch& batch, DbId db, const KeyRef& key, Record* record, Removal why) {
    Impl& im = *impl_;
    const Impl::Where w = im.where(db, key.slot);
    im.forget_log_copy(batch, record);
    im.log_tombstone(batch, db, key);
    im.remove_entry(w, key.hash, Impl::place_of(w.table, key.hash, record));
    if (record->has_expiry()) w.part.expires.add(-1);
    im.account_record(w, record, -1);
    if (why == Removal::expired) w.shard.expired.add(1);
    if (why == Removal::evicted) w.shard.evicted.add(1);
    Record::destroy(record);
}

bool Store::erase_cold(WriteBatch& batch, DbId db, const KeyRef& key, LogAddress address,
                       const StoredRecord& stored, Removal why) {
    Impl& im = *impl_;
    if (!im.exists(db, key.slot)) return false;
    const Impl::Where w = im.where(db, key.slot);
    const HashIndex::Place place = Impl::place_of(w.table, key.hash, address);
    if (place == nullptr) return false;
    im.log_tombstone(batch, db, key);
    if (!im.logging()) im.unlogged_changes.store(true, std::memory_order_relaxed);
    im.remove_entry(w, key.hash, place);
    im.segments->remove_live(address, stored.padded_size);
    if (stored.expire_at_ms != kNoExpiry) w.part.expires.add(-1);
    if (why == Removal::expired) w.shard.expired.add(1);
    return true;
}

Lsn Store::commit(WriteBatch& batch) {
    Impl& im = *impl_;
    if (batch.log_.empty()) return 0;
    const Lsn lsn = im.log->append(batch.log_, batch.now_ms_);
    for (const WriteBatch::Pending& pending : batch.pending_) {
        if (pending.record == nullptr) continue;
        const LogBatch::Change& change = batch.log_.change(pending.change);
        pending.record->set_pending(false);
        pending.record->set_address(change.address);
        im.segments->add_live(change.address, change.size);
    }
    for (const ShardId shard : batch.shards_) im.shards[shard].lsn.store(lsn, std::memory_order_relaxed);
    batch.log_.clear();
    batch.pending_.clear();
    if (batch.pending_.capacity() > kKeptPending) batch.pending_.shrink_to_fit();
    batch.shards_.clear();
    return lsn;
}

bool Store::relocate(DbId db, SlotId slot, uint64_t hash, LogAddress from, LogAddress to, uint32_t padded) {
    Impl& im = *impl_;
    if (!im.exists(db, slot)) return false;
    const bool found = im.where(db, slot).table.match(hash, [&](IndexEntry entry, HashIndex::Place place) {
        if (entry.is_cold()) {
            if (entry.address() != from) return false;
            HashIndex::replace(place, IndexEntry::cold(to));
            return true;
        }
        if (entry.record()->pending() || entry.record()->address() != from) return false;
        entry.record()->set_address(to);
        return true;
    });
    if (!found) return false;
    im.segments->add_live(to, padded);
    im.segments->remove_live(from, padded);
    return true;
}

bool Store::refers_to(DbId db, SlotId slot, uint64_t hash, LogAddress address) const {
    Impl& im = *impl_;
    if (!im.exists(db, slot)) return false;
    return im.where(db, slot).table.match(hash, [&](IndexEntry entry, HashIndex::Place) {
        if (entry.is_cold()) return entry.address() == address;
        return !entry.record()->pending() && entry.record()->address() == address;
    });
}

}  // namespace torc
