#include "repl/dot.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(Dot, AContextCoversUpToItsEntriesOnly) {
    Context context;
    EXPECT_FALSE(context.covers({1, 1, 1}));
    context.add({1, 10, 20});
    EXPECT_TRUE(context.covers({1, 10, 10}));
    EXPECT_TRUE(context.covers({1, 10, 20}));
    EXPECT_FALSE(context.covers({1, 10, 21}));
    EXPECT_FALSE(context.covers({2, 10, 20}));
}

TEST(Dot, History01AnotherBirthOfTheSameActorIsNotCovered) {
    Context context;
    context.add({1, 200, 200});
    EXPECT_FALSE(context.covers({1, 100, 100})) << "the later stamp says nothing of the forgotten copy";
}

TEST(Dot, AddingRaisesAndNeverLowers) {
    Context context;
    context.add({2, 5, 9});
    context.add({1, 5, 5});
    context.add({2, 5, 7});
    context.add({1, 5, 6});
    EXPECT_EQ(context.entries, (std::vector<Dot>{{1, 5, 6}, {2, 5, 9}}));
}

TEST(Dot, JoiningTakesTheLaterOfEach) {
    Context a, b;
    a.add({1, 1, 5});
    a.add({3, 1, 5});
    a.totals = {{{1, 1, 4}, {10, 0}}, {{3, 1, 5}, {30, 0}}};
    b.add({1, 1, 7});
    b.add({2, 1, 2});
    b.totals = {{{1, 1, 6}, {11, 0}}, {{2, 1, 2}, {20, 0}}};
    Context ab = a, ba = b;
    ab.join(b);
    ba.join(a);
    EXPECT_EQ(ab, ba);
    EXPECT_EQ(ab.entries, (std::vector<Dot>{{1, 1, 7}, {2, 1, 2}, {3, 1, 5}}));
    EXPECT_EQ(ab.totals,
              (std::vector<Total>{{{1, 1, 6}, {11, 0}}, {{2, 1, 2}, {20, 0}}, {{3, 1, 5}, {30, 0}}}));
}

}  // namespace
}  // namespace torc
