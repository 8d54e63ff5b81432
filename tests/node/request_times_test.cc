#include "node/request_times.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(RequestTimes, SumsWorkersByLevelAndKind) {
    RequestTimes first, second;
    for (int i = 0; i < 99; ++i) first.count(false, Consistency::quorum, 1'000'000);
    second.count(false, Consistency::quorum, 80'000'000);
    second.count(true, Consistency::quorum, 5'000);
    const auto each = [&](auto visit) {
        visit(first);
        visit(second);
    };
    const LevelUse reads = RequestTimes::sum(each, false, Consistency::quorum);
    EXPECT_EQ(reads.calls, 100u);
    EXPECT_NEAR(static_cast<double>(reads.p50_us), 1000, 10);
    EXPECT_NEAR(static_cast<double>(reads.p99_us), 1000, 10);
    EXPECT_EQ(reads.max_us, 80'000u);
    EXPECT_EQ(RequestTimes::sum(each, true, Consistency::quorum).calls, 1u);
    EXPECT_EQ(RequestTimes::sum(each, true, Consistency::all).calls, 0u);
}

TEST(RequestTimes, NothingIsAboveTheLongest) {
    RequestTimes times;
    times.count(false, Consistency::one, 123'456'789);
    const LevelUse use = RequestTimes::sum([&](auto visit) { visit(times); }, false, Consistency::one);
    EXPECT_EQ(use.p50_us, use.max_us);
    times.count(false, Consistency::all, -5);  // a clock that goes back
    EXPECT_EQ(RequestTimes::sum([&](auto visit) { visit(times); }, false, Consistency::all).max_us, 0u);
}

}  // namespace
}  // namespace torc
