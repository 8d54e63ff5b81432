#include "server/output_limit.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(OutputLimit, ZeroMeansNoLimit) {
    OutputLimitWatch watch;
    EXPECT_FALSE(watch.exceeded(1ull << 40, {}, 0));
}

TEST(OutputLimit, TheHardLimitIsReachedAtItsVeryNumber) {
    OutputLimitWatch watch;
    EXPECT_FALSE(watch.exceeded(99, {.hard_bytes = 100}, 0));
    EXPECT_TRUE(watch.exceeded(100, {.hard_bytes = 100}, 0));
}

TEST(OutputLimit, TheSoftLimitNeedsMoreThanItsSeconds) {
    OutputLimitWatch watch;
    const OutputLimitWatch::Limits limits{.soft_bytes = 100, .soft_seconds = 10};
    EXPECT_FALSE(watch.exceeded(100, limits, 5'000));
    EXPECT_FALSE(watch.exceeded(500, limits, 15'000));
    EXPECT_TRUE(watch.exceeded(100, limits, 15'001));
}

TEST(OutputLimit, DippingBelowTheSoftLimitStartsItsClockAnew) {
    OutputLimitWatch watch;
    const OutputLimitWatch::Limits limits{.soft_bytes = 100, .soft_seconds = 10};
    EXPECT_FALSE(watch.exceeded(100, limits, 0));
    EXPECT_FALSE(watch.exceeded(99, limits, 9'000));
    EXPECT_FALSE(watch.exceeded(100, limits, 9'500));
    EXPECT_FALSE(watch.exceeded(100, limits, 19'000));
    EXPECT_TRUE(watch.exceeded(100, limits, 19'501));
}

}  // namespace
}  // namespace torc
