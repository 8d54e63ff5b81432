// CORRECTNESS 16: contexts don't grow for ever.
#include "repl/cell_trim.h"

#include <gtest/gtest.h>

#include "repl/cell_codec.h"
#include "tests/repl/cell_fixture.h"

namespace torc {
namespace {

class CellTrim : public ThreeReplicas {
  protected:
    /// Everybody but these actors has ended.
    static EntryTest all_but(std::initializer_list<ActorId> at_work) {
        return [at_work = std::vector<ActorId>(at_work)](const Dot& entry) {
            return std::ranges::find(at_work, entry.actor) == at_work.end();
        };
    }
    static bool trim(TestReplica& replica, const EntryTest& may) {
        std::string out;
        const bool trimmed = trim_cell(out, replica.cell, may);
        if (trimmed) replica.cell = out;
        return trimmed;
    }
    static void fold(TestReplica& replica) {
        const std::string shown = replica.get();
        replica.set(shown, replica.view().expire_at_ms());
    }
    /// Each time as another run of the node.
    void restarts(TestReplica& replica, int times, const auto& write) {
        for (int i = 0; i < times; ++i) {
            ++replica.actor;
            set_own_flag(replica.cell, false);
            write(replica);
        }
    }
};

TEST_F(CellTrim, AnOverwrittenKeysContextGrowsWithEachRestartAndShrinks) {
    a.actor = 100;
    a.set("0");
    restarts(a, 50, [](TestReplica& r) { r.set("v"); });
    EXPECT_EQ(listed_entries(a.cell), 51u);
    b.receive(a);
    ASSERT_TRUE(trim(a, all_but({150})));
    EXPECT_EQ(listed_entries(a.cell), 1u);
    EXPECT_LT(a.cell.size(), 60u);
    EXPECT_EQ(a.get(), "v");
    EXPECT_FALSE(trim(a, all_but({150}))) << "once";
    b.receive(a);
    EXPECT_EQ(a.view().digest(), b.view().digest());
}

TEST_F(CellTrim, ACounterIsFoldedIntoAValueFirst) {
    a.actor = 100;
    a.incr(1);
    restarts(a, 20, [](TestReplica& r) { r.incr(2); });
    b.receive(a);
    EXPECT_FALSE(trim(a, all_but({120}))) << "each total counts";
    EXPECT_TRUE(needs_fold(a.cell, all_but({120})));
    fold(a);
    EXPECT_EQ(a.get(), "41");
    EXPECT_FALSE(needs_fold(a.cell, all_but({120})));
    ASSERT_TRUE(trim(a, all_but({120})));
    EXPECT_EQ(a.get(), "41");
    EXPECT_EQ(listed_entries(a.cell), 1u);
    // One who hasn't heard of it goes on, and nothing counts twice.
    b.incr(5);
    exchange(a, b);
    EXPECT_EQ(a.get(), "46");
    a.incr(1);
    b.incr(1);
    exchange(a, b);
    EXPECT_EQ(b.get(), "48");
}

TEST_F(CellTrim, AnOldCopyThatComesBackBringsNothingBack) {
    a.actor = 100;
    a.set("first");
    c.receive(a);
    restarts(a, 9, [](TestReplica& r) { r.set("later"); });
    b.receive(a);
    ASSERT_TRUE(trim(a, all_but({109})));
    a.receive(c);
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"later"});
    c.receive(a);
    EXPECT_EQ(c.get(), "later");
    EXPECT_EQ(c.view().digest(), a.view().digest());
}

TEST_F(CellTrim, AWriteThatRacedStaysASibling) {
    a.actor = 100;
    a.set("0");
    restarts(a, 9, [](TestReplica& r) { r.set("a"); });
    b.receive(a);
    b.set("b");
    a.set("a2");
    ASSERT_TRUE(trim(a, all_but({109, 2})));
    exchange(a, b);
    EXPECT_EQ(a.view().values().size(), 2u);
}

TEST_F(CellTrim, WhatNamesAValueOrAnExpiryStays) {
    a.actor = 100;
    a.set("v");
    restarts(a, 1, [](TestReplica& r) { r.expire(5000); });
    restarts(a, 1, [](TestReplica& r) { r.incr(1); });
    EXPECT_FALSE(trim(a, all_but({})));
    EXPECT_EQ(listed_entries(a.cell), 3u);
}

TEST_F(CellTrim, TwoWhoTrimDifferentlyAgree) {
    a.actor = 100;
    a.set("0");
    restarts(a, 9, [](TestReplica& r) { r.set("a"); });
    b.receive(a);
    ASSERT_TRUE(trim(a, [](const Dot& entry) { return entry.actor < 104; }));
    ASSERT_TRUE(trim(b, [](const Dot& entry) { return entry.actor >= 104 && entry.actor < 107; }));
    exchange(a, b);
    EXPECT_EQ(listed_entries(a.cell), 3u);
    EXPECT_EQ(a.get(), "a");
}

