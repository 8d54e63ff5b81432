#include <algorithm>
#include <mutex>
#include <set>

#include "base/hash.h"
#include "tests/scenarios/store_driver.h"

namespace torc {

namespace {

constexpr CompactionLimits kLimits{
    .segment_bytes = StoreDriver::kSegmentBytes, .max_space_percent = 150, .slack_segments = 2};

void drop_empty(StoreContents& contents) {
    std::erase_if(contents, [](const auto& db) { return db.second.empty(); });
}

/// Holds all locks of a store.
class AllLocked {
  public:
    explicit AllLocked(Store& store) : store_(store) {
        for (unsigned s = 0; s < kShards; ++s) store_.shard_lock(static_cast<ShardId>(s)).lock();
    }
    ~AllLocked() {
        for (unsigned s = 0; s < kShards; ++s) store_.shard_lock(static_cast<ShardId>(s)).unlock();
    }

  private:
    Store& store_;
};

}  // namespace

void apply(StoreContents& contents, const StoreCommand& command) {
    for (const StoreEffect& effect : command.effects) {
        switch (effect.kind) {
            case StoreEffect::Kind::put:
                contents[effect.db][effect.key] = {effect.value, effect.expire_at_ms};
                break;
            case StoreEffect::Kind::erase:
                contents[effect.db].erase(effect.key);
                break;
            case StoreEffect::Kind::flush:
                contents[effect.db].clear();
                break;
            case StoreEffect::Kind::swap:
                std::swap(contents[effect.db], contents[effect.other_db]);
                break;
        }
    }
    drop_empty(contents);
}

std::optional<size_t> matching_prefix(const StoreDriver& driver, const StoreContents& found, size_t least) {
    StoreContents model = driver.base();
    const auto& commands = driver.commands();
    for (size_t n = 0;; ++n) {
        if (n >= least && model == found) return n;
        if (n == commands.size()) return std::nullopt;
        apply(model, commands[n]);
    }
}

Result<RecoveryReport> StoreDriver::open() {
    compaction_.reset();
    index_.reset();
    store_.reset();
    Store::Options options;
    options.directory = kPath;
    options.databases = kDatabases;
    options.log.segment_bytes = kSegmentBytes;
    options.random_seed = 7;
    auto store = Store::open(disk_, clock_, options);
    if (!store) return fail(store.error());
    store_ = std::move(*store);
    auto report = store_->load();
    if (!report) return report;
    index_ = std::make_unique<StoreLiveIndex>(*store_);
    compaction_ = std::make_unique<Compaction>(store_->segments(), store_->log(), *index_, clock_);
    return report;
}

KeyRef StoreDriver::ref(const std::string& key) const {
    return {key, hash64(key, store_->hash_seed()), static_cast<SlotId>(checksum32(key) % kSlots)};
}

std::string StoreDriver::random_value() {
    const std::string value = "v" + std::to_string(++values_);
    return value + std::string(random_.one_in(20) ? 3000 : random_.below(120), '.');
}

Record* StoreDriver::fetch(DbId db, const KeyRef& key) {
    std::vector<LogAddress> not_these;
    for (;;) {
        const Lookup found = store_->lookup_except(db, key, not_these);
        if (found.state == Lookup::State::absent) return nullptr;
        if (found.state == Lookup::State::resident) return found.record;
        const auto stored = store_->segments().read(found.address, 0);
        if (!stored || stored->value_damaged) return nullptr;
        if (!store_->install(db, key, found.address, *stored)) not_these.push_back(found.address);
    }
}

void StoreDriver::put(StoreCommand& command, unsigned db, const std::string& key, const std::string& value,
                      int64_t expire_at_ms) {
    const KeyRef k = ref(key);
    const DbId physical = store_->physical_db(db);
    Record* old = fetch(physical, k);
    if (old != nullptr && old->value_size() == value.size() && old->expire_at_ms() == expire_at_ms &&
        random_.one_in(2)) {
        std::copy(value.begin(), value.end(), old->mutable_value());
        store_->touch_value(batch_, physical, k, old);
    } else {
        store_->put(batch_, physical, k, old, ValueType::string, value, expire_at_ms);
    }
    store_->unpin(physical, k);
    command.effects.push_back({StoreEffect::Kind::put, db, 0, key, value, expire_at_ms});
}

void StoreDriver::erase(StoreCommand& command, unsigned db, const std::string& key) {
    const KeyRef k = ref(key);
    const DbId physical = store_->physical_db(db);
    Record* old = fetch(physical, k);
    if (old == nullptr) return;
    store_->erase(batch_, physical, k, old, Store::Removal::deleted);
    command.effects.push_back({StoreEffect::Kind::erase, db, 0, key, {}, kNoExpiry});
}

bool StoreDriver::step() {
    if (disk_.stopped()) return false;
    clock_.advance_ms(1 + static_cast<int64_t>(random_.below(20)));
    StoreCommand command;
    const auto db = static_cast<unsigned>(random_.below(kDatabases));
    {
        const AllLocked locked(*store_);
        store_->begin(batch_, clock_.wall_ms());
        const uint64_t pick = random_.below(200);
        if (pick < 100) {
            const bool expires = random_.one_in(8);
            put(command, db, random_key(), random_value(),
                expires ? clock_.wall_ms() + 86'400'000 : kNoExpiry);
        } else if (pick < 140) {
            erase(command, db, random_key());
        } else if (pick < 180) {  // several keys at once: all or none (CORRECTNESS 12)
            std::set<std::string> keys;
            while (keys.size() < 2 + random_.below(4)) keys.insert(random_key());
            for (const auto& key : keys) {
                if (random_.one_in(4))
                    erase(command, db, key);
                else
                    put(command, db, key, random_value(), kNoExpiry);
            }
        } else if (pick < 190) {  // RENAME
            const std::string from = random_key();
            const std::string to = random_key();
            Record* record = from == to ? nullptr : fetch(store_->physical_db(db), ref(from));
            if (record != nullptr) {
                const std::string value(record->value());
                const int64_t expiry = record->expire_at_ms();
                erase(command, db, from);
                put(command, db, to, value, expiry);
            }
        } else if (pick < 194) {
            const auto other = static_cast<unsigned>(random_.below(kDatabases));
            if (other != db) {
                store_->swap_dbs(batch_, db, other);
                command.effects.push_back({StoreEffect::Kind::swap, db, other, {}, {}, kNoExpiry});
            }
        } else if (pick < 196) {
            store_->flush_db(batch_, store_->physical_db(db), random_.one_in(2));
            command.effects.push_back({StoreEffect::Kind::flush, db, 0, {}, {}, kNoExpiry});
        }
        command.lsn = store_->commit(batch_);
    }
    if (!command.effects.empty()) commands_.push_back(std::move(command));
    background();
    return !disk_.stopped();
}

void StoreDriver::background() {
    if (random_.one_in(3)) store_->log().flush();
    if (random_.one_in(12)) (void)store_->log().sync();
    if (random_.one_in(10)) store_->log().retry();
    if (random_.one_in(6)) (void)store_->log().background_step();
    if (random_.one_in(3)) (void)compaction_->step(kLimits);
    if (random_.one_in(40)) {  // everything that may go to the log only, goes
        store_->set_memory_policy(1, MaxmemoryPolicy::noeviction, 5, 10, 1);
        (void)store_->evict_step(batch_, clock_.wall_ms(), 1000, [](DbId, std::string_view) {});
        store_->set_memory_policy(0, MaxmemoryPolicy::noeviction, 5, 10, 1);
    }
    if (random_.one_in(15)) (void)store_->warm_step(10);
}

Result<void> StoreDriver::settle() {
    Result<void> done;
    for (int attempt = 0; attempt < 5; ++attempt) {
        store_->log().retry();
        store_->log().flush();
        done = store_->log().sync();
        if (done && store_->log().synced_lsn() >= store_->log().last_lsn()) return {};
    }
    return done ? fail(ErrorKind::io, "the log does not get through: " + store_->log().state_message())
                : done;
}

StoreContents StoreDriver::contents() {
    StoreContents all;
    for (unsigned db = 0; db < kDatabases; ++db) {
        uint64_t cursor = 0;
        do {
            ShardLock& lock = store_->shard_lock(Store::scan_shard(cursor));
            lock.lock();
            const DbId physical = store_->physical_db(db);
            cursor = store_->scan_bucket(physical, cursor, [&](Record* record, LogAddress address) {
                if (record != nullptr) {
                    all[db][std::string(record->key())] = {std::string(record->value()),
                                                           record->expire_at_ms()};
                    return;
                }
                const auto stored = store_->segments().read(address, 0);
                if (stored && !stored->value_damaged)
                    all[db][std::string(stored->key)] = {std::string(stored->value), stored->expire_at_ms};
                else
                    all[db]["at " + std::to_string(address.units)] = {"<damaged>", kNoExpiry};
            });
            lock.unlock();
        } while (cursor != 0);
    }
    return all;
}

}  // namespace torc
