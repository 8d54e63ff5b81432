#include "server/pause_watch.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

constexpr int64_t kMs = 1'000'000;

TEST(PauseWatch, TheFirstLookIsNoPause) {
    PauseWatch watch;
    EXPECT_EQ(watch.look(1'000'000 * kMs), 0);
}

TEST(PauseWatch, SeesAGapBeyondTheLimitOnceAndSaysHowLong) {
    PauseWatch watch;
    watch.look(0);
    EXPECT_EQ(watch.look(100 * kMs), 0);
    EXPECT_EQ(watch.look(600 * kMs), 0);
    EXPECT_EQ(watch.look(1101 * kMs), 501 * kMs);
    EXPECT_EQ(watch.look(1102 * kMs), 0);
}

}  // namespace
}  // namespace torc
