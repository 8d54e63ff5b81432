#include "engine/eviction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

TEST(Eviction, LruCountsSecondsAndWraps) {
    EXPECT_EQ(lru_idle_seconds(lru_access(kNow), kNow), 0u);
    EXPECT_EQ(lru_idle_seconds(lru_access(kNow), kNow + 90'000), 90u);
    // 24 bits: the clock passes zero, the difference stays right.
    const int64_t before_wrap = int64_t{0xffffff} * 1000;
    EXPECT_EQ(lru_access(before_wrap), 0xffffffu);
    EXPECT_EQ(lru_idle_seconds(lru_access(before_wrap), before_wrap + 5000), 5u);
}

TEST(Eviction, LfuDecaysByMinutes) {
    const uint32_t access = lfu_access(100, kNow);
    EXPECT_EQ(lfu_counter(access, kNow, 1), 100u);
    EXPECT_EQ(lfu_counter(access, kNow + 10 * 60'000, 1), 90u);
    EXPECT_EQ(lfu_counter(access, kNow + 10 * 60'000, 5), 98u);
    EXPECT_EQ(lfu_counter(access, kNow + 1000 * 60'000, 1), 0u);
    EXPECT_EQ(lfu_counter(access, kNow + 1000 * 60'000, 0), 100u);
}

TEST(Eviction, LfuGrowsLogarithmically) {
    Rng rng(1);
    auto after = [&](unsigned hits, unsigned factor) {
        unsigned counter = kLfuInitial;
        for (unsigned i = 0; i < hits; ++i) counter = lfu_increment(counter, factor, rng.next());
        return counter;
    };
    // The figures of redis.conf's table for factor 10: 100 hits 10, 1000 hits 18, 100000 hits 142.
    EXPECT_NEAR(after(100, 10), 10, 4);
    EXPECT_NEAR(after(1000, 10), 18, 6);
    EXPECT_NEAR(after(100000, 10), 142, 25);
    EXPECT_EQ(after(1000, 0), 255u);
    EXPECT_EQ(lfu_increment(255, 10, 0), 255u);
    EXPECT_EQ(lfu_increment(0, 10, UINT64_MAX - 1), 1u);  // below the initial value every use counts
}

TEST(EvictionPool, GivesTheBestFirst) {
    EvictionPool pool;
    Rng rng(7);
    std::vector<uint64_t> scores;
    for (uint64_t i = 0; i < 200; ++i) {
        const uint64_t score = rng.below(1000);
        scores.push_back(score);
        pool.offer({score, i, 0, 0});
    }
    std::ranges::sort(scores, std::greater());
    EXPECT_EQ(pool.size(), 16u);
    EvictionPool::Candidate candidate;
    for (int i = 0; i < 16; ++i) {
        ASSERT_TRUE(pool.take(candidate));
        EXPECT_EQ(candidate.score, scores[i]);
    }
    EXPECT_FALSE(pool.take(candidate));
}

TEST(EvictionPool, HoldsAKeyOnce) {
    EvictionPool pool;
    pool.offer({5, 42, 1, 0});
    pool.offer({9, 42, 1, 0});
    EXPECT_EQ(pool.size(), 1u);
    pool.offer({9, 42, 1, 1});  // the same key in another database is another key
    EXPECT_EQ(pool.size(), 2u);
    pool.clear();
    EXPECT_EQ(pool.size(), 0u);
}

}  // namespace
}  // namespace torc
