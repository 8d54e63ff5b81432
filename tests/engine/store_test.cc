#include "engine/store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "base/disk.h"
#include "base/hash.h"
#include "base/rng.h"

namespace torc {
namespace {

struct TestClock : Clock {
    int64_t wall_us() const override { return now_ms * 1000; }
    int64_t monotonic_ns() const override { return now_ms * 1'000'000; }
    int64_t now_ms = 1'700'000'000'000;
};

class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "torc-store-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    void open(bool log_enabled = false) {
        Store::Options options;
        options.directory = directory_;
        options.log_enabled = log_enabled;
        options.log.segment_bytes = 1 << 20;
        options.random_seed = 42;
        auto store = Store::open(posix_disk(), clock_, options);
        ASSERT_TRUE(store.has_value()) << store.error().message;
        store_ = std::move(*store);
        auto report = store_->load();
        ASSERT_TRUE(report.has_value()) << report.error().message;
    }
    void reopen(bool log_enabled = true) {
        ASSERT_TRUE(store_->log().close().has_value());
        store_.reset();
        open(log_enabled);
    }

    KeyRef ref(std::string_view key) const {
        const uint64_t hash = hash64(key, store_->hash_seed());
        // Any fixed mapping will do: the engine knows no slots.
        return {key, hash, one_slot_ ? SlotId{7} : static_cast<SlotId>(checksum32(key) % kSlots)};
    }
    /// Locked, and fetched from disk when need be, as node/ does it.
    template <class Body>
    auto with(std::string_view key, Body&& body, DbId db = 0) {
        const KeyRef k = ref(key);
        std::lock_guard guard(store_->shard_lock(k.shard()));
        std::vector<LogAddress> not_these;
        Lookup found = store_->lookup(db, k);
        while (found.state == Lookup::State::cold) {
            auto stored = store_->segments().read(found.address, 0);
            if (!stored.has_value()) {
                ADD_FAILURE() << stored.error().message;
                std::abort();
            }
            if (!store_->install(db, k, found.address, *stored)) not_these.push_back(found.address);
            found = store_->lookup_except(db, k, not_these);
        }
        store_->unpin(db, k);
        store_->begin(batch_, clock_.now_ms);
        if constexpr (std::is_void_v<decltype(body(k, found.record))>) {
            body(k, found.record);
            store_->commit(batch_);
        } else {
            auto result = body(k, found.record);
            store_->commit(batch_);
            return result;
        }
    }
    void set(std::string_view key, std::string_view value, int64_t expire = kNoExpiry, DbId db = 0) {
        with(
            key,
            [&](const KeyRef& k, Record* old) {
                store_->put(batch_, db, k, old, ValueType::string, value, expire);
            },
            db);
    }
    std::string get(std::string_view key, DbId db = 0) {
        return with(
            key,
            [](const KeyRef&, Record* record) {
                return record == nullptr ? std::string("(absent)") : std::string(record->value());
            },
            db);
    }
    bool del(std::string_view key, DbId db = 0) {
        return with(
            key,
            [&](const KeyRef& k, Record* record) {
                if (record == nullptr) return false;
                store_->erase(batch_, db, k, record, Store::Removal::deleted);
                return true;
            },
            db);
    }
    int64_t expiry(std::string_view key) {
        return with(key, [](const KeyRef&, Record* record) {
            return record == nullptr ? int64_t{-2} : record->expire_at_ms();
        });
    }
    template <class Body>
    void with_all_locked(Body&& body) {
        for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).lock();
        store_->begin(batch_, clock_.now_ms);
        body();
        store_->commit(batch_);
        for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).unlock();
    }
    unsigned expire_all(std::vector<std::string>* names = nullptr) {
        unsigned sum = 0;
        for (int quiet = 0; quiet < 5;) {
            const unsigned n =
                store_->expire_step(batch_, clock_.now_ms, 0, 1, 1000, [&](DbId, std::string_view k) {
                    if (names != nullptr) names->emplace_back(k);
                });
            sum += n;
            clock_.now_ms += 130;  // what was put off comes up in the next tick of the wheel
            quiet = n == 0 ? quiet + 1 : 0;
        }
        return sum;
    }
    std::set<std::string> scan(DbId db = 0) {
        std::set<std::string> keys;
        uint64_t cursor = 0;
        do {
            std::lock_guard guard(store_->shard_lock(Store::scan_shard(cursor)));
            cursor = store_->scan_bucket(db, cursor, [&](Record* record, LogAddress address) {
                if (record != nullptr) {
                    keys.emplace(record->key());
                } else {
                    auto stored = store_->segments().read(address, 0);
                    ASSERT_TRUE(stored.has_value());
                    keys.emplace(stored->key);
                }
            });
            EXPECT_LT(cursor, 1ULL << 53);
        } while (cursor != 0);
        return keys;
    }

    TestClock clock_;
    std::string directory_;
    std::unique_ptr<Store> store_;
    WriteBatch batch_;
    bool one_slot_ = false;
};

