#include "repl/cell.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/repl/cell_fixture.h"

namespace torc {
namespace {

using Cells = ThreeReplicas;

TEST_F(Cells, TheUsualCellIsAPrefixOf25Bytes) {
    a.set("value");
    EXPECT_EQ(a.cell.size(), 25u + 5);
    EXPECT_TRUE(a.cell.ends_with("value"));
    a.set("value", 12345);
    EXPECT_EQ(a.cell.size(), 33u + 5);
    EXPECT_EQ(a.view().expire_at_ms(), 12345);
    a.set("");
    EXPECT_EQ(a.cell.size(), 25u);
    EXPECT_EQ(a.get(), "");
    EXPECT_EQ(a.view().expire_at_ms(), kNoExpiry);
}

TEST_F(Cells, AViewOfTheUsualCell) {
    a.set("v", 77);
    const CellView view = a.view();
    EXPECT_TRUE(view.exists());
    EXPECT_EQ(view.plain_value(), "v");
    EXPECT_EQ(view.plain_value()->data(), a.cell.data() + 33) << "in place";
    EXPECT_EQ(view.siblings(), 1u);
    EXPECT_EQ(view.values(), std::vector<std::string>{"v"});
    EXPECT_EQ(view.newest(), 1001u);
    EXPECT_FALSE(view.is_counter());
    EXPECT_EQ(view.context().entries, (std::vector<Dot>{{1, 1001, 1001}}));
}

TEST_F(Cells, OverwritingKeepsOneEntry) {
    for (int i = 0; i < 5; ++i) a.set("v" + std::to_string(i));
    EXPECT_EQ(a.view().context().entries, (std::vector<Dot>{{1, 1001, 1005}}));
    b.receive(a);
    b.set("w");
    EXPECT_EQ(b.view().context().entries, (std::vector<Dot>{{1, 1001, 1005}, {2, 1006, 1006}}));
    EXPECT_EQ(b.get(), "w");
    EXPECT_EQ(b.view().siblings(), 1u);
    EXPECT_EQ(b.view().plain_value(), "w");
}

TEST_F(Cells, DeletingLeavesATombstone) {
    a.set("v", 50);
    a.del();
    const CellView view = a.view();
    EXPECT_FALSE(view.exists());
    EXPECT_FALSE(view.plain_value());
    EXPECT_EQ(view.siblings(), 0u);
    EXPECT_TRUE(view.values().empty());
    EXPECT_EQ(view.expire_at_ms(), kNoExpiry);
    EXPECT_EQ(view.newest(), 1002u);
    a.set("back");
    EXPECT_EQ(a.get(), "back");
    EXPECT_EQ(a.cell.size(), 25u + 4) << "usual again";
}

TEST_F(Cells, ExpiryOfTheUsualCellStaysCheap) {
    a.set("v");
    a.expire(500);
    EXPECT_EQ(a.cell.size(), 41u + 1);
    EXPECT_EQ(a.view().expire_at_ms(), 500);
    EXPECT_EQ(a.view().plain_value(), "v");
    EXPECT_EQ(a.view().newest(), 1002u);
    a.expire(kNoExpiry);
    EXPECT_EQ(a.cell.size(), 33u + 1);
    EXPECT_EQ(a.view().expire_at_ms(), kNoExpiry);
    b.receive(a);
    b.expire(600);
    EXPECT_EQ(b.view().expire_at_ms(), 600);
    EXPECT_EQ(b.get(), "v");
}

TEST_F(Cells, ATimeBefore1970HasPassed) {
    a.set("v", -5);
    EXPECT_EQ(a.view().expire_at_ms(), 0);
    a.expire(INT64_MIN);
    EXPECT_EQ(a.view().expire_at_ms(), 0);
    a.expire(INT64_MAX);
    EXPECT_EQ(a.view().expire_at_ms(), INT64_MAX - 1);
}

// ---- what is local

TEST_F(Cells, History01OwnWritesMayBeContinuedReceivedOnesNot) {
    a.set("1");
    std::string received;
    ASSERT_EQ(merge_cells(received, "", a.cell, 100), Merged::taken);
    std::string sent;
    append_replicated(sent, a.cell);
    EXPECT_EQ(received, sent);
    // The same actor, whose copy came from elsewhere, begins anew.
    a.cell = received;
    a.set("2");
    EXPECT_EQ(a.view().context().entries, (std::vector<Dot>{{1, 1001, 1001}, {1, 1002, 1002}}));
    // And goes on with the later one from there.
    a.set("3");
    a.incr();
    EXPECT_EQ(a.view().context().entries, (std::vector<Dot>{{1, 1001, 1001}, {1, 1002, 1004}}));
}

TEST_F(Cells, History01MergingIntoACopyKeepsItsFlag) {
    a.set("1");
    b.receive(a);
    b.set("2");
    a.receive(b);  // taken whole, and yet a's entry may be continued
    a.set("3");
    EXPECT_EQ(a.view().context().entries, (std::vector<Dot>{{1, 1001, 1003}, {2, 1002, 1002}}));
    c.receive(a);
    c.receive(b);
    c.set("4");
    c.set("5");
    EXPECT_EQ(c.view().context().entries.size(), 3u);
}

TEST_F(Cells, TheFlagIsInNeitherDigestNorCopy) {
    a.set("v");
    b.receive(a);
    EXPECT_NE(a.cell, b.cell);
    EXPECT_EQ(a.view().digest(), b.view().digest());
    a.incr();
    b.receive(a);
    EXPECT_NE(a.cell, b.cell);
    EXPECT_EQ(a.view().digest(), b.view().digest());
    std::string sent = "before";
    append_replicated(sent, a.cell);
    EXPECT_EQ(sent, "before" + b.cell);
}

TEST_F(Cells, DigestsTellCellsApart) {
    std::set<uint64_t> digests;
    size_t cells = 0;
    const auto note = [&] {
        digests.insert(a.view().digest());
        ++cells;
    };
    a.set("5");
    note();
    a.set("5");
    note();
    a.expire(100);
    note();
    a.expire(kNoExpiry);
    note();
    a.incr(0);
    note();
    a.incr_decimal(0.5);
    note();
    a.del();
    note();
    b.set("7", 9);
    a.receive(b);
    note();
    EXPECT_EQ(digests.size(), cells);
}

// ---- counters

TEST_F(Cells, ACounterFromNothing) {
    a.incr();
    EXPECT_TRUE(a.view().exists());
    EXPECT_TRUE(a.view().is_counter());
    EXPECT_FALSE(a.view().plain_value());
    EXPECT_EQ(a.get(), "1");
    a.incr(41);
    EXPECT_EQ(a.get(), "42");
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"42"});
    a.incr(-42);
    EXPECT_EQ(a.get(), "0") << "a sum of zero is a value";
}

