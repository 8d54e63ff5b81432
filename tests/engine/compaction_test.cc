#include "engine/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/rng.h"
#include "mini_store.h"

namespace torc {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr CompactionLimits kDefault{.segment_bytes = MiniStore::kSegmentBytes, .max_space_percent = 200};

struct CompactionTest : ::testing::Test {
    CompactionTest() { reopen(); }

    void reopen() {
        const auto report = store.open();
        ASSERT_TRUE(report) << report.error().message;
    }
    void seal() {
        const auto sealed = store.seal();
        ASSERT_TRUE(sealed) << sealed.error().message;
    }
    void compact(const CompactionLimits& limits = kCompactAll) {
        const auto done = store.compact(limits);
        ASSERT_TRUE(done) << done.error().message;
    }
    /// How many records of any kind the segments hold.
    uint64_t entries() {
        uint64_t count = 0;
        for (const auto& info : store.set().list()) {
            if (info.sealed) count += (*SegmentSetWriter::of(store.set()).hints(info.id))->summary().entries;
        }
        return count;
    }

    /// Without the usual slack: small tests have little garbage.
    static constexpr CompactionLimits kCompactAll{
        .segment_bytes = MiniStore::kSegmentBytes, .max_space_percent = 100, .slack_segments = 0};
    /// Leaves segments alone that are nearly all live.
    static constexpr CompactionLimits kPicky{
        .segment_bytes = MiniStore::kSegmentBytes, .max_space_percent = 130, .slack_segments = 0};

