#include "node/hedging.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

constexpr int64_t kMs = 1'000'000;

void answer(Hedging& hedging, int times, int64_t ms) {
    for (int i = 0; i < times; ++i) hedging.answered(ms * kMs);
}

TEST(Hedging, UntilEnoughAnswersCameItsAConstant) {
    Hedging hedging;
    answer(hedging, Hedging::kEnough - 1, 100);
    hedging.on_tick(0);
    EXPECT_EQ(hedging.after_ms(), Hedging::kUnknownMs);
    answer(hedging, 1, 100);
    hedging.on_tick(0);
    EXPECT_GE(hedging.after_ms(), 100);
}

TEST(Hedging, ItIsWhatAllButOneInAHundredTook) {
    Hedging hedging;
    answer(hedging, 990, 1);
    answer(hedging, 10, 200);
    hedging.on_tick(0);
    EXPECT_EQ(hedging.after_ms(), 8);  // the floor
    answer(hedging, 1, 200);
    hedging.on_tick(0);
    EXPECT_GE(hedging.after_ms(), 200);
    EXPECT_LE(hedging.after_ms(), 209);
}

TEST(Hedging, ItHasACeiling) {
    Hedging hedging;
    answer(hedging, 1000, 60'000);
    hedging.answered(-1);
    hedging.on_tick(0);
    EXPECT_EQ(hedging.after_ms(), 268);
}

TEST(Hedging, WhatIsLongAgoIsForgotten) {
    Hedging hedging;
    int64_t now_ms = 1;
    answer(hedging, 1000, 100);
    hedging.on_tick(now_ms);
    EXPECT_GE(hedging.after_ms(), 100);
    for (int i = 0; i < 12; ++i) {
        answer(hedging, 1000, 1);
        hedging.on_tick(now_ms += Hedging::kHalfLifeMs);
    }
    EXPECT_EQ(hedging.after_ms(), 8);
    for (int i = 0; i < 12; ++i) hedging.on_tick(now_ms += Hedging::kHalfLifeMs);
    EXPECT_EQ(hedging.after_ms(), Hedging::kUnknownMs);
}

TEST(Hedging, AShareOfAllReadsAndASmallBurst) {
    Hedging hedging;
    const auto hedges = [&] {
        int64_t count = 0;
        for (; hedging.may(); ++count) hedging.spend();
        return count;
    };
    EXPECT_EQ(hedges(), Hedging::kBurst);
    for (int i = 1; i < Hedging::kReadsPerHedge; ++i) hedging.begun();
    EXPECT_FALSE(hedging.may());
    hedging.begun();
    EXPECT_EQ(hedges(), 1);
    for (int i = 0; i < 100'000; ++i) hedging.begun();
    EXPECT_EQ(hedges(), Hedging::kBurst);
}

}  // namespace
}  // namespace torc
