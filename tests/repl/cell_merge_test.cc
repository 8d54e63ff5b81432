#include <gtest/gtest.h>

#include <algorithm>

#include "repl/cell.h"
#include "tests/repl/cell_fixture.h"

namespace torc {
namespace {

using CellMerge = ThreeReplicas;

TEST_F(CellMerge, TellsWhatHappened) {
    std::string out = "untouched";
    a.set("1");
    EXPECT_EQ(merge_cells(out, a.cell, a.cell, 100), Merged::unchanged);
    EXPECT_EQ(out, "untouched");
    b.receive(a);
    const std::string old = a.cell;
    a.set("2");
    EXPECT_EQ(merge_cells(out, a.cell, old, 100), Merged::unchanged);
    EXPECT_EQ(merge_cells(out, b.cell, a.cell, 100), Merged::taken);
    EXPECT_EQ(out.substr(1), a.cell.substr(1));
    b.set("3");
    EXPECT_EQ(merge_cells(out, a.cell, b.cell, 100), Merged::joined);
    EXPECT_EQ(view_of(out).values(), (std::vector<std::string>{"3", "2"}));
}

TEST_F(CellMerge, UsualCellsOfOneActorMergeByStamp) {
    a.set("1");
    b.receive(a);
    a.expire(10);
    const std::string expiring = a.cell;
    b.receive(a);
    EXPECT_EQ(b.view().expire_at_ms(), 10);
    a.set("2");
    b.receive(a);
    EXPECT_EQ(b.get(), "2");
    EXPECT_EQ(b.view().expire_at_ms(), kNoExpiry);
    EXPECT_EQ(merged(b.cell, expiring), b.cell) << "what comes late changes nothing";
}

TEST_F(CellMerge, RacingWritesAreSiblingsWithOneWinnerEverywhere) {
    a.set("a");
    b.set("b");
    c.set("c");
    exchange(a, b);
    exchange(b, c);
    exchange(c, a);
    EXPECT_EQ(a.get(), "c");
    EXPECT_EQ(a.view().siblings(), 3u);
    EXPECT_EQ(b.view().values(), (std::vector<std::string>{"c", "b", "a"}));
    b.set("all");
    EXPECT_EQ(b.view().siblings(), 1u);
    exchange(b, a);
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"all"});
}

TEST_F(CellMerge, EqualStampsRankByActorThenBirth) {
    std::string x, y;
    write_value(x, "", {1, 50}, "low", kNoExpiry);
    write_value(y, "", {2, 50}, "high", kNoExpiry);
    EXPECT_EQ(shown(merged(x, y)), "high");
    EXPECT_EQ(shown(merged(y, x)), "high");
}

TEST_F(CellMerge, History04AJoinedCellHoldsBothDotsWhateverTheirStamps) {
    b.set("first", 1);
    clock = 900;
    a.set("late clock");  // lower stamp, joined later
    b.receive(a);
    EXPECT_EQ(b.view().siblings(), 2u);
    EXPECT_EQ(b.view().newest(), 1001u);
    EXPECT_EQ(b.get(), "first");
}

TEST_F(CellMerge, History05aAWholeSiblingSetMayArriveInAnyOrder) {
    a.resolve("3", {});
    const std::string early = a.cell;
    a.resolve("5", {});
    b.cell = merged("", a.cell);
    b.cell = merged(b.cell, early);
    EXPECT_EQ(b.view().values(), (std::vector<std::string>{"5", "3"}));
    exchange(a, b);
    EXPECT_EQ(a.view().siblings(), 2u);
}

TEST_F(CellMerge, ADeleteBeatsWhatItSawAndNothingElse) {
    a.set("old");
    b.receive(a);
    b.del();
    a.set("new");
    exchange(a, b);
    EXPECT_EQ(a.get(), "new");
    a.del();
    exchange(a, b);
    EXPECT_EQ(b.get(), "(nil)");
    EXPECT_EQ(merged(b.cell, a.cell), b.cell);
}

TEST_F(CellMerge, History17APlainSetCoversEverySiblingItsCoordinatorKnows) {
    a.set("a");
    b.set("b");
    exchange(a, b);
    a.set("over both");
    exchange(a, b);
    EXPECT_EQ(b.view().values(), std::vector<std::string>{"over both"});
    c.set("unknown to a");
    exchange(a, c);
    EXPECT_EQ(a.view().siblings(), 2u);
}

// ---- counters

TEST_F(CellMerge, RacingIncrementsAddUpOnce) {
    a.set("100");
    b.receive(a);
    a.incr(1);
    b.incr(10);
    c.receive(b);
    c.incr(100);
    exchange(a, b);
    exchange(b, c);
    exchange(c, a);
    exchange(a, b);
    EXPECT_EQ(a.get(), "211");
    EXPECT_EQ(c.get(), "211");
    EXPECT_EQ(a.view().siblings(), 1u);
}

TEST_F(CellMerge, SetRacesIncr) {
    a.set("10");
    a.incr(5);
    b.receive(a);
    a.incr(1);
    b.set("50");
    exchange(a, b);
    EXPECT_EQ(a.get(), "51");
    c.receive(b);
    c.set("0");
    exchange(c, a);
    EXPECT_EQ(a.get(), "0");
}

TEST_F(CellMerge, DelRacesIncr) {
    a.set("10");
    a.incr(5);
    b.receive(a);
    a.incr(1);
    b.del();
    exchange(a, b);
    EXPECT_TRUE(a.view().exists());
    EXPECT_EQ(a.get(), "1");
}

