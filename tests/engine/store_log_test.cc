// The store over the real log: reopening, keys that are only on disk, batches, eviction to the log.
#include "engine/store.h"

#include <set>

#include "engine/eviction_choice.h"
#include "engine/record_codec.h"
#include "tests/engine/store_fixture.h"

namespace torc {
namespace {

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

/// Keys "goes*" are taken, "unloads*" move to the log, and all others stay.
class ChoiceByName final : public EvictionChoice {
  public:
    bool may_take_of(ShardId) override { return true; }
    Verdict judge(SlotId, const Record& record) override {
        const std::string_view key = record.key();
        if (key.starts_with("goes")) return {taken.contains(std::string(key)) ? Fate::busy : Fate::goes};
        return {key.starts_with("unloads") ? Fate::unloads : Fate::stays};
    }
    void take(SlotId, const Record& record) override {
        EXPECT_TRUE(taken.emplace(record.key()).second) << "twice";
        promised += record.allocated_size();
    }
    uint64_t promised_bytes() const override { return promised; }

    std::set<std::string> taken;
    uint64_t promised = 0;
};

TEST_F(StoreTest, AChoiceSaysWhatBecomesOfEachRecordUnderAPolicyThatDeletes) {
    for (const bool log : {true, false}) {
        SCOPED_TRACE(log);
        store_.reset();
        std::filesystem::remove_all(directory_);
        open(log);
        for (int i = 0; i < 300; ++i)
            for (const std::string name : {"goes", "unloads", "stays"})
                set(name + std::to_string(i), std::string(200, 'x'));
        if (log) store_->log().flush();
        store_->set_memory_policy(1, MaxmemoryPolicy::volatile_lru, 5, 10, 1);
        ChoiceByName choice;
        auto none = [](DbId, std::string_view) { FAIL(); };
        for (int i = 0; i < 500; ++i) (void)store_->evict_step(batch_, clock_.now_ms, 100, none, &choice);
        EXPECT_EQ(choice.taken.size(), 300u);
        EXPECT_EQ(store_->stats().unloaded_keys, log ? 300u : 0u);
        EXPECT_EQ(store_->stats().resident_keys, log ? 600u : 900u);
        EXPECT_EQ(store_->db_size(0), 900u);
        // What it has taken may be on its way; without that there's nothing left.
        EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 100, none, &choice));
        for (const std::string& key : choice.taken) del(key);
        EXPECT_FALSE(store_->evict_step(batch_, clock_.now_ms, 100, none, &choice));
        // As good as freed.
        choice.promised = store_->used_bytes();
        EXPECT_TRUE(store_->evict_step(batch_, clock_.now_ms, 100, none, &choice));
    }
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

TEST_F(StoreTest, EachRecordThatStandsForAKeyIsVisitedOnce) {
    open(true);
    std::map<std::string, std::string> model;
    for (int i = 0; i < 5'000; ++i) {
        const std::string key = "key" + std::to_string(i % 3'000), value = "v" + std::to_string(i);
        set(key, value);
        model[key] = value;
    }
    const std::string large(3 << 20, 'x');
    set("large", large);
    model["large"] = large;
    EXPECT_TRUE(del("key7"));
    model.erase("key7");
    reopen();
    EXPECT_EQ(get("key8"), model["key8"]);  // in RAM again
    std::map<std::string, std::string> seen;
    store_->visit_stored([&](const RecordView& record, LogAddress) {
        EXPECT_TRUE(seen.emplace(record.key, record.value).second) << record.key;
        EXPECT_FALSE(record.value_damaged);
    });
    EXPECT_EQ(seen, model);
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
