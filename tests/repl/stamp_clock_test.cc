#include "repl/stamp_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

constexpr Stamp stamp_of(int64_t ms, uint16_t counter) {
    return static_cast<Stamp>(ms) << 16 | counter;
}

TEST(StampClock, FollowsTheClockAndCountsWithinAMillisecond) {
    StampClock clock;
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow, 0));
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow, 1));
    EXPECT_EQ(clock.next(kNow + 5), stamp_of(kNow + 5, 0));
    EXPECT_EQ(clock.last(), stamp_of(kNow + 5, 0));
}

TEST(StampClock, NeverGoesBack) {
    StampClock clock;
    const Stamp first = clock.next(kNow);
    EXPECT_EQ(clock.next(kNow - 3'600'000), first + 1) << "an hour back";
    EXPECT_EQ(clock.next(-1), first + 2);
    EXPECT_EQ(clock.next(INT64_MIN), first + 3);
}

TEST(StampClock, GoesOnAboveTheLastRun) {
    StampClock clock(stamp_of(kNow + 100, 7));
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow + 100, 8));
}

TEST(StampClock, AFullCounterAdvancesTheMillisecond) {
    StampClock clock(stamp_of(kNow, 0xfffe));
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow, 0xffff));
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow + 1, 0));
    EXPECT_EQ(clock.next(kNow + 1), stamp_of(kNow + 1, 1)) << "the clock catches up";
}

TEST(StampClock, IsAboveWhatItObserved) {
    StampClock clock;
    clock.observe(stamp_of(kNow + 200, 9), kNow + StampClock::kObserveAheadMs);
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow + 200, 10));
    clock.observe(stamp_of(kNow, 3), kNow + StampClock::kObserveAheadMs);
    EXPECT_EQ(clock.next(kNow), stamp_of(kNow + 200, 11)) << "older stamps change nothing";
}

// CORRECTNESS 14: a node whose clock jumped an hour ahead must not drag the others along.
TEST(StampClock, AWildStampMovesItToTheBoundOnly) {
    StampClock clock;
    const int64_t bound = kNow + StampClock::kObserveAheadMs;
    for (const Stamp wild : {stamp_of(kNow + 3'600'000, 0), Stamp{UINT64_MAX}}) {
        clock.observe(wild, bound);
        EXPECT_LT(clock.last(), stamp_of(bound + 1, 0));
    }
    EXPECT_EQ(stamp_ms(clock.next(kNow)), bound + 1);
    EXPECT_EQ(stamp_ms(clock.next(kNow + 2000)), kNow + 2000) << "back with the clock soon after";
}

// Nothing that a clock or a peer says may leave a node without stamps.
TEST(StampClock, TheEndOfTheScaleIsOutOfReach) {
    StampClock clock;
    clock.observe(UINT64_MAX, INT64_MAX);
    Stamp last = clock.next(INT64_MAX);
    for (int i = 0; i < 200'000; ++i) {
        const Stamp issued = clock.next(INT64_MAX);
        ASSERT_EQ(issued, last + 1);
        last = issued;
    }
    clock.observe(stamp_of(kNow, 0), INT64_MIN);
    EXPECT_EQ(clock.next(kNow), last + 1);
}

TEST(StampClock, RefusesMoreThanADayAhead) {
    constexpr int64_t kDay = 24 * 3600 * 1000;
    EXPECT_TRUE(StampClock::acceptable(0, kNow));
    EXPECT_TRUE(StampClock::acceptable(stamp_of(kNow, 0), kNow));
    EXPECT_TRUE(StampClock::acceptable(stamp_of(kNow + kDay, 0xffff), kNow));
    EXPECT_FALSE(StampClock::acceptable(stamp_of(kNow + kDay + 1, 0), kNow));
    EXPECT_FALSE(StampClock::acceptable(UINT64_MAX, kNow));
    EXPECT_FALSE(StampClock::acceptable(stamp_of(kNow, 0), -5)) << "a clock before 1970";
    EXPECT_FALSE(StampClock::acceptable(UINT64_MAX, INT64_MAX)) << "above it there'd be no stamp";
}

TEST(StampClock, RandomClocksAndPeersNeverMakeItRepeatOrRunAway) {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Rng rng(seed);
        StampClock clock;
        Stamp last = 0;
        int64_t highest_bound = 0;
        for (int i = 0; i < 2'000; ++i) {
            const int64_t now = kNow + i + static_cast<int64_t>(rng.below(2000)) - 1000;
            const int64_t bound = now + StampClock::kObserveAheadMs;
            highest_bound = std::max(highest_bound, bound);
            if (rng.one_in(2)) clock.observe(rng.next() >> rng.below(40), bound);
            const Stamp issued = clock.next(now);
            ASSERT_GT(issued, last) << "seed " << seed;
            ASSERT_LE(stamp_ms(issued), highest_bound + 1) << "seed " << seed;
            last = issued;
        }
    }
}

TEST(StampClock, ThreadsNeverShareAStamp) {
    constexpr int kThreads = 4, kEach = 50'000;
    StampClock clock;
    std::vector<std::vector<Stamp>> issued(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                clock.observe(stamp_of(kNow + i / 100, static_cast<uint16_t>(t)), kNow + i / 200);
                issued[t].push_back(clock.next(kNow + i / 300));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Stamp> all;
    for (const auto& of_thread : issued) {
        EXPECT_TRUE(std::is_sorted(of_thread.begin(), of_thread.end()));
        all.insert(all.end(), of_thread.begin(), of_thread.end());
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

}  // namespace
}  // namespace torc
