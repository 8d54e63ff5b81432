#include "sim/sim_clock.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(SimClock, TimeStandsStillUntilAdvanced) {
    SimClock clock(5'000'000);
    EXPECT_EQ(clock.wall_us(), 5'000'000);
    EXPECT_EQ(clock.monotonic_ns(), 0);
    clock.advance_ms(3);
    EXPECT_EQ(clock.wall_ms(), 5003);
    EXPECT_EQ(clock.monotonic_ns(), 3'000'000);
}

TEST(SimClock, AJumpOfTheWallClockDoesNotMoveMonotonicTime) {
    SimClock clock(5'000'000);
    clock.advance_ms(1);
    clock.jump_wall_us(-2'000'000);
    EXPECT_EQ(clock.wall_us(), 3'001'000);
    EXPECT_EQ(clock.monotonic_ns(), 1'000'000);
}

}  // namespace
}  // namespace torc