TEST_F(StoreTest, SetsGetsAndDeletes) {
    open();
    EXPECT_EQ(get("a"), "(absent)");
    set("a", "1");
    set("b", "22");
    EXPECT_EQ(get("a"), "1");
    EXPECT_EQ(get("b"), "22");
    set("a", "9");
    set("b", "333");
    EXPECT_EQ(get("a"), "9");
    EXPECT_EQ(get("b"), "333");
    EXPECT_EQ(store_->db_size(0), 2u);
    EXPECT_TRUE(del("a"));
    EXPECT_FALSE(del("a"));
    EXPECT_EQ(get("a"), "(absent)");
    EXPECT_EQ(store_->db_size(0), 1u);
}

TEST_F(StoreTest, AccountsItsMemoryAndGivesItBack) {
    open();
    const uint64_t empty = store_->stats().index_bytes;
    for (int i = 0; i < 5000; ++i) set("key" + std::to_string(i), std::string(100, 'x'));
    StoreStats stats = store_->stats();
    EXPECT_EQ(stats.keys, 5000u);
    EXPECT_EQ(stats.resident_keys, 5000u);
    EXPECT_GT(stats.record_bytes, 5000u * 110);
    EXPECT_LT(stats.record_bytes, 5000u * 129);
    for (int i = 0; i < 5000; ++i) EXPECT_TRUE(del("key" + std::to_string(i)));
    stats = store_->stats();
    EXPECT_EQ(stats.keys, 0u);
    EXPECT_EQ(stats.record_bytes, 0u);
    EXPECT_LE(stats.index_bytes, std::max<uint64_t>(empty, 1 << 20));
}

TEST_F(StoreTest, AChangeKeepsTheAccessClock) {
    open();
    set("k", "one");
    with("k", [&](const KeyRef&, Record* record) { record->set_access(77); });
    set("k", "two");
    with("k", [&](const KeyRef&, Record* record) { EXPECT_EQ(record->access(), 77u); });
    set("k", "longer");
    with("k", [&](const KeyRef&, Record* record) { EXPECT_EQ(record->access(), 77u); });
}

TEST_F(StoreTest, PutTakesViewsOfTheOldRecord) {
    open();
    set("key", "hello world");
    with("key", [&](const KeyRef& k, Record* old) {
        const KeyRef own{old->key(), k.hash, k.slot};
        store_->put(batch_, 0, own, old, ValueType::string, old->value().substr(6), kNoExpiry);
    });
    EXPECT_EQ(get("key"), "world");
}

TEST_F(StoreTest, DatabasesAreApart) {
    open();
    set("k", "zero");
    set("k", "five", kNoExpiry, 5);
    EXPECT_EQ(get("k"), "zero");
    EXPECT_EQ(get("k", 5), "five");
    with_all_locked([&] { store_->swap_dbs(batch_, 0, 5); });
    EXPECT_EQ(store_->physical_db(0), 5);
    EXPECT_EQ(store_->physical_db(5), 0);
    with_all_locked([&] { store_->flush_db(batch_, store_->physical_db(0), false); });
    EXPECT_EQ(store_->db_size(5), 0u);
    EXPECT_EQ(get("k", 0), "zero");
}

