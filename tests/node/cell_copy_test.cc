#include "node/cell_copy.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

class Copies : public ClusterFixture {
  protected:
    void begin(int cold_keys = 0) {
        start_cluster({}, {}, 1);
        copy_ = std::make_unique<CellCopy>(workers[0]->core(), core());
        Connection& client = connect();
        if (cold_keys == 0) return;
        const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
        ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
        for (int i = 0; i < cold_keys; ++i)
            client("SET {t}" + std::to_string(i) + " " + std::string(1000, 'v'));
        for (int i = 0; i < cold_keys && cold_.empty(); ++i)
            if (state("{t}" + std::to_string(i)) == Lookup::State::cold) cold_ = "{t}" + std::to_string(i);
        ASSERT_NE(cold_, "");
    }
    void TearDown() override { copy_ = nullptr; }
    Lookup::State state(std::string_view key) {
        Store& store = *node->core().store;
        return store.lookup(0, make_key_ref(key, store.hash_seed())).state;
    }
    /// On the worker's thread, in a turn.
    template <class Do>
    auto turn_with(Do what) {
        workers[0]->begin_turn();
        const auto result = what();
        workers[0]->end_turn();
        return result;
    }
    ExchangeCopy::Read read(std::string_view key, std::string& cell) {
        return turn_with([&] { return copy_->read(key, cell); });
    }
    bool merge(std::string_view key, std::string_view cell) {
        return turn_with([&] { return copy_->merge(key, cell); });
    }
    bool walk(SlotId slot, std::map<std::string, std::string>& found) {
        return turn_with([&] {
            found.clear();
            return copy_->walk(
                slot, [&](std::string_view key, std::string_view cell) { found.emplace(key, cell); });
        });
    }

    std::unique_ptr<CellCopy> copy_;
    std::string cold_;
};

TEST_F(Copies, ReadsAndJoinsWhatIsInMemory) {
    begin();
    std::string cell;
    EXPECT_EQ(read("k", cell), ExchangeCopy::Read::absent);
    const std::string theirs = cell_of("v", 99, stamp_now());
    EXPECT_TRUE(merge("k", theirs));
    EXPECT_TRUE(merge("k", theirs));
    EXPECT_EQ(read("k", cell), ExchangeCopy::Read::found);
    std::string sent;
    append_replicated(sent, theirs);
    EXPECT_EQ(cell, sent);
    EXPECT_TRUE(merge("k", "nonsense"));  // dropped
    EXPECT_TRUE(merge("x", cell_of("v", 99, stamp_now(2ll * 24 * 3600 * 1000))));
    EXPECT_EQ(read("x", cell), ExchangeCopy::Read::absent);
    std::vector<KeyDigest> keys;
    EXPECT_TRUE(copy_->list(key_slot("k"), leaf_of_key("k"), keys));
    EXPECT_EQ(keys, (std::vector<KeyDigest>{{"k", CellView::parse(theirs)->digest()}}));
    EXPECT_TRUE(copy_->list(key_slot("k"), (leaf_of_key("k") + 1) % kLeavesPerSlot, keys));
    EXPECT_TRUE(keys.empty());
    expect_recount(*node->core().store, core());
}

TEST_F(Copies, ALockedShardIsForLater) {
    begin();
    ShardLock& lock = node->core().store->shard_lock(shard_of_key("k"));
    ASSERT_TRUE(lock.try_lock());
    std::string cell;
    std::map<std::string, std::string> found;
    const std::string theirs = cell_of("v", 99, stamp_now());
    EXPECT_EQ(read("k", cell), ExchangeCopy::Read::later);
    EXPECT_FALSE(merge("k", theirs));
    EXPECT_FALSE(walk(key_slot("k"), found));
    EXPECT_FALSE(copy_->merge("{k}2", theirs));
    lock.unlock();
    EXPECT_TRUE(merge("k", theirs));
    EXPECT_TRUE(walk(key_slot("k"), found));
    EXPECT_EQ(found.size(), 1u);
}