TEST_F(CellTrim, ADeletedCounterIsATombstoneAndNothingElse) {
    a.actor = 100;
    a.incr(3);
    restarts(a, 5, [](TestReplica& r) { r.incr(1); });
    a.del();
    b.receive(a);
    ASSERT_TRUE(trim(a, all_but({105})));
    EXPECT_FALSE(a.view().exists());
    exchange(a, b);
    b.incr(7);
    exchange(a, b);
    EXPECT_EQ(a.get(), "7");
}

TEST_F(CellTrim, SeveralValuesAreNotFolded) {
    a.actor = 100;
    a.incr(3);
    b.receive(a);
    a.set("5");
    b.set("6");
    b.incr(1);
    exchange(a, b);
    restarts(a, 5, [](TestReplica& r) { r.incr(1); });
    EXPECT_FALSE(needs_fold(a.cell, all_but({})));
}

TEST_F(CellTrim, ATokenFromBeforeTheTrimStillCoversWhatWasRead) {
    a.actor = 100;
    a.set("0");
    restarts(a, 9, [](TestReplica& r) { r.set("a"); });
    const Context before = a.view().context();
    ASSERT_TRUE(trim(a, all_but({109})));
    const auto after = parse_context_token(context_token(a.view().context()));
    ASSERT_TRUE(after);
    EXPECT_EQ(after, a.view().context());
    TestReplica also = a;
    a.resolve("mine", before);
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"mine"});
    also.actor = 500;
    also.resolve("resolved", *after);
    EXPECT_EQ(also.view().values(), std::vector<std::string>{"resolved"});
    exchange(a, also);
    EXPECT_EQ(a.view().values().size(), 2u);
}

// Who read a folded counter has seen the increments, though the token names them no more.
TEST_F(CellTrim, ATokenFromAfterTheTrimCoversWhatWasFolded) {
    a.actor = 100;
    a.incr(3);
    restarts(a, 9, [](TestReplica& r) { r.incr(1); });
    b.receive(a);
    a.actor = 200;
    a.set("12");
    ASSERT_TRUE(trim(a, all_but({200})));
    b.resolve("13", *parse_context_token(context_token(a.view().context())));
    EXPECT_EQ(b.get(), "13");
    exchange(a, b);
    EXPECT_EQ(a.view().values(), std::vector<std::string>{"13"});
}

TEST_F(CellTrim, AForgedFloorMakesAValidCellThatLaterWritesAreNotLostIn) {
    for (const Stamp floor : {Stamp{1}, Stamp{1005}, ~Stamp{0}}) {
        a.actor = 100, b.actor = 101;
        a.incr(3);
        b.incr(4);
        a.set("a");
        b.del();
        exchange(a, b);
        for (const bool lists : {false, true}) {
            Context forged = lists ? b.view().context() : Context{};
            forged.floor = floor;
            a.resolve("forged", *parse_context_token(context_token(forged)));
            ASSERT_TRUE(CellView::parse(a.cell));
            a.set("later");
            exchange(a, b);
            EXPECT_EQ(b.view().values(), std::vector<std::string>{"later"}) << floor << lists;
        }
    }
}

// As a hostile peer may send them: each has retired what the other lists.
TEST_F(CellTrim, TwoCellsThatRetireEachOtherMakeAValidOne) {
    const auto with_floor = [&](TestReplica& replica) {
        replica.set("v");
        replica.del();
        Cell cell = decode_valid_cell(replica.cell);
        cell.floor = 1 << 20;
        encode_cell(replica.cell, cell);
    };
    with_floor(a), with_floor(b);
    exchange(a, b);
    EXPECT_EQ(listed_entries(a.cell), 1u);
    EXPECT_FALSE(a.view().exists());
}

TEST_F(CellTrim, WhatADeleteHasSeenIsNotFoldedBackToLife) {
    a.actor = 100;
    a.incr(3);
    b.receive(a);
    a.del();
    b.incr(4);
    b.del();
    exchange(a, b);
    ASSERT_FALSE(a.view().exists());
    EXPECT_FALSE(needs_fold(a.cell, all_but({})));
}

TEST_F(CellTrim, WhatAFloorAloneWouldHideIsKnown) {
    a.actor = 100;
    a.set("0");
    c.set("nobody has seen this");
    restarts(a, 9, [](TestReplica& r) { r.set("a"); });
    EXPECT_FALSE(hides_live_parts(a.cell, c.cell)) << "no floor";
    ASSERT_TRUE(trim(a, all_but({109})));
    EXPECT_TRUE(hides_live_parts(a.cell, c.cell));
    b.set("later");
    EXPECT_FALSE(hides_live_parts(a.cell, b.cell));
    EXPECT_FALSE(hides_live_parts(a.cell, a.cell));
}

TEST_F(CellTrim, EntriesAreCountedInAnyForm) {
    EXPECT_EQ(listed_entries(""), 1u);
    a.set("plain");
    EXPECT_EQ(listed_entries(a.cell), 1u);
    a.actor = 50;
    a.set("two");
    EXPECT_EQ(listed_entries(a.cell), 2u);
    for (size_t n = 0; n < a.cell.size(); ++n) (void)listed_entries(std::string_view(a.cell).substr(0, n));
}

}  // namespace
}  // namespace torc
