#include "node/command_stats.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace torc {
namespace {

constexpr CommandSpec kSubcommands[] = {{"get", -3}, {"set", -4}};
constexpr CommandSpec kGet{"get", 2};
constexpr CommandSpec kConfig{"config", -2, 0, 0, {}, nullptr, kSubcommands};
constexpr const CommandSpec* kTable[] = {&kGet, &kConfig};

TEST(CommandStatsTest, SumsOverThreads) {
    CommandStats stats(kTable, 2);
    EXPECT_TRUE(stats.used().empty());
    stats.thread(0).called(kGet, 1000, true);
    stats.thread(1).called(kGet, 2000, true, 3);
    stats.thread(1).failed(kGet);
    stats.thread(0).rejected(kSubcommands[1]);
    const auto used = stats.used();
    ASSERT_EQ(used.size(), 2u);
    EXPECT_EQ(used[0].name, "get");
    EXPECT_EQ(used[0].calls, 4u);
    EXPECT_EQ(used[0].nanoseconds, 7000u);
    EXPECT_EQ(used[0].failed, 1u);
    EXPECT_EQ(used[0].rejected, 0u);
    EXPECT_EQ(used[1].name, "config|set");
    EXPECT_EQ(used[1].calls, 0u);
    EXPECT_EQ(used[1].rejected, 1u);
}

TEST(CommandStatsTest, LatenciesOnlyWhereTracked) {
    CommandStats stats(kTable, 2);
    stats.thread(0).called(kGet, 100, true);
    stats.thread(1).called(kGet, 100, true);
    stats.thread(1).called(kGet, 1'000'000, true, 2);
    stats.thread(0).called(kConfig, 50, false);
    const auto all = stats.latencies({});
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].name, "get");
    EXPECT_EQ(all[0].calls, 4u);
    ASSERT_EQ(all[0].buckets.size(), 2u);
    EXPECT_EQ(all[0].buckets[0].upto_ns, 100);
    EXPECT_EQ(all[0].buckets[0].count, 2u);
    EXPECT_GE(all[0].buckets[1].upto_ns, 1'000'000);
    EXPECT_LT(all[0].buckets[1].upto_ns, 1'010'000);
    EXPECT_EQ(all[0].buckets[1].count, 2u);
    EXPECT_TRUE(stats.latencies({"config"}).empty());
    EXPECT_EQ(stats.latencies({"get", "nosuch"}).size(), 1u);
}

TEST(CommandStatsTest, AResetHidesWhatWasBefore) {
    CommandStats stats(kTable, 1);
    stats.thread(0).called(kGet, 100, true);
    stats.thread(0).rejected(kGet);
    stats.reset();
    EXPECT_TRUE(stats.used().empty());
    EXPECT_TRUE(stats.latencies({}).empty());
    stats.thread(0).called(kGet, 200, true);
    ASSERT_EQ(stats.used().size(), 1u);
    EXPECT_EQ(stats.used()[0].calls, 1u);
    EXPECT_EQ(stats.used()[0].nanoseconds, 200u);
    EXPECT_EQ(stats.latencies({})[0].calls, 1u);
}

TEST(CommandStatsTest, ReadersAndResetsMayRunWhileItCounts) {
    CommandStats stats(kTable, 2);
    constexpr int kCalls = 20000;
    std::atomic<int> running{2};
    auto count = [&](unsigned thread) {
        for (int i = 0; i < kCalls; ++i) stats.thread(thread).called(kGet, 100, true);
        --running;
    };
    std::thread first(count, 0);
    std::thread second(count, 1);
    uint64_t highest = 0;
    while (running > 0)
        for (const CommandUse& use : stats.used()) {
            EXPECT_GE(use.calls, highest);
            highest = use.calls;
        }
    first.join();
    second.join();
    EXPECT_EQ(stats.used()[0].calls, 2u * kCalls);
    EXPECT_EQ(stats.latencies({})[0].calls, 2u * kCalls);
}

TEST(LatencyHistogramTest, EachValueLiesInItsBucketWithinOnePercent) {
    for (uint64_t ns = 1; ns < (1ULL << 31); ns = ns * 9 / 8 + 1) {
        const size_t bucket = LatencyHistogram::bucket_of(ns);
        ASSERT_LT(bucket, LatencyHistogram::kBuckets);
        const auto highest = static_cast<uint64_t>(LatencyHistogram::highest_in(bucket));
        EXPECT_GE(highest, ns);
        EXPECT_LE(highest - ns, ns / 100) << ns;
        EXPECT_EQ(LatencyHistogram::bucket_of(highest), bucket);
        EXPECT_EQ(LatencyHistogram::bucket_of(highest + 1), bucket + 1);
    }
    EXPECT_EQ(LatencyHistogram::bucket_of(~0ULL), LatencyHistogram::kBuckets - 1);
}

TEST(LatencyHistogramTest, BucketsAreThoseOfTwoSignificantDigits) {
    // 2^15 ns lies in a bucket of 256 ns, which clients see as 33 us.
    EXPECT_EQ(LatencyHistogram::highest_in(LatencyHistogram::bucket_of(32768)), 33023);
}

}  // namespace
}  // namespace torc