TEST_F(CellMerge, DelOfAPlainNumberRacesIncr) {
    a.set("10");
    b.receive(a);
    a.incr(3);
    b.del();
    exchange(a, b);
    EXPECT_EQ(a.get(), "3");
}

TEST_F(CellMerge, RacingDeletesTogetherDeleteWhatEitherSaw) {
    a.incr(5);
    b.incr(3);
    a.del();
    b.del();
    exchange(a, b);
    EXPECT_EQ(a.get(), "(nil)");
    EXPECT_EQ(a.view().siblings(), 0u);
    b.incr(2);
    exchange(a, b);
    EXPECT_EQ(a.get(), "2");
}

TEST_F(CellMerge, ADeletedIncrementDoesNotComeBackOnTopOfARacingSet) {
    a.incr(5);
    a.del();
    b.set("100");
    exchange(a, b);
    EXPECT_EQ(a.get(), "100");
}

TEST_F(CellMerge, ATextShowsWhateverRacedWithIt) {
    a.set("10");
    b.receive(a);
    a.incr();
    b.set("text");
    exchange(a, b);
    EXPECT_EQ(a.get(), "text");
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"text"});
    a.set("20");
    exchange(a, b);
    EXPECT_EQ(b.get(), "20") << "what was racing is seen now";
}

TEST_F(CellMerge, ValuesShowEachSiblingWithItsOwnIncrements) {
    a.incr(5);
    a.set("7");  // has seen the 5
    b.set("100");
    exchange(a, b);
    EXPECT_EQ(a.view().values(), (std::vector<std::string>{"105", "7"}));
}

TEST_F(CellMerge, DecimalsAddUpOnce) {
    a.set("0.5");
    b.receive(a);
    a.incr_decimal(0.1L);
    b.incr(2);
    b.incr_decimal(0.2L);
    exchange(a, b);
    exchange(a, b);
    EXPECT_EQ(a.get(), "2.8");
}

TEST_F(CellMerge, History01ACountBegunAnewDoesNotReplaceTheForgottenOne) {
    a.incr(5);
    b.receive(a);
    a.cell.clear();  // handed over and dropped
    a.incr(1);
    EXPECT_EQ(a.get(), "1");
    exchange(a, b);
    EXPECT_EQ(b.get(), "6");
}

TEST_F(CellMerge, History01AValueWrittenBeforeTheCopyWasDroppedStays) {
    a.set("x");
    b.receive(a);
    a.cell.clear();
    a.set("y");
    exchange(a, b);
    EXPECT_EQ(b.view().values(), (std::vector<std::string>{"y", "x"}));
}

// ---- expiry

TEST_F(CellMerge, History20ExpiryIsARegisterOfItsOwn) {
    a.set("v");
    b.receive(a);
    a.expire(100);
    b.expire(900);
    exchange(a, b);
    EXPECT_EQ(a.view().siblings(), 1u) << "one value, not two";
    EXPECT_EQ(a.view().expire_at_ms(), 900) << "the longer wins";
    a.expire(50);
    exchange(a, b);
    EXPECT_EQ(b.view().expire_at_ms(), 50) << "a later one covers both";
}

TEST_F(CellMerge, History20ExpiryPersistCountsAsInfinite) {
    a.set("v", 100);
    b.receive(a);
    a.expire(kNoExpiry);
    b.expire(900);
    exchange(a, b);
    EXPECT_EQ(a.view().expire_at_ms(), kNoExpiry);
}

TEST_F(CellMerge, History20ExpiryOfAnOverwrittenValueIsCovered) {
    a.set("v", 100);
    b.receive(a);
    b.expire(200);
    a.set("w", 50);
    exchange(a, b);
    EXPECT_EQ(a.get(), "w");
    EXPECT_EQ(a.view().expire_at_ms(), 200) << "they raced";
    b.set("x", 10);
    exchange(a, b);
    EXPECT_EQ(a.view().expire_at_ms(), 10);
}

TEST_F(CellMerge, History20ExpiryDoesNotUndoADelete) {
    a.set("v");
    b.receive(a);
    a.expire(100);
    b.del();
    exchange(a, b);
    EXPECT_EQ(a.get(), "(nil)");
}

// ---- the cap

TEST_F(CellMerge, TheLowestRankedGoBeyondTheCap) {
    std::vector<std::string> cells(12);
    for (ActorId actor = 0; actor < cells.size(); ++actor)
        write_value(cells[actor], "", {actor + 1, 100 + actor}, std::to_string(actor), 7000);
    std::string up, down;
    size_t dropped = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
        std::string out;
        if (merge_cells(out, up, cells[i], 5, &dropped) != Merged::unchanged) up = out;
        if (merge_cells(out, down, cells[cells.size() - 1 - i], 5) != Merged::unchanged) down = out;
    }
    EXPECT_EQ(up, down);
    EXPECT_EQ(dropped, 7u);
    EXPECT_EQ(view_of(up).values(), (std::vector<std::string>{"11", "10", "9", "8", "7"}));
    EXPECT_EQ(view_of(up).context().entries.size(), 12u) << "the dropped ones stay covered";
    // For whoever still has them, too.
    EXPECT_EQ(view_of(merged(cells[0], up)).siblings(), 5u);
}

TEST_F(CellMerge, AtACapOfOneTheWinnerStays) {
    a.set("a");
    b.set("b");
    EXPECT_EQ(view_of(merged(a.cell, b.cell, 1)).values(), std::vector<std::string>{"b"});
    EXPECT_EQ(view_of(merged(b.cell, a.cell, 0)).values(), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace torc
