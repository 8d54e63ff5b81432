#include "engine/store.h"

#include "tests/engine/store_fixture.h"

namespace torc {
namespace {

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

}  // namespace
}  // namespace torc