TEST_F(Copies, KeysOnDiskAreReadByTheNextCall) {
    begin(200);
    std::string cell;
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);  // still being read
    run_blocking(0);
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::found);
    EXPECT_EQ(state(cold_), Lookup::State::cold);
    std::map<std::string, std::string> found;
    int tries = 0;
    for (; !walk(key_slot("{t}"), found); ++tries) run_blocking(0);
    EXPECT_EQ(tries, 1);
    EXPECT_EQ(found.size(), 200u);
    const std::string theirs = cell_of("theirs", 99, stamp_now(100));
    EXPECT_TRUE(merge(cold_, theirs));
    EXPECT_EQ(state(cold_), Lookup::State::resident);
    expect_recount(*node->core().store, core());
}

// One slot after the other, each would cost a tick of all who walk.
TEST_F(Copies, WhatIsWantedWhileTheDiskIsBeingReadIsReadNext) {
    begin(200);
    Connection& client = connect();
    for (int i = 0; i < 100; ++i) client("SET {u}" + std::to_string(i) + " " + std::string(1000, 'v'));
    std::map<std::string, std::string> found;
    EXPECT_FALSE(walk(key_slot("{t}"), found));
    EXPECT_FALSE(walk(key_slot("{u}"), found));
    run_blocking(0);
    EXPECT_TRUE(walk(key_slot("{t}"), found));
    EXPECT_EQ(found.size(), 200u);
    run_blocking(0);
    EXPECT_TRUE(walk(key_slot("{u}"), found));
    EXPECT_EQ(found.size(), 100u);
}

// Who was told "later" comes back after a tick or three; the ticks between may not undo what was read for
// him.
TEST_F(Copies, WhatWasReadIsThereForWhoComesBackAndNotForEver) {
    begin(100);
    std::string cell;
    int64_t now_ms = 100'000;
    const auto tick = [&](int64_t ms) { copy_->age_cold(now_ms += ms); };
    tick(0);
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);
    run_blocking(0);
    for (int i = 0; i < 5; ++i) tick(100);
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::found);
    for (int i = 0; i < 60; ++i) {
        tick(100);
        EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::found);  // as long as it's asked for
    }
    for (int i = 0; i < 60; ++i) tick(100);
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);
    run_blocking(0);
}

TEST_F(Copies, AReadThatFailsIsTriedAgainAndIsNotTakenForNothing) {
    begin(100);
    std::string cell;
    disk->fail_read_at(disk->read_operations() + 1, ErrorKind::io, true);
    const std::string theirs = cell_of("theirs", 99, stamp_now(100));
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(merge(cold_, theirs));
        run_blocking(0);
        EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);
        run_blocking(0);
    }
    disk->clear_faults();
    EXPECT_FALSE(merge(cold_, theirs));
    run_blocking(0);
    EXPECT_TRUE(merge(cold_, theirs));
    expect_recount(*node->core().store, core());
    EXPECT_EQ(connect()("GET " + cold_).substr(0, 1), "$");
}

TEST_F(Copies, MayDieWhileTheDiskIsBeingRead) {
    begin(100);
    std::string cell;
    EXPECT_EQ(read(cold_, cell), ExchangeCopy::Read::later);
    copy_ = nullptr;
    run_blocking(0);
}

TEST_F(Copies, WhileTheLogFailsNothingIsJoined) {
    begin();
    disk->fail_at(disk->operations() + 1, ErrorKind::no_space, true);
    connect()("SET k v");
    ASSERT_TRUE(node->core().log_is_failing());
    const std::string theirs = cell_of("v", 99, stamp_now());
    EXPECT_FALSE(merge("k2", theirs));
    disk->clear_faults();
    node->sync_step();
    settle();
    EXPECT_TRUE(merge("k2", theirs));
}

}  // namespace
}  // namespace torc