TEST_F(StoreTest, FlushingLazilyFreesInSteps) {
    open();
    for (int i = 0; i < 20000; ++i)
        set("key" + std::to_string(i), "v", i % 2 ? kNoExpiry : clock_.now_ms + 1000);
    with_all_locked([&] { store_->flush_db(batch_, 0, true); });
    EXPECT_EQ(store_->db_size(0), 0u);
    EXPECT_EQ(store_->db_expires(0), 0u);
    EXPECT_EQ(get("key1"), "(absent)");
    set("key1", "again");
    clock_.now_ms += 5000;
    EXPECT_EQ(expire_all(), 0u);  // what the wheel still holds is stale
    EXPECT_EQ(get("key1"), "again");
    for (int i = 0; i < 2000; ++i) store_->quiescent(0);
    store_->offline(0);
    with_all_locked([&] { store_->flush_db(batch_, 0, true); });
}

TEST_F(StoreTest, ExpiryIsRemovedByTheStepAndNotBefore) {
    open();
    const int64_t t = clock_.now_ms;
    for (int i = 0; i < 100; ++i) set("soon" + std::to_string(i), "v", t + 1000);
    for (int i = 0; i < 100; ++i) set("late" + std::to_string(i), "v", t + 60'000);
    set("never", "v");
    set("extended", "v", t + 1000);
    with("extended", [&](const KeyRef& k, Record* r) { store_->set_expiry(batch_, 0, k, r, t + 50'000); });
    set("persisted", "v", t + 1000);
    with("persisted", [&](const KeyRef& k, Record* r) { store_->set_expiry(batch_, 0, k, r, kNoExpiry); });
    set("shortened", "v", t + 90'000);
    with("shortened", [&](const KeyRef& k, Record* r) { store_->set_expiry(batch_, 0, k, r, t + 2000); });
    EXPECT_EQ(store_->db_expires(0), 202u);
    EXPECT_EQ(expire_all(), 0u);
    clock_.now_ms = t + 3000;
    std::vector<std::string> names;
    EXPECT_EQ(expire_all(&names), 101u);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 101u);
    EXPECT_EQ(get("shortened"), "(absent)");
    EXPECT_EQ(get("extended"), "v");
    clock_.now_ms = t + 51'000;
    EXPECT_EQ(expire_all(), 1u);
    clock_.now_ms = t + 61'000;
    EXPECT_EQ(expire_all(), 100u);
    EXPECT_EQ(store_->db_size(0), 2u);
    EXPECT_EQ(store_->db_expires(0), 0u);
    EXPECT_EQ(store_->stats().expired_keys, 202u);
}

TEST_F(StoreTest, ExpiryOfPartsCoversAllShards) {
    open();
    for (int i = 0; i < 3000; ++i) set("k" + std::to_string(i), "v", clock_.now_ms + 10);
    clock_.now_ms += 1000;
    unsigned sum = 0;
    for (int round = 0; round < 3; ++round)
        for (unsigned part = 0; part < 3; ++part)
            sum += store_->expire_step(batch_, clock_.now_ms, part, 3, 5000, [](DbId, std::string_view) {});
    EXPECT_EQ(sum, 3000u);
}

TEST_F(StoreTest, ALockTakenAndReleasedForeverLeavesTheWheelSmall) {
    open();
    for (int i = 0; i < 50'000; ++i) {
        set("lock", "v", clock_.now_ms + 30'000 + i);
        del("lock");
    }
    EXPECT_LT(store_->used_bytes(), 3u << 20);
    set("lock", "v", clock_.now_ms + 30'000);
    clock_.now_ms += 100'000;
    EXPECT_EQ(expire_all(), 1u);
}

TEST_F(StoreTest, ScanSeesEveryKeyOfASlotOrOfAll) {
    for (const bool one_slot : {false, true}) {
        one_slot_ = one_slot;
        store_.reset();
        open();
        std::set<std::string> expected;
        for (int i = 0; i < 5000; ++i) {
            expected.insert("key" + std::to_string(i));
            set("key" + std::to_string(i), "v", kNoExpiry, 3);
        }
        const std::set<std::string> seen = scan(3);
        EXPECT_EQ(seen.size(), expected.size());
        EXPECT_TRUE(seen == expected);
        EXPECT_TRUE(scan(0).empty());
    }
}

TEST_F(StoreTest, RandomEntriesReachEveryKey) {
    open();
    one_slot_ = true;
    std::set<std::string> seen;
    for (int i = 0; i < 40; ++i) set("key" + std::to_string(i), "v");
    for (uint64_t i = 0; i < 4000; ++i) {
        const Lookup found = store_->random_entry(0, shard_of(7), i);
        ASSERT_EQ(found.state, Lookup::State::resident);
        seen.emplace(found.record->key());
    }
    EXPECT_EQ(seen.size(), 40u);
    EXPECT_EQ(store_->random_entry(0, 5, 1).state, Lookup::State::absent);
    EXPECT_EQ(store_->random_entry(9, 5, 1).state, Lookup::State::absent);
}

TEST_F(StoreTest, LfuCountsAndLruIdles) {
    open();
    store_->set_memory_policy(0, MaxmemoryPolicy::allkeys_lru, 5, 10, 1);
    set("k", "v");
    with("k", [&](const KeyRef&, Record* record) {
        EXPECT_EQ(store_->idle_seconds(record, clock_.now_ms + 5000), 5u);
        store_->touch(record, clock_.now_ms + 5000);
        EXPECT_EQ(store_->idle_seconds(record, clock_.now_ms + 5000), 0u);
        store_->set_idle_seconds(record, 1000, clock_.now_ms);
        EXPECT_EQ(store_->idle_seconds(record, clock_.now_ms), 1000u);
        store_->set_frequency(record, 3, clock_.now_ms);
        EXPECT_EQ(store_->idle_seconds(record, clock_.now_ms), 1000u);
    });
    store_->set_memory_policy(0, MaxmemoryPolicy::allkeys_lfu, 5, 0, 1);
    set("f", "v");
    with("f", [&](const KeyRef&, Record* record) {
        EXPECT_EQ(store_->frequency(record, clock_.now_ms), 5u);
        store_->touch(record, clock_.now_ms);
        EXPECT_EQ(store_->frequency(record, clock_.now_ms), 6u);
        EXPECT_EQ(store_->frequency(record, clock_.now_ms + 2 * 60'000), 4u);
        store_->set_frequency(record, 200, clock_.now_ms);
        EXPECT_EQ(store_->frequency(record, clock_.now_ms), 200u);
    });
}

TEST_F(StoreTest, WithoutALogNoevictionFreesNothing) {
    open();
    store_->set_memory_policy(1 << 20, MaxmemoryPolicy::noeviction, 5, 10, 1);
    auto none = [](DbId, std::string_view) { FAIL(); };
    EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 100, none));
    for (int i = 0; i < 20000; ++i) set("key" + std::to_string(i), std::string(100, 'x'));
    EXPECT_FALSE(store_->evict_step(batch_, clock_.now_ms, 100, none));
    EXPECT_EQ(store_->db_size(0), 20000u);
}

TEST_F(StoreTest, AllkeysLruDeletesTheIdleOnes) {
    open();
    for (int i = 0; i < 10000; ++i) set("old" + std::to_string(i), std::string(100, 'x'));
    clock_.now_ms += 100'000;
    for (int i = 0; i < 10000; ++i) set("new" + std::to_string(i), std::string(100, 'x'));
    store_->set_memory_policy(store_->used_bytes() * 6 / 10, MaxmemoryPolicy::allkeys_lru, 5, 10, 1);
    unsigned old_gone = 0, new_gone = 0;
    auto count = [&](DbId, std::string_view key) { ++(key.starts_with("old") ? old_gone : new_gone); };
    while (store_->db_size(0) > 13'000 && store_->evict_step(batch_, clock_.now_ms, 500, count)) {
    }
    EXPECT_GT(old_gone, 10 * new_gone);
    EXPECT_EQ(store_->stats().evicted_keys, old_gone + new_gone);
    EXPECT_EQ(store_->db_size(0), 20000u - old_gone - new_gone);
}

TEST_F(StoreTest, VolatilePoliciesTouchOnlyKeysWithATtl) {
    for (const auto policy : {MaxmemoryPolicy::volatile_lru, MaxmemoryPolicy::volatile_lfu,
                              MaxmemoryPolicy::volatile_random, MaxmemoryPolicy::volatile_ttl}) {
        store_.reset();
        open();
        for (int i = 0; i < 3000; ++i) set("stays" + std::to_string(i), std::string(100, 'x'));
        for (int i = 0; i < 300; ++i)
            set("goes" + std::to_string(i), std::string(100, 'x'), clock_.now_ms + 100'000 + 1000 * i);
        store_->set_memory_policy(1 << 16, policy, 5, 10, 1);
        unsigned gone = 0;
        while (store_->evict_step(batch_, clock_.now_ms, 50, [&](DbId, std::string_view key) {
            ++gone;
            EXPECT_TRUE(key.starts_with("goes")) << key;
        })) {
        }
        EXPECT_EQ(gone, 300u);
        EXPECT_EQ(store_->db_size(0), 3000u);
    }
}

TEST_F(StoreTest, RandomOperationsAgainstAModelWithoutLog) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        one_slot_ = seed % 2 == 0;
        store_.reset();
        open();
        Rng rng(seed);
        std::map<std::string, std::pair<std::string, int64_t>> model;
        for (int i = 0; i < 20000; ++i) {
            const std::string key = "key" + std::to_string(rng.below(3000));
            const int64_t expire =
                rng.one_in(3) ? clock_.now_ms + 1'000'000 + static_cast<int64_t>(rng.below(1000)) : kNoExpiry;
            switch (rng.below(4)) {
                case 0:
                    EXPECT_EQ(del(key), model.erase(key) == 1);
                    break;
                case 1: {
                    const auto found = model.find(key);
                    EXPECT_EQ(get(key), found == model.end() ? "(absent)" : found->second.first);
                    EXPECT_EQ(expiry(key), found == model.end() ? -2 : found->second.second);
                    break;
                }
                default: {
                    const std::string value(rng.below(rng.one_in(50) ? 40000 : 60),
                                            static_cast<char>('a' + i % 26));
                    set(key, value, expire);
                    model[key] = {value, expire};
                }
            }
        }
        EXPECT_EQ(store_->db_size(0), model.size()) << "seed " << seed;
        uint64_t expires = 0;
        for (const auto& [key, value] : model) expires += value.second != kNoExpiry;
        EXPECT_EQ(store_->db_expires(0), expires);
        std::set<std::string> names;
        for (const auto& [key, value] : model) names.insert(key);
        EXPECT_EQ(scan(), names);
        clock_.now_ms += 2'000'000;
        EXPECT_EQ(expire_all(), expires);
    }
}

// Writers under locks, prefetching readers without: TSan's business.
TEST_F(StoreTest, ThreadsShareTheStore) {
    open();
    auto work = [&](unsigned thread) {
        Rng rng(thread);
        WriteBatch batch;
        for (int turn = 0; turn < 300; ++turn) {
            store_->quiescent(thread);
            std::vector<std::string> keys;
            for (int i = 0; i < 32; ++i) keys.push_back("key" + std::to_string(rng.below(2000)));
            for (const auto& key : keys) store_->prefetch_table(0, ref(key));
            for (const auto& key : keys) store_->prefetch_bucket(0, ref(key));
            for (const auto& key : keys) store_->prefetch_record(0, ref(key));
            for (const auto& key : keys) {
                const KeyRef k = ref(key);
                ShardLock& lock = store_->shard_lock(k.shard());
                lock.lock();
                store_->begin(batch, clock_.now_ms);
                const Lookup found = store_->lookup(0, k);
                if (found.state == Lookup::State::resident && rng.one_in(3))
                    store_->erase(batch, 0, k, found.record, Store::Removal::deleted);
                else
                    store_->put(batch, 0, k, found.record, ValueType::string,
                                std::string(rng.below(200), 'x'), kNoExpiry);
                store_->commit(batch);
                lock.unlock();
            }
            if (turn % 100 == static_cast<int>(thread)) {
                for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).lock();
                store_->begin(batch, clock_.now_ms);
                store_->flush_db(batch, 0, true);
                store_->commit(batch);
                for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).unlock();
            }
        }
        store_->offline(thread);
    };
    std::thread a(work, 0), b(work, 1), c(work, 2);
    a.join();
    b.join();
    c.join();
    EXPECT_EQ(scan().size(), store_->db_size(0));
}

// ---- with the log on

TEST_F(StoreTest, EverythingIsThereAfterReopening) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        one_slot_ = seed == 2;
        store_.reset();
        std::filesystem::remove_all(directory_);
        open(true);
        Rng rng(seed);
        std::map<std::string, std::pair<std::string, int64_t>> model;
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 3000; ++i) {
                const std::string key = "key" + std::to_string(rng.below(1000));
                const int64_t expire = rng.one_in(3) ? clock_.now_ms + 1'000'000 : kNoExpiry;
                if (rng.one_in(4)) {
                    EXPECT_EQ(del(key), model.erase(key) == 1);
                } else {
                    const std::string value(rng.below(300), static_cast<char>('a' + i % 26));
                    set(key, value, expire);
                    model[key] = {value, expire};
                }
                if (i % 100 == 0) store_->log().flush();
            }
            reopen();
            EXPECT_EQ(store_->db_size(0), model.size());
            EXPECT_EQ(store_->stats().resident_keys, 0u);
            std::set<std::string> names;
            for (const auto& [key, value] : model) names.insert(key);
            EXPECT_EQ(scan(), names);
            uint64_t expires = 0;
            for (const auto& [key, value] : model) {
                expires += value.second != kNoExpiry;
                if (round == 1 && rng.one_in(2)) continue;  // some stay cold
                EXPECT_EQ(get(key), value.first) << "seed " << seed;
                EXPECT_EQ(expiry(key), value.second);
            }
            EXPECT_EQ(store_->db_expires(0), expires);
        }
    }
}