TEST_F(Cells, ACounterOnTopOfAValue) {
    a.set("10", 99);
    a.incr(5);
    EXPECT_EQ(a.get(), "15");
    EXPECT_EQ(a.view().expire_at_ms(), 99);
    a.set("1.50");
    EXPECT_EQ(a.get(), "1.50") << "nothing unseen: as it was written";
    EXPECT_EQ(a.view().plain_value(), "1.50");
    a.incr_decimal(0.25);
    EXPECT_EQ(a.get(), "1.75");
    a.incr_decimal(-1.75);
    EXPECT_EQ(a.get(), "0");
}

TEST_F(Cells, DecimalsLeaveNoRounding) {
    a.incr_decimal(123456789.1L);
    a.del();
    a.incr_decimal(0.1L);
    EXPECT_EQ(a.get(), "0.1");
    for (int i = 0; i < 9; ++i) a.incr_decimal(0.1L);
    EXPECT_EQ(a.get(), "1");
}

TEST_F(Cells, RunningTotalsMayGoBeyond64Bits) {
    for (int i = 0; i < 3; ++i) {
        a.incr(INT64_MAX);
        a.set("0");
    }
    a.incr(INT64_MAX);
    EXPECT_EQ(a.get(), std::to_string(INT64_MAX));
    std::string out;
    EXPECT_FALSE(write_add_decimal(out, a.cell, a.next(), 1e37L));
    EXPECT_FALSE(write_add_decimal(out, a.cell, a.next(), -1e4000L));
}

