#include "engine/compaction_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr CompactionLimits kLimits{.segment_bytes = 100, .max_space_percent = 200};

SegmentInfo segment(uint64_t id, uint64_t bytes, uint64_t live, bool sealed = true) {
    SegmentInfo info;
    info.id = id;
    info.bytes = bytes;
    info.live_bytes = live;
    info.sealed = sealed;
    return info;
}

std::vector<uint64_t> choose(const std::vector<SegmentInfo>& segments,
                             const CompactionLimits& limits = kLimits, uint64_t pinned_id = 0,
                             uint64_t pinned = 0, uint64_t excluded = 0) {
    std::vector<uint64_t> ids;
    for (const auto& info : choose_sources(
             segments, limits, [&](uint64_t id) { return id == pinned_id ? pinned : 0; },
             [&](uint64_t id) { return id == excluded; }))
        ids.push_back(info.id);
    return ids;
}

TEST(CompactionPlan, RestsWhileSpaceIsWithinTheBound) {
    // 600 bytes of which 100 are live: exactly 2 x 100 + 4 x 100.
    std::vector<SegmentInfo> segments;
    for (uint64_t id = 1; id <= 6; ++id) segments.push_back(segment(id, 100, id == 1 ? 100 : 0));
    EXPECT_THAT(choose(segments), IsEmpty());
    segments.push_back(segment(7, 1, 0));
    EXPECT_FALSE(choose(segments).empty());
}

TEST(CompactionPlan, TakesTheDeadestUntilOneOutputIsFull) {
    std::vector<SegmentInfo> segments;
    for (uint64_t id = 1; id <= 20; ++id) segments.push_back(segment(id, 100, id <= 10 ? 40 : 50));
    segments[14].live_bytes = 10;
    segments[15].live_bytes = 0;
    segments[3].live_bytes = 90;
    EXPECT_THAT(choose(segments, {.segment_bytes = 100, .max_space_percent = 110}),
                ElementsAre(16, 15, 1, 2));
}

TEST(CompactionPlan, NeverTakesUnsealedExcludedOrFullSegments) {
    std::vector<SegmentInfo> segments;
    for (uint64_t id = 1; id <= 8; ++id) segments.push_back(segment(id, 100, 0, id > 3));
    segments[4].live_bytes = 95;
    EXPECT_THAT(choose(segments, kLimits, 0, 0, 7), ElementsAre(4, 6, 8));
}

TEST(CompactionPlan, PassesByWhatItsTombstonesPin) {
    std::vector<SegmentInfo> segments;
    for (uint64_t id = 1; id <= 8; ++id) segments.push_back(segment(id, 100, 0));
    EXPECT_THAT(choose(segments, kLimits, 2, 100), ElementsAre(1, 3, 4, 5, 6, 7, 8));
}

TEST(CompactionPlan, TakesALargeSegmentAlone) {
    const std::vector<SegmentInfo> segments{segment(1, 1000, 400), segment(2, 100, 90)};
    EXPECT_THAT(choose(segments, {.segment_bytes = 10, .max_space_percent = 150}), ElementsAre(1));
}

TEST(CompactionPlan, SomethingQualifiesWheneverTheBoundIsExceeded) {
    for (const uint64_t percent : {105, 120, 200, 400}) {
        const uint64_t live = 10'000 / percent;
        std::vector<SegmentInfo> segments;
        for (uint64_t id = 1; id <= 1000; ++id) segments.push_back(segment(id, 100, live - 1));
        EXPECT_FALSE(choose(segments, {.segment_bytes = 100, .max_space_percent = percent}).empty())
            << percent;
    }
}

TEST(CompactionPlan, AnAbsurdPercentageIsTakenAsTheLeastThatCanWork) {
    EXPECT_EQ(space_bound(1000, {.segment_bytes = 0, .max_space_percent = 0}), 1050u);
}

}  // namespace
}  // namespace torc