    SimDisk disk{3};
    SimClock clock;
    MiniStore store{disk, clock};
};

TEST_F(CompactionTest, RestsWithoutGarbage) {
    for (int i = 0; i < 200; ++i) store.put("key" + std::to_string(i), "value");
    seal();
    const auto step = store.compaction().step(kDefault);
    ASSERT_TRUE(step);
    EXPECT_TRUE(step->idle);
    EXPECT_EQ(store.compaction().stats().jobs, 0u);
}

TEST_F(CompactionTest, KeepsSpaceWithinTheBoundAndEveryValue) {
    Rng rng(1);
    std::map<std::string, std::string> model;
    for (int i = 0; i < 5000; ++i) {
        const std::string key = "key" + std::to_string(rng.below(300));
        if (rng.one_in(4)) {
            store.erase(key);
            model.erase("0/" + key);
        } else {
            const std::string value = std::to_string(i) + std::string(rng.below(100), '.');
            store.put(key, value);
            model["0/" + key] = value;
        }
        if (i % 100 != 0) continue;
        seal();
        compact(kDefault);
        ASSERT_LE(store.set().total_bytes(), space_bound(store.set().live_bytes(), kDefault));
    }
    seal();
    EXPECT_EQ(store.contents(), model);
    EXPECT_GT(store.compaction().stats().bytes_freed, 0u);
    reopen();
    EXPECT_EQ(store.contents(), model);
}

TEST_F(CompactionTest, ReclaimsEverythingWhenAllIsDeleted) {
    for (int i = 0; i < 500; ++i) store.put("key" + std::to_string(i), std::string(50, 'x'));
    for (int i = 0; i < 500; ++i) store.erase("key" + std::to_string(i));
    seal();
    compact(kDefault);
    EXPECT_LE(store.set().total_bytes(), space_bound(0, kDefault));
    reopen();
    EXPECT_TRUE(store.contents().empty());
}

TEST_F(CompactionTest, ARecordReplacedMeanwhileStaysDeadInTheOutput) {
    for (int i = 0; i < 20; ++i) store.put("key" + std::to_string(i), "old");
    for (int i = 0; i < 10; ++i) store.put("key" + std::to_string(i), "dead");
    seal();
    // Between any two steps somebody writes.
    for (int i = 0; i < 200; ++i) {
        const auto step = store.compaction().step(kCompactAll);
        ASSERT_TRUE(step) << step.error().message;
        if (i < 20) {
            store.put("key" + std::to_string(i), "new");
            if (i % 3 == 0) store.erase("key" + std::to_string(i));
        }
        clock.advance_ms(1000);
    }
    seal();
    const auto before = store.contents();
    EXPECT_EQ(before.size(), 13u);
    EXPECT_TRUE(std::ranges::all_of(before, [](const auto& pair) { return pair.second == "new"; }));
    reopen();
    EXPECT_EQ(store.contents(), before);
}

// CORRECTNESS 4: a copy keeps its LSN, so a newer place never makes an older record win.
TEST_F(CompactionTest, RecoveryGoesByLsnWhereverCompactionPutTheRecord) {
    store.put("a", "1");
    store.put("garbage", std::string(200, 'x'));
    seal();
    store.put("garbage", "-");
    store.put("b", "1");
    seal();
    // "a" now moves into the newest segment of all, dead as soon as it's there.
    for (;;) {
        const auto step = store.compaction().step(kCompactAll);
        ASSERT_TRUE(step);
        if (store.compaction().stats().bytes_copied > 0) break;
    }
    store.put("a", "2");
    seal();
    compact();
    EXPECT_THAT(store.contents(),
                UnorderedElementsAre(Pair("0/a", "2"), Pair("0/b", "1"), Pair("0/garbage", "-")));
    reopen();
    EXPECT_THAT(store.contents(),
                UnorderedElementsAre(Pair("0/a", "2"), Pair("0/b", "1"), Pair("0/garbage", "-")));
}

// CORRECTNESS 9: v1 lies in a segment that's too live to be compacted; the segment of its tombstone isn't.
TEST_F(CompactionTest, ATombstoneStaysWhileSomethingOlderIsLeft) {
    store.put("k", "v1");
    for (int i = 0; i < 50; ++i) store.put("live" + std::to_string(i), "x");
    seal();
    store.erase("k");
    store.put("garbage", std::string(3000, 'x'));
    store.put("garbage", "-");
    seal();
    compact(kPicky);
    EXPECT_GT(store.compaction().stats().bytes_freed, 0u);
    reopen();
    EXPECT_FALSE(store.contents().contains("0/k"));
    EXPECT_EQ(store.contents().size(), 51u);
}

TEST_F(CompactionTest, ATombstoneGoesWithTheLastThatItHides) {
    store.put("k", "v1");
    seal();
    store.erase("k");
    seal();
    EXPECT_EQ(entries(), 2u);
    compact();
    EXPECT_EQ(entries(), 0u);
    reopen();
    EXPECT_TRUE(store.contents().empty());
}

// CORRECTNESS 9: the expired v2 leaves a tombstone (its LSN is above v1's), v2 itself may go.
TEST_F(CompactionTest, AnExpiredRecordDoesNotUncoverTheOneBefore) {
    store.put("k", "v1 without an expiry");
    for (int i = 0; i < 50; ++i) store.put("live" + std::to_string(i), "x");
    seal();
    store.put("k", "v2 that expires" + std::string(500, '.'));
    seal();
    store.erase("k");  // what Store logs when the time has passed
    seal();
    compact(kPicky);
    reopen();
    EXPECT_FALSE(store.contents().contains("0/k"));
}

TEST_F(CompactionTest, AFlushRecordStaysWhileSomethingOlderIsLeft) {
    store.put("k", "v1", 3);
    for (int i = 0; i < 50; ++i) store.put("live" + std::to_string(i), "x");
    seal();
    store.flush_db(3);
    store.put("garbage", std::string(3000, 'x'));
    store.put("garbage", "-");
    seal();
    compact(kPicky);
    reopen();
    EXPECT_FALSE(store.contents().contains("3/k"));
    EXPECT_EQ(store.contents().size(), 51u);
}

// CORRECTNESS 11.
TEST_F(CompactionTest, ADamagedNewestRecordStaysDamagedAndHidesTheOlderOne) {
    store.put("k", "v1");
    for (int i = 0; i < 50; ++i) store.put("live" + std::to_string(i), "x");
    seal();
    store.put("garbage", std::string(3000, 'x'));
    store.put("k", "v2, the newest");
    store.put("garbage", "-");
    seal();
    const auto path = store.path_holding("v2, the newest");
    const std::string bytes = read_file(disk, path).value();
    disk.flip_bit(path, bytes.find("v2, the newest"), 0);
    compact(kPicky);
    EXPECT_EQ(store.compaction().stats().damaged_records, 1u);
    EXPECT_GT(store.compaction().stats().bytes_freed, 0u);
    for (int round = 0; round < 2; ++round) {
        const auto now = store.contents();
        EXPECT_FALSE(now.contains("0/k"));
        EXPECT_EQ(std::ranges::count_if(now, [](const auto& p) { return p.second == MiniStore::kDamaged; }),
                  1);
        EXPECT_EQ(now.size(), 52u);
        reopen();
    }
}

TEST_F(CompactionTest, ASegmentWithAnUnreadableLiveHeaderIsLeftAlone) {
    store.put("k", "v1");
    store.put("garbage", std::string(3000, 'x'));
    seal();
    store.put("garbage", "-");
    seal();
    const auto path = store.path_holding("kv1");
    const std::string bytes = read_file(disk, path).value();
    disk.flip_bit(path, bytes.find("kv1") - 20, 0);
    const auto done = store.compact(kCompactAll);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(done.error().message, HasSubstr(path));
    compact();
    EXPECT_TRUE(disk.exists(path));
    EXPECT_EQ(store.contents().at("0/garbage"), "-");
}

// What is dead because of a record that the medium doesn't hold yet must not go before that record is safe.
TEST_F(CompactionTest, AnUnsyncedOverwriteDoesNotCostTheSyncedValue) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        SimDisk fresh(seed);
        MiniStore one(fresh, clock);
        ASSERT_TRUE(one.open());
        one.put("k", "v1");
        one.put("garbage", std::string(3000, 'x'));
        one.put("garbage", "-");
        ASSERT_TRUE(one.seal());
        one.put("k", "v2, never synced by anybody but compaction");
        one.log().flush();
        for (int steps = 0; steps < 20; ++steps) (void)one.compaction().step(kCompactAll);
        fresh.power_loss(seed);
        ASSERT_TRUE(one.open());
        EXPECT_TRUE(one.contents().contains("0/k"));
        EXPECT_TRUE(one.contents().at("0/k").starts_with("v"));
    }
}

