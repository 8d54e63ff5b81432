#include "node/keyspace.h"

#include "base/check.h"
#include "base/hash.h"
#include "cluster/slots.h"

namespace torc {
namespace {

/// What an index entry takes of its bucket on average, for MEMORY USAGE.
constexpr uint64_t kIndexBytesPerKey = 12;

}  // namespace

KeyRef make_key_ref(std::string_view key, uint64_t seed) {
    return {key, hash64(key, seed), key_slot(key)};
}

KeyRef StoreKeyspace::ref(std::string_view key) {
    const auto& known = run_.known;
    for (size_t tries = 0; tries < 2 && tries < known.size(); ++tries) {
        if (run_.next_known >= known.size()) run_.next_known = 0;
        const KeyRef& candidate = known[run_.next_known];
        if (candidate.bytes.data() == key.data() && candidate.bytes.size() == key.size()) return candidate;
        ++run_.next_known;
    }
    return make_key_ref(key, run_.store.hash_seed());
}

Record* StoreKeyspace::record(const KeyRef& key) {
    // By place and hash: a command may look for several keys from one buffer of its own.
    if (cached_.bytes.data() == key.bytes.data() && cached_.bytes.size() == key.bytes.size() &&
        cached_.hash == key.hash && key.bytes.data() != nullptr)
        return cached_record_;
    const Lookup found = run_.store.lookup(physical_, key);
    cached_ = key;
    // A cold entry here is one whose fetch proved it to be another key's.
    cached_record_ = found.state == Lookup::State::resident ? found.record : nullptr;
    return cached_record_;
}

Record* StoreKeyspace::live_record(const KeyRef& key) {
    Record* found = record(key);
    if (found == nullptr || !found->has_expiry() || found->expire_at_ms() > run_.now_ms) return found;
    run_.store.erase(run_.batch, physical_, key, found, Store::Removal::expired);
    if (run_.watches.any(key.shard())) run_.watches.touch_expired(key.shard(), watch_db(), key.bytes);
    KeyspaceCounters::add(run_.counters.expired);
    cached_record_ = nullptr;
    return nullptr;
}

Record* StoreKeyspace::existing(std::string_view key) {
    Record* found = live_record(ref(key));
    TORC_CHECK(found != nullptr);
    return found;
}

std::optional<Value> StoreKeyspace::look(std::string_view key, unsigned traces) {
    Record* found = live_record(ref(key));
    if ((traces & kCounted) != 0) count_look(found != nullptr);
    if (found == nullptr) return std::nullopt;
    if ((traces & kUsed) != 0 && run_.touch) run_.store.touch(found, run_.now_ms);
    return Value{found->type(), found->value(), found->expire_at_ms()};
}

void StoreKeyspace::changed(const KeyRef& key) {
    KeyspaceCounters::add(run_.counters.changes);
    if (run_.watches.any(key.shard())) run_.watches.touch(key.shard(), watch_db(), key.bytes);
}

void StoreKeyspace::put(std::string_view key, ValueType type, std::string_view bytes, int64_t expire_at_ms) {
    const KeyRef at = ref(key);
    Record* old = record(at);
    cached_record_ = run_.store.put(run_.batch, physical_, at, old, type, bytes, expire_at_ms);
    changed(at);
}

std::span<char> StoreKeyspace::edit(std::string_view key) {
    Record* found = existing(key);
    // The name is copied: the record may be replaced before finish().
    if (run_.edited.empty() || run_.edited.back().second != key || run_.edited.back().first != watch_db())
        run_.edited.emplace_back(watch_db(), key);
    return {found->mutable_value(), found->value_size()};
}

void StoreKeyspace::finish() {
    for (const auto& [logical, name] : run_.edited) {
        const DbId db = run_.store.physical_db(logical);
        const KeyRef at = make_key_ref(name, run_.store.hash_seed());
        const Lookup found = run_.store.lookup(db, at);
        if (found.state != Lookup::State::resident) continue;  // erased later in the same command
        run_.store.touch_value(run_.batch, db, at, found.record);
        KeyspaceCounters::add(run_.counters.changes);
        if (run_.watches.any(at.shard())) run_.watches.touch(at.shard(), logical, name);
    }
    run_.edited.clear();
}

bool StoreKeyspace::erase(std::string_view key) {
    const KeyRef at = ref(key);
    Record* found = live_record(at);
    if (found == nullptr) return false;
    run_.store.erase(run_.batch, physical_, at, found, Store::Removal::deleted);
    cached_ = at;
    cached_record_ = nullptr;
    changed(at);
    return true;
}

void StoreKeyspace::set_expiry(std::string_view key, int64_t at_ms) {
    const KeyRef at = ref(key);
    Record* found = live_record(at);
    TORC_CHECK(found != nullptr);
    cached_record_ = run_.store.set_expiry(run_.batch, physical_, at, found, at_ms);
    changed(at);
}

uint64_t StoreKeyspace::idle_seconds(std::string_view key) {
    return run_.store.idle_seconds(existing(key), run_.now_ms);
}

unsigned StoreKeyspace::frequency(std::string_view key) {
    return run_.store.frequency(existing(key), run_.now_ms);
}

void StoreKeyspace::set_idle_seconds(std::string_view key, uint64_t seconds) {
    run_.store.set_idle_seconds(existing(key), seconds, run_.now_ms);
}

void StoreKeyspace::set_frequency(std::string_view key, unsigned frequency) {
    run_.store.set_frequency(existing(key), frequency, run_.now_ms);
}

uint64_t StoreKeyspace::memory_usage(std::string_view key) {
    return existing(key)->allocated_size() + kIndexBytesPerKey;
}

Keyspace& StoreKeyspace::in_db(unsigned db) {
    StoreKeyspace& other = *siblings_[db];
    if (&other != this) other.begin();
    return other;
}

uint64_t StoreKeyspace::size() const {
    return run_.store.db_size(physical_);
}
uint64_t StoreKeyspace::expires() const {
    return run_.store.db_expires(physical_);
}

bool StoreKeyspace::holds(DbId physical, std::string_view key) const {
    return run_.store.lookup(physical, make_key_ref(key, run_.store.hash_seed())).state !=
           Lookup::State::absent;
}

void StoreKeyspace::flush(bool lazily) {
    finish();
    for (unsigned shard = 0; shard < kShards; ++shard)
        run_.watches.touch_db(static_cast<ShardId>(shard), watch_db(), [&](std::string_view key) {
            return holds(physical_, key) ? WatchTable::Fate::removed : WatchTable::Fate::untouched;
        });
    KeyspaceCounters::add(run_.counters.changes, size());
    run_.store.flush_db(run_.batch, physical_, lazily);
    cached_ = {};
}

void StoreKeyspace::swap(unsigned a, unsigned b) {
    finish();  // what was edited before is logged under the database it was in
    for (unsigned shard = 0; shard < kShards; ++shard)
        for (const unsigned from : {a, b})
            run_.watches.touch_db(
                static_cast<ShardId>(shard), static_cast<DbId>(from), [&](std::string_view key) {
                    if (holds(run_.store.physical_db(from == a ? b : a), key))
                        return WatchTable::Fate::replaced;
                    return holds(run_.store.physical_db(from), key) ? WatchTable::Fate::removed
                                                                    : WatchTable::Fate::untouched;
                });
    run_.store.swap_dbs(run_.batch, a, b);
    KeyspaceCounters::add(run_.counters.changes);
    for (const auto& sibling : siblings_) sibling->begin();
}

std::optional<ColdName> StoreKeyspace::name_of(Record* record, LogAddress address) {
    ColdName name;
    if (record != nullptr) {
        name = {std::string(record->key()), record->type(), record->expire_at_ms(), true, {}};
    } else if (run_.read_in_place) {
        const Result<StoredRecord> stored = run_.store.segments().read(address, 0);
        if (!stored) return std::nullopt;
        name = {std::string(stored->key), stored->type, stored->expire_at_ms, true, {}};
    } else {
        const auto known = run_.cold_names->find(address.units);
        if (known == run_.cold_names->end()) {
            run_.wanted.push_back(address);
            return std::nullopt;
        }
        name = known->second;
        if (!name.readable) return std::nullopt;
    }
    if (name.expire_at_ms != kNoExpiry && name.expire_at_ms <= run_.now_ms) return std::nullopt;
    return name;
}

uint64_t StoreKeyspace::scan(uint64_t cursor, const Visit& visit) {
    if (!run_.locks.holds_all() && !run_.locks.try_take_one(Store::scan_shard(cursor))) {
        run_.lock_missed = true;
        return 0;
    }
    return run_.store.scan_bucket(physical_, cursor, [&](Record* record, LogAddress address) {
        if (record != nullptr) {
            if (!record->has_expiry() || record->expire_at_ms() > run_.now_ms)
                visit(record->key(), record->type());
        } else if (const auto name = name_of(record, address)) {
            visit(name->key, name->type);
        }
    });
}

void StoreKeyspace::scan_slot(SlotId slot, size_t most, const Visit& visit) {
    if (!run_.locks.holds_all() && !run_.locks.try_take_one(shard_of(slot))) {
        run_.lock_missed = true;
        return;
    }
    size_t visited = 0;
    run_.store.walk_slot(physical_, slot, [&](Record* record, LogAddress address) {
        // A name that must be read first may turn out to be one of them.
        if (visited + run_.wanted.size() >= most) return;
        if (const auto name = name_of(record, address)) {
            visit(name->key, name->type);
            ++visited;
        }
    });
}

std::optional<std::string_view> StoreKeyspace::random_key() {
    const uint64_t total = size();
    if (total == 0) return std::nullopt;
    // The n-th key over all shards, so that a full shard is met more often than one that's nearly empty.
    uint64_t n = run_.random % total;
    unsigned shard = 0;
    while (shard < kShards) {
        const uint64_t here = run_.store.shard_size(physical_, static_cast<ShardId>(shard));
        if (n < here) break;
        n -= here;
        ++shard;
    }
    // Expired keys that are still in the index are passed by, a bounded number of times per shard.
    for (unsigned step = 0; step < kShards; ++step) {
        const ShardId at = static_cast<ShardId>((shard + step) % kShards);
        if (run_.store.shard_size(physical_, at) == 0) continue;
        if (!run_.locks.holds_all() && !run_.locks.try_take_one(at)) {
            run_.lock_missed = true;
            return std::nullopt;
        }
        for (uint64_t draw = 0; draw < 16; ++draw) {
            const Lookup entry =
                run_.store.random_entry(physical_, at, run_.random + draw * 0x9e3779b97f4a7c15ULL);
            if (entry.state == Lookup::State::absent) break;
            const auto name = name_of(entry.record, entry.address);
            if (name) return random_name_ = name->key;
            if (unfinished()) return std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace torc