TEST_F(StoreTest, ABatchEndsAsItsLastChangeSays) {
    open(true);
    set("kept", "v");
    set("gone", "v");
    with("a", [&](const KeyRef& a, Record* old) {
        Record* record = store_->put(batch_, 0, a, old, ValueType::string, "one", kNoExpiry);
        record = store_->put(batch_, 0, a, record, ValueType::string, "two", kNoExpiry);           // in place
        record = store_->put(batch_, 0, a, record, ValueType::string, "a longer one", kNoExpiry);  // anew
        EXPECT_TRUE(record->pending());
        store_->erase(batch_, 0, a, record, Store::Removal::deleted);
        record = store_->put(batch_, 0, a, nullptr, ValueType::string, "last", kNoExpiry);
        record = store_->set_expiry(batch_, 0, a, record, clock_.now_ms + 1000);
        std::memcpy(record->mutable_value(), "LAST", 4);
        store_->touch_value(batch_, 0, a, record);
    });
    with("a", [&](const KeyRef&, Record* record) {
        EXPECT_FALSE(record->pending());
        EXPECT_TRUE(record->address());
    });
    del("gone");
    const KeyRef a = ref("a");
    EXPECT_EQ(store_->shard_lsn(a.shard()) > 0, true);
    reopen();
    EXPECT_EQ(get("a"), "LAST");
    EXPECT_EQ(expiry("a"), clock_.now_ms + 1000);
    EXPECT_EQ(get("kept"), "v");
    EXPECT_EQ(get("gone"), "(absent)");
}

