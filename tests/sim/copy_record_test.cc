#include "sim/copy_record.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

Cell cell_with(std::initializer_list<Dot> context) {
    Cell cell;
    cell.context.assign(context.begin(), context.end());
    return cell;
}

TEST(CopyRecord, CoversWhatItSawAndLoggedWhatTheLogHas) {
    CopyRecord copy;
    copy.found("one", cell_with({{1, 10, 10}}), 5);
    copy.found("two", cell_with({{1, 10, 20}}), 7);
    EXPECT_TRUE(copy.ever_covered({1, 10, 20}));
    EXPECT_FALSE(copy.ever_logged({1, 10, 10}));
    copy.logged(6);
    EXPECT_TRUE(copy.ever_logged({1, 10, 10}));
    EXPECT_FALSE(copy.ever_logged({1, 10, 20}));
    copy.logged(7);
    EXPECT_TRUE(copy.ever_logged({1, 10, 20}));
    EXPECT_FALSE(copy.ever_covered({1, 11, 20}));
}

TEST(CopyRecord, AStartForgetsWhatWasNotLoggedButNotWhatWas) {
    CopyRecord copy;
    copy.found("one", cell_with({{1, 10, 10}}), 5);
    copy.logged(5);
    copy.found("two", cell_with({{1, 10, 20}}), 7);
    copy.begin();
    copy.logged(9);
    EXPECT_TRUE(copy.ever_logged({1, 10, 10}));
    EXPECT_FALSE(copy.ever_logged({1, 10, 20}));
}

TEST(CopyRecord, SaysOnceThatACopyIsGoneAndSinceWhichStamp) {
    CopyRecord copy;
    EXPECT_TRUE(copy.changed(0));
    EXPECT_EQ(copy.missing(3, 1), CopyRecord::Gone::no);
    EXPECT_FALSE(copy.changed(1));
    copy.found("one", cell_with({{1, 10, 10}}), 2);
    EXPECT_TRUE(copy.is("one"));
    EXPECT_EQ(copy.missing(12, 3), CopyRecord::Gone::from_memory);
    EXPECT_FALSE(copy.is("one"));
    EXPECT_EQ(copy.missing(13, 4), CopyRecord::Gone::no);
    EXPECT_EQ(copy.absent_at(), 13u);
    copy.hidden();
    EXPECT_EQ(copy.missing(14, 6), CopyRecord::Gone::from_disk);
}

}  // namespace
}  // namespace torc
