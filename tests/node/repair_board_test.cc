#include "node/repair_board.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(RepairBoard, AReportWhenEveryShardHasEnded) {
    RepairBoard board;
    const auto number = board.open({3, 7});
    ASSERT_TRUE(number);
    EXPECT_FALSE(board.report(*number));
    board.ended(*number, {7, 0x77, true}, 2, 1);
    EXPECT_FALSE(board.report(*number));
    board.ended(*number, {9, 0x99, true}, 100, 100);  // none of its shards
    board.ended(*number, {3, 0x33, false}, 1, 0);
    const auto report = board.report(*number);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->keys_sent, 3u);
    EXPECT_EQ(report->keys_received, 1u);
    ASSERT_EQ(report->shards.size(), 2u);
    EXPECT_EQ(report->shards[0].shard, 3);
    EXPECT_EQ(report->shards[0].root, 0x33u);
    EXPECT_FALSE(report->shards[0].complete);
    EXPECT_TRUE(report->shards[1].complete);
}

TEST(RepairBoard, WithoutShardsItIsOver) {
    RepairBoard board;
    const auto report = board.report(*board.open({}));
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->shards.empty());
}

TEST(RepairBoard, AnUnknownNumberIsAnEmptyReport) {
    RepairBoard board;
    ASSERT_TRUE(board.report(99));
    EXPECT_TRUE(board.report(99)->shards.empty());
    board.ended(99, {1, 1, true}, 1, 1);
}

TEST(RepairBoard, OnlySoManyAtOnceAndOldReportsGo) {
    RepairBoard board;
    std::vector<uint64_t> open;
    for (size_t i = 0; i < RepairBoard::kMostOpen; ++i) open.push_back(*board.open({1}));
    EXPECT_FALSE(board.open({1}));
    board.ended(open[0], {1, 5, true}, 0, 0);
    EXPECT_TRUE(board.open({1}));
    board.ended(open[1], {1, 5, true}, 0, 0);
    for (size_t i = 0; i < RepairBoard::kKept; ++i) EXPECT_TRUE(board.open({}));
    EXPECT_TRUE(board.report(open[0])->shards.empty()) << "kept for ever";
    EXPECT_FALSE(board.report(open[2])) << "one that goes on was forgotten";
}

}  // namespace
}  // namespace torc