TEST_F(CompactionTest, AFullDiskGivesTheJobUpWithoutHarm) {
    for (int i = 0; i < 100; ++i) store.put("key" + std::to_string(i), std::string(50, 'x'));
    for (int i = 0; i < 90; ++i) store.put("key" + std::to_string(i), "new");
    seal();
    const auto before = store.contents();
    const auto files_before = disk.list("data").value();
    disk.set_capacity(disk.used_bytes() + 10);
    EXPECT_EQ(store.compact(kCompactAll).error().kind, ErrorKind::no_space);
    EXPECT_EQ(store.compaction().stats().failed_jobs, 1u);
    EXPECT_EQ(disk.list("data").value(), files_before);
    EXPECT_EQ(store.contents(), before);
    disk.clear_faults();
    compact();
    EXPECT_GT(store.compaction().stats().bytes_freed, 0u);
    EXPECT_EQ(store.contents(), before);
    reopen();
    EXPECT_EQ(store.contents(), before);
}

TEST_F(CompactionTest, TheRateLimitIsKept) {
    for (int i = 0; i < 100; ++i) store.put("key" + std::to_string(i % 50), std::string(500, 'x'));
    seal();
    CompactionLimits slow = kCompactAll;
    slow.bytes_per_second = 1000;
    const int64_t start = clock.monotonic_ns();
    for (;;) {
        const auto step = store.compaction().step(slow);
        ASSERT_TRUE(step);
        if (step->idle) break;
        clock.advance_us(std::max<int64_t>(step->wait_us, 1));
    }
    const auto moved = static_cast<int64_t>(store.compaction().stats().bytes_copied);
    EXPECT_GT(moved, 2000);
    EXPECT_GE(clock.monotonic_ns() - start, moved * 1'000'000);
}

