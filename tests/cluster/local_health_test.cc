#include "cluster/local_health.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(LocalHealth, StretchesTimesByItsScore) {
    LocalHealth health;
    EXPECT_EQ(health.stretched(100), 100);
    health.worse();
    health.worse();
    EXPECT_EQ(health.score(), 2u);
    EXPECT_EQ(health.stretched(100), 300);
    health.better();
    EXPECT_EQ(health.stretched(100), 200);
}

TEST(LocalHealth, StaysWithinItsBounds) {
    LocalHealth health;
    health.better();
    EXPECT_EQ(health.score(), 0u);
    for (int i = 0; i < 100; ++i) health.worse();
    EXPECT_EQ(health.score(), LocalHealth::kWorst);
    for (int i = 0; i < 100; ++i) health.better();
    EXPECT_EQ(health.score(), 0u);
}

}  // namespace
}  // namespace torc