TEST_F(StoreTest, LiveBytesAreThoseOfTheLiveRecords) {
    open(true);
    for (int i = 0; i < 500; ++i) set("key" + std::to_string(i), std::string(100, 'x'));
    store_->log().flush();
    const uint64_t all = store_->segments().live_bytes();
    EXPECT_GT(all, 500u * 130);
    for (int i = 0; i < 500; ++i) set("key" + std::to_string(i), std::string(100, 'y'));  // in place
    EXPECT_EQ(store_->segments().live_bytes(), all);
    for (int i = 0; i < 250; ++i) del("key" + std::to_string(i));
    EXPECT_LT(store_->segments().live_bytes(), all * 6 / 10);
    reopen();
    for (int i = 250; i < 500; ++i) EXPECT_TRUE(del("key" + std::to_string(i)));
    EXPECT_EQ(store_->segments().live_bytes(), 0u);
}

TEST_F(StoreTest, NoevictionMovesToTheLogAndNothingIsLost) {
    open(true);
    for (int i = 0; i < 4000; ++i)
        set("key" + std::to_string(i), std::string(200, static_cast<char>('a' + i % 26)));
    store_->set_memory_policy(1 << 19, MaxmemoryPolicy::noeviction, 5, 10, 1);
    auto none = [](DbId, std::string_view) { FAIL(); };
    // Nothing is written yet: nothing may go, and that's no reason for -OOM.
    EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 10000, none));
    EXPECT_EQ(store_->stats().unloaded_keys, 0u);
    store_->log().flush();
    with("key7", [](const KeyRef&, Record* record) { record->set_pinned(true); });
    for (int i = 0; i < 1000 && store_->used_bytes() > 1 << 19; ++i)
        EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 1000, none));
    EXPECT_LE(store_->used_bytes(), 1u << 19);
    EXPECT_GT(store_->stats().unloaded_keys, 1000u);
    EXPECT_EQ(store_->db_size(0), 4000u);
    {
        const KeyRef k = ref("key7");
        std::lock_guard guard(store_->shard_lock(k.shard()));
        EXPECT_EQ(store_->lookup(0, k).state, Lookup::State::resident) << "pinned";
    }
    for (int i = 0; i < 4000; ++i)
        EXPECT_EQ(get("key" + std::to_string(i)), std::string(200, static_cast<char>('a' + i % 26)));
    EXPECT_GT(store_->stats().cold_reads, 1000u);
}

