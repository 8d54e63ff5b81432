#include "engine/log_tail.h"

#include <gtest/gtest.h>

#include <vector>

namespace torc {
namespace {

constexpr Lsn kSealed = 100;

/// A segment with one entry per LSN, each 48 bytes from offset 64 on.
TailSegment segment(uint64_t id, Lsn base, const std::vector<Lsn>& lsns, Lsn mark = 0) {
    TailSegment tail;
    tail.id = id;
    tail.path = "seg" + std::to_string(id);
    tail.base_lsn = base;
    tail.previous_id = id == 1 ? 0 : id - 1;
    tail.scan.end = 64;
    tail.scan.synced_lsn = mark;
    for (const Lsn lsn : lsns) {
        format::HintEntry entry{};
        entry.lsn = lsn;
        entry.offset = static_cast<uint32_t>(tail.scan.end / 16);
        entry.size = 3;
        tail.scan.entries.push_back(entry);
        tail.scan.end += 48;
        tail.scan.highest_lsn = lsn;
    }
    if (!lsns.empty()) tail.scan.lowest_lsn = lsns.front();
    return tail;
}

void add_flaw(TailSegment& tail, SegmentFlaw::Kind kind, uint64_t offset, Lsn before, bool at_end) {
    tail.scan.flaws.push_back({kind, offset, 16, offset, before, at_end});
    tail.scan.end = std::max(tail.scan.end, offset + 16);
}

TEST(LogTail, AWholeLogIsLeftAlone) {
    for (const bool same_boot : {true, false}) {
        std::vector<TailSegment> tail{segment(1, 100, {101, 102}), segment(2, 102, {103})};
        RecoveryReport report;
        settle_tail(tail, same_boot, kSealed, report);
        EXPECT_TRUE(report.messages.empty());
        EXPECT_FALSE(tail[0].cut_at || tail[1].cut_at || tail[0].dropped || tail[1].dropped);
    }
}

TEST(LogTail, ATornEndIsCut) {
    for (const auto kind : {SegmentFlaw::Kind::gap, SegmentFlaw::Kind::cut}) {
        for (const bool same_boot : {true, false}) {
            std::vector<TailSegment> tail{segment(1, 100, {101, 102})};
            add_flaw(tail[0], kind, 160, 102, true);
            RecoveryReport report;
            settle_tail(tail, same_boot, kSealed, report);
            EXPECT_EQ(tail[0].cut_at, 160u);
            EXPECT_EQ(report.truncated_bytes, 16u);
            EXPECT_EQ(report.unreadable_ranges + report.damaged_records, 0u);
            EXPECT_EQ(tail[0].scan.entries.size(), 2u);
        }
    }
}

TEST(LogTail, ADamagedValueAtTheEndWasWholeOnceUnderTheSameBoot) {
    for (const bool same_boot : {true, false}) {
        std::vector<TailSegment> tail{segment(1, 100, {101, 102})};
        add_flaw(tail[0], SegmentFlaw::Kind::damaged, 112, 101, true);
        RecoveryReport report;
        settle_tail(tail, same_boot, kSealed, report);
        EXPECT_EQ(report.damaged_records, same_boot ? 1u : 0u);
        EXPECT_EQ(tail[0].cut_at.has_value(), !same_boot);
        EXPECT_EQ(tail[0].scan.entries.size(), same_boot ? 2u : 1u);
    }
}

TEST(LogTail, BelowTheMarkEveryFlawIsDamage) {
    for (const bool same_boot : {true, false}) {
        std::vector<TailSegment> tail{segment(1, 100, {101, 103}), segment(2, 103, {104}, 103)};
        add_flaw(tail[0], SegmentFlaw::Kind::gap, 112, 101, false);
        RecoveryReport report;
        settle_tail(tail, same_boot, kSealed, report);
        EXPECT_EQ(report.unreadable_ranges, 1u);
        EXPECT_EQ(report.truncated_bytes, 0u);
        EXPECT_FALSE(tail[0].cut_at || tail[1].dropped);
        EXPECT_EQ(report.messages.size(), 1u);
    }
}

TEST(LogTail, BehindTheMarkAPowerLossTakesAllThatFollows) {
    for (const bool same_boot : {true, false}) {
        std::vector<TailSegment> tail{segment(1, 100, {101, 103}, 101), segment(2, 103, {104})};
        add_flaw(tail[0], SegmentFlaw::Kind::gap, 112, 101, false);
        RecoveryReport report;
        settle_tail(tail, same_boot, kSealed, report);
        EXPECT_EQ(tail[0].cut_at.has_value(), !same_boot);
        EXPECT_EQ(tail[1].dropped, !same_boot);
        EXPECT_EQ(report.unreadable_ranges, same_boot ? 1u : 0u);
        EXPECT_EQ(tail[0].scan.highest_lsn, same_boot ? 103u : 101u);
    }
}

// The file ends early, but at the end of a frame: only the successor's base LSN tells.
TEST(LogTail, ASegmentThatEndsEarlyIsNoticed) {
    for (const bool same_boot : {true, false}) {
        std::vector<TailSegment> tail{segment(1, 100, {101}), segment(2, 102, {103})};
        RecoveryReport report;
        settle_tail(tail, same_boot, kSealed, report);
        EXPECT_EQ(tail[1].dropped, !same_boot);
        EXPECT_EQ(report.unreadable_ranges, same_boot ? 1u : 0u);
        EXPECT_EQ(report.messages.size(), 1u);
    }
}

TEST(LogTail, AMissingSegmentIsNoticed) {
    std::vector<TailSegment> tail{segment(1, 100, {101}), segment(3, 105, {106}), segment(4, 106, {107})};
    RecoveryReport report;
    settle_tail(tail, false, kSealed, report);
    EXPECT_FALSE(tail[0].dropped);
    EXPECT_TRUE(tail[1].dropped && tail[2].dropped);
    // Its predecessor was sealed, and compaction took it: nothing is missing.
    std::vector<TailSegment> after_compaction{segment(3, kSealed, {106})};
    RecoveryReport quiet;
    settle_tail(after_compaction, false, kSealed, quiet);
    EXPECT_FALSE(after_compaction[0].dropped);
    EXPECT_TRUE(quiet.messages.empty());
}

TEST(LogTail, OnlyTheLastSegmentCanBeTornUnderTheSameBoot) {
    std::vector<TailSegment> tail{segment(1, 100, {101}), segment(2, 101, {102})};
    add_flaw(tail[0], SegmentFlaw::Kind::gap, 112, 101, true);
    RecoveryReport report;
    settle_tail(tail, true, kSealed, report);
    EXPECT_FALSE(tail[0].cut_at);
    EXPECT_EQ(report.unreadable_ranges, 1u);
}

}  // namespace
}  // namespace torc