TEST_F(Cells, ATotalThatWouldOverflowIsRefused) {
    for (int i = 0; i < 17; ++i) a.incr_decimal(9.9e36L);
    std::string out;
    EXPECT_FALSE(write_add_decimal(out, a.cell, a.next(), 9.9e36L));
    b.incr_decimal(9.9e36L);
    exchange(a, b);
    EXPECT_TRUE(a.get().starts_with("178")) << "shown as near as can be: " << a.get();
}

TEST_F(Cells, DelThenIncrCountsOnlyWhatIsNew) {
    a.set("7");
    a.incr(5);
    a.del();
    EXPECT_FALSE(a.view().exists());
    EXPECT_EQ(a.view().siblings(), 0u);
    a.incr(2);
    EXPECT_EQ(a.get(), "2");
    b.receive(a);
    b.incr(3);
    EXPECT_EQ(b.get(), "5");
    b.set("1");
    EXPECT_EQ(b.get(), "1");
}

TEST_F(Cells, ASumBeyond64BitsIsShownAsItIs) {
    a.set(std::to_string(INT64_MAX));
    b.receive(a);
    a.incr(1);
    EXPECT_EQ(a.get(), "9223372036854775808");
}

TEST_F(Cells, WrittenNumbersInOtherFormsAddUpToo) {
    a.set("1e3");
    a.incr_decimal(0.5);
    EXPECT_EQ(a.get(), "1000.5");
    a.set("1e300");
    a.incr_decimal(1);
    EXPECT_EQ(a.get().size(), 301u);
    a.set("abc");
    EXPECT_EQ(a.get(), "abc");
}

TEST_F(Cells, AnAddToADeletedKeyHasNoLeftoverExpiry) {
    a.set("1");
    b.receive(a);
    a.expire(500);
    b.del();
    exchange(a, b);
    EXPECT_FALSE(a.view().exists());
    a.incr();
    EXPECT_EQ(a.view().expire_at_ms(), kNoExpiry);
}

// ---- TORC.SET

TEST_F(Cells, ResolvingCoversWhatWasReadAndNothingElse) {
    a.set("x");
    b.set("y");
    exchange(a, b);
    EXPECT_EQ(a.view().siblings(), 2u);
    const Context read = a.view().context();
    c.set("z");
    a.receive(c);
    a.resolve("xy", read);
    EXPECT_EQ(a.view().siblings(), 2u);
    EXPECT_EQ(a.view().values(), (std::vector<std::string>{"xy", "z"}));
    exchange(a, b);
    exchange(a, c);
    EXPECT_EQ(c.view().values(), (std::vector<std::string>{"xy", "z"}));
}

TEST_F(Cells, ResolvingWithoutAContextStaysBeside) {
    a.set("x");
    a.resolve("y", {});
    a.resolve("z", {});
    EXPECT_EQ(a.view().values(), (std::vector<std::string>{"z", "y", "x"}));
    for (int i = 0; i < 20; ++i) a.resolve("more", {}, 5);
    EXPECT_EQ(a.view().siblings(), 5u);
}

TEST_F(Cells, ResolvingCountsNoIncrementTwice) {
    a.incr(10);
    const Context read = a.view().context();
    a.incr(1);
    a.resolve("10", read);
    EXPECT_EQ(a.get(), "11");
    // At a replica that knows nothing of what was read.
    b.resolve("10", read);
    EXPECT_EQ(b.get(), "10");
    exchange(a, b);
    EXPECT_EQ(a.get(), "11");
}

TEST_F(Cells, History05aResolvingElsewhereCoversWhatWasRead) {
    a.set("x");
    const Context read = a.view().context();
    b.resolve("y", read);
    exchange(a, b);
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"y"});
}

}  // namespace
}  // namespace torc