TEST_F(StoreTest, ColdKeysExpireToo) {
    open(true);
    for (int i = 0; i < 30; ++i) set("key" + std::to_string(i), "v", clock_.now_ms + 1000);
    set("long", "v", clock_.now_ms + 100'000);
    set("stays", "v");
    reopen();
    EXPECT_EQ(store_->db_expires(0), 31u);
    clock_.now_ms += 5000;
    EXPECT_EQ(expire_all(), 30u);
    EXPECT_EQ(store_->db_size(0), 2u);
    reopen();
    EXPECT_EQ(store_->db_size(0), 2u);
    EXPECT_EQ(get("key3"), "(absent)");
    clock_.now_ms += 100'000;
    EXPECT_EQ(expire_all(), 1u);
    EXPECT_EQ(store_->db_expires(0), 0u);
}

TEST_F(StoreTest, InstallRefusesWhatIsNotTheKey) {
    open(true);
    set("key", "v");
    reopen();
    const KeyRef k = ref("key");
    std::lock_guard guard(store_->shard_lock(k.shard()));
    const Lookup cold = store_->lookup(0, k);
    ASSERT_EQ(cold.state, Lookup::State::cold);
    auto stored = store_->segments().read(cold.address, 0);
    ASSERT_TRUE(stored.has_value());
    const KeyRef other{"yek", k.hash, k.slot};
    EXPECT_FALSE(store_->install(0, other, cold.address, *stored));
    EXPECT_EQ(store_->lookup_except(0, other, {cold.address}).state, Lookup::State::absent);
    EXPECT_FALSE(store_->install(0, k, {cold.address.units + 1}, *stored));
    EXPECT_FALSE(store_->install(3, k, cold.address, *stored));
    stored->value_damaged = true;
    EXPECT_FALSE(store_->install(0, k, cold.address, *stored));
    EXPECT_EQ(store_->stats().damaged_reads, 1u);
    store_->begin(batch_, clock_.now_ms);
    EXPECT_TRUE(store_->erase_cold(batch_, 0, k, cold.address, *stored, Store::Removal::deleted));
    EXPECT_FALSE(store_->erase_cold(batch_, 0, k, cold.address, *stored, Store::Removal::deleted));
    store_->commit(batch_);
    EXPECT_EQ(store_->db_size(0), 0u);
    EXPECT_EQ(store_->segments().live_bytes(), 0u);
}

TEST_F(StoreTest, FlushAndSwapSurviveReopening) {
    open(true);
    set("a", "zero", kNoExpiry, 0);
    set("b", "one", kNoExpiry, 1);
    with_all_locked([&] { store_->swap_dbs(batch_, 0, 1); });
    with_all_locked([&] { store_->flush_db(batch_, 1, true); });
    set("c", "after", kNoExpiry, 1);
    reopen();
    EXPECT_EQ(store_->physical_db(0), 1);
    EXPECT_EQ(store_->physical_db(1), 0);
    EXPECT_EQ(get("a", 0), "zero");
    EXPECT_EQ(get("b", 1), "(absent)");
    EXPECT_EQ(get("c", 1), "after");
    with_all_locked([&] {
        store_->flush_db(batch_, 0, false);
        store_->flush_db(batch_, 1, false);
    });
    EXPECT_EQ(store_->segments().live_bytes(), 0u);
}

TEST_F(StoreTest, AFlushUndoesTheBatchBeforeIt) {
    open(true);
    with_all_locked([&] {
        store_->put(batch_, 0, ref("before"), nullptr, ValueType::string, "v", kNoExpiry);
        store_->flush_db(batch_, 0, false);
        store_->put(batch_, 0, ref("after"), nullptr, ValueType::string, "v", kNoExpiry);
    });
    EXPECT_EQ(scan(), std::set<std::string>{"after"});
    reopen();
    EXPECT_EQ(scan(), std::set<std::string>{"after"});
}

TEST_F(StoreTest, WarmingBringsEverythingIntoRam) {
    open(true);
    for (int i = 0; i < 20'000; ++i) set("key" + std::to_string(i % 15'000), std::string(150, 'x'));
    reopen();
    EXPECT_EQ(store_->stats().resident_keys, 0u);
    EXPECT_EQ(get("key5"), std::string(150, 'x'));
    while (store_->warm_step(500)) {
    }
    EXPECT_EQ(store_->stats().resident_keys, 15'000u);
    EXPECT_EQ(store_->stats().cold_reads, 1u);
    reopen();
    store_->set_memory_policy(3 << 20, MaxmemoryPolicy::noeviction, 5, 10, 1);
    while (store_->warm_step(500)) {
    }
    EXPECT_LT(store_->used_bytes(), 3u << 20);
    EXPECT_LT(store_->stats().resident_keys, 15'000u);
    EXPECT_GT(store_->stats().resident_keys, 1000u);
}

TEST_F(StoreTest, SwitchingTheLogOnWritesABase) {
    open(true);
    for (int i = 0; i < 100; ++i) set("old" + std::to_string(i), "v");
    reopen(true);
    ASSERT_TRUE(store_->set_log_enabled(false).has_value());
    EXPECT_FALSE(store_->log_enabled());
    EXPECT_TRUE(del("old1"));
    set("old2", "V");  // in place
    for (int i = 0; i < 100; ++i) set("new" + std::to_string(i), "w", clock_.now_ms + 50'000);
    with_all_locked([&] { store_->swap_dbs(batch_, 2, 3); });
    ASSERT_TRUE(store_->set_log_enabled(true).has_value());
    set("later", "x");
    reopen(true);
    EXPECT_EQ(store_->db_size(0), 200u);
    EXPECT_EQ(get("old1"), "(absent)");
    EXPECT_EQ(get("old2"), "V");
    EXPECT_EQ(get("old3"), "v");
    EXPECT_EQ(get("new7"), "w");
    EXPECT_EQ(expiry("new7"), clock_.now_ms + 50'000);
    EXPECT_EQ(get("later"), "x");
    EXPECT_EQ(store_->physical_db(2), 3);
}

TEST_F(StoreTest, RelocateMovesOnlyWhatIsLive) {
    open(true);
    set("key", "v");
    const KeyRef k = ref("key");
    std::lock_guard guard(store_->shard_lock(k.shard()));
    const LogAddress from = store_->lookup(0, k).record->address();
    const LogAddress to{from.units + 64};
    EXPECT_TRUE(store_->refers_to(0, k.slot, k.hash, from));
    EXPECT_FALSE(store_->refers_to(0, k.slot, k.hash, to));
    EXPECT_FALSE(store_->refers_to(4, k.slot, k.hash, from));
    EXPECT_FALSE(store_->relocate(0, k.slot, k.hash, to, from, 48));
    EXPECT_TRUE(store_->relocate(0, k.slot, k.hash, from, to, 48));
    EXPECT_TRUE(store_->refers_to(0, k.slot, k.hash, to));
    EXPECT_EQ(store_->lookup(0, k).record->address(), to);
}

TEST_F(StoreTest, AllkeysPoliciesLeaveTombstones) {
    open(true);
    for (int i = 0; i < 3000; ++i) set("key" + std::to_string(i), std::string(200, 'x'));
    store_->log().flush();
    store_->set_memory_policy(1 << 18, MaxmemoryPolicy::allkeys_random, 5, 10, 1);
    for (int i = 0; i < 1000 && store_->used_bytes() > 1 << 18; ++i)
        EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 100, [](DbId, std::string_view) {}));
    const uint64_t left = store_->db_size(0);
    EXPECT_LT(left, 2000u);
    const std::set<std::string> names = scan();
    reopen();
    EXPECT_EQ(store_->db_size(0), left);
    EXPECT_EQ(scan(), names);
}

}  // namespace
}  // namespace torc
