#include "node/cell_store.h"

#include "base/check.h"
#include "base/coding.h"

namespace torc {

CellFacts cell_facts(std::string_view key, std::string_view cell) {
    const auto view = CellView::parse(cell);
    TORC_CHECK(view.has_value());
    CellFacts facts;
    facts.exists = view->exists();
    facts.has_expiry = facts.exists && view->expire_at_ms() != kNoExpiry;
    facts.has_siblings = view->siblings() > 1;
    facts.entry = entry_hash(key, view->digest());
    facts.bytes = key.size() + cell.size();
    return facts;
}

std::string eviction_mark(const Record& record) {
    char mark[12];
    store_le<uint64_t>(mark, CellView::parse(record.value())->newest());
    store_le<uint32_t>(mark + 8, record.access());
    return {mark, sizeof mark};
}

namespace {

CellFacts facts_of_damaged(const KeyRef& key, size_t bytes) {
    CellFacts facts;  // most likely
    facts.exists = true;
    facts.bytes = key.bytes.size() + bytes;
    return facts;
}

}  // namespace

void CellStore::account(const KeyRef& key, const CellFacts* before, const CellFacts* after) {
    ShardCells& cells = cluster_.cells[key.shard()];
    const auto add = [](std::atomic<int64_t>& count, int64_t change) {
        if (change != 0)
            count.store(count.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
    };
    const auto one = [](const CellFacts* facts, bool of) { return facts != nullptr && of ? 1 : 0; };
    const bool lived = before != nullptr && before->exists, lives = after != nullptr && after->exists;
    add(cells.keys, one(after, lives) - one(before, lived));
    add(cells.tombstones, one(after, !lives) - one(before, !lived));
    add(cells.with_expiry, one(after, after != nullptr && after->has_expiry) -
                               one(before, before != nullptr && before->has_expiry));
    add(cells.with_siblings, one(after, after != nullptr && after->has_siblings) -
                                 one(before, before != nullptr && before->has_siblings));
    add(cells.bytes, static_cast<int64_t>(after != nullptr ? after->bytes : 0) -
                         static_cast<int64_t>(before != nullptr ? before->bytes : 0));
    cluster_.forest.update(key.slot, key.bytes, before != nullptr ? before->entry : 0,
                           after != nullptr ? after->entry : 0);
}

Record* CellStore::replace(WriteBatch& batch, const KeyRef& key, Record* old, std::string_view cell) {
    CellFacts before;
    if (old != nullptr) before = cell_facts(key.bytes, old->value());
    const CellFacts after = cell_facts(key.bytes, cell);
    account(key, old != nullptr ? &before : nullptr, &after);
    return store_.put(batch, 0, key, old, ValueType::cell, cell, kNoExpiry);
}

void CellStore::forget(WriteBatch& batch, const KeyRef& key, Record* record) {
    const CellFacts before = cell_facts(key.bytes, record->value());
    account(key, &before, nullptr);
    store_.erase(batch, 0, key, record, Store::Removal::deleted);
}

bool CellStore::lose(WriteBatch& batch, const KeyRef& key, LogAddress address, const StoredRecord& damaged) {
    if (!store_.erase_cold(batch, 0, key, address, damaged, Store::Removal::deleted)) return false;
    const CellFacts before = facts_of_damaged(key, damaged.value_length);
    account(key, &before, nullptr);
    cluster_.forest.spoil(key.slot, key.bytes);
    return true;
}

Record* CellStore::adopt(WriteBatch& batch, const KeyRef& key, Record* plain, int64_t now_ms) {
    std::string cell;
    write_value(cell, {}, {cluster_.actor, cluster_.stamps.next(now_ms)}, plain->value(),
                plain->expire_at_ms());
    count_loaded(key, cell);
    return store_.put(batch, 0, key, plain, ValueType::cell, cell, kNoExpiry);
}

void CellStore::count_loaded(const KeyRef& key, std::string_view cell) {
    const CellFacts facts = cell_facts(key.bytes, cell);
    account(key, nullptr, &facts);
}

void CellStore::count_damaged(const KeyRef& key, size_t bytes) {
    const CellFacts facts = facts_of_damaged(key, bytes);
    account(key, nullptr, &facts);
}

}  // namespace torc