TEST_F(CompactionTest, RecordsLargerThanASegmentMoveToo) {
    store.put("large", std::string(3 * MiniStore::kSegmentBytes, 'L'));
    store.put("small", "s");
    store.put("garbage", std::string(3 * MiniStore::kSegmentBytes, 'G'));
    store.put_all({{"garbage", "-"}, {"a", "1"}, {"b", std::string(3 * MiniStore::kSegmentBytes, 'B')}});
    store.put("b", "-");
    seal();
    const auto before = store.contents();
    compact();
    EXPECT_EQ(store.contents(), before);
    reopen();
    EXPECT_EQ(store.contents(), before);
}

/// A store with live, dead and deleted records in several segments, on a disk of its own.
struct Scene {
    explicit Scene(uint64_t seed) : disk(seed), store(disk, clock) {
        EXPECT_TRUE(store.open());
        for (int i = 0; i < 60; ++i) store.put("key" + std::to_string(i), "first" + std::string(40, '.'));
        EXPECT_TRUE(store.seal());
        for (int i = 0; i < 40; ++i) store.put("key" + std::to_string(i), "second");
        for (int i = 20; i < 30; ++i) store.erase("key" + std::to_string(i));
        EXPECT_TRUE(store.seal());
        before = store.contents();
        start = disk.operations();
    }
    SimDisk disk;
    SimClock clock;
    MiniStore store;
    MiniStore::Contents before;
    uint64_t start = 0;
};

TEST(CompactionFaults, AnyFailingOperationLeavesEveryValueInPlace) {
    for (const ErrorKind kind : {ErrorKind::io, ErrorKind::no_space}) {
        for (uint64_t n = 1;; ++n) {
            Scene scene(n);
            scene.disk.fail_at(scene.start + n, kind, false);
            const bool failed = !scene.store.compact(CompactionTest::kCompactAll);
            ASSERT_EQ(scene.store.contents(), scene.before) << "operation " << n;
            // It recovers by itself, and nothing is lost at a restart either.
            (void)scene.store.compact(CompactionTest::kCompactAll);
            ASSERT_EQ(scene.store.contents(), scene.before) << "operation " << n;
            scene.disk.crash();
            ASSERT_TRUE(scene.store.open());
            ASSERT_EQ(scene.store.contents(), scene.before) << "operation " << n;
            if (!failed && scene.disk.operations() < scene.start + n) break;
            ASSERT_LT(n, 500u);
        }
    }
}

TEST(CompactionFaults, DyingAtAnyOperationLosesNothingAndRevivesNothing) {
    for (const bool power : {false, true}) {
        for (uint64_t n = 1;; ++n) {
            Scene scene(n);
            scene.disk.stop_at(scene.start + n);
            (void)scene.store.compact(CompactionTest::kCompactAll);
            const bool reached = scene.disk.stopped();
            if (power)
                scene.disk.power_loss(n);
            else
                scene.disk.crash();
            const auto report = scene.store.open();
            ASSERT_TRUE(report) << report.error().message;
            ASSERT_EQ(scene.store.contents(), scene.before) << (power ? "power, " : "crash, ") << n;
            // And once more from there.
            ASSERT_TRUE(scene.store.compact(CompactionTest::kCompactAll));
            ASSERT_TRUE(scene.store.open());
            ASSERT_EQ(scene.store.contents(), scene.before) << (power ? "power, " : "crash, ") << n;
            if (!reached) break;
            ASSERT_LT(n, 500u);
        }
    }
}

}  // namespace
}  // namespace torc
