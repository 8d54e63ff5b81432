#include "skipped_cases.h"

#include <gtest/gtest.h>

namespace redis_tests {
namespace {

TEST(SkippedCases, NamesWithReasons) {
    const auto names =
        parse_skipped("# why\n\n=== a: b\nbecause: no databases\n=== c\nbecause: slots\n", "f");
    ASSERT_TRUE(names) << names.error();
    EXPECT_EQ(*names, (std::vector<std::string>{"a: b", "c"}));
}

TEST(SkippedCases, NothingWithoutAReason) {
    EXPECT_EQ(parse_skipped("=== a\n", "f").error(), "f: the last case has no reason");
    EXPECT_EQ(parse_skipped("=== a\n=== b\nbecause: x\n", "f").error(), "f:2: the case before has no reason");
    EXPECT_EQ(parse_skipped("because: x\n", "f").error(), "f:1: neither the name of a case nor its reason");
    EXPECT_EQ(parse_skipped("=== a\nbecause: x\nGET k\n", "f").error(),
              "f:3: neither the name of a case nor its reason");
}

TEST(SkippedCases, AreTakenOutByTheirWholeName) {
    std::vector<Case> cases(3);
    cases[0].name = "copy";
    cases[1].name = "copy: more";
    cases[2].name = "move";
    ASSERT_TRUE(skip_cases(cases, {"copy", "move"}));
    ASSERT_EQ(cases.size(), 1u);
    EXPECT_EQ(cases[0].name, "copy: more");
    EXPECT_EQ(skip_cases(cases, {"copy"}).error(), "no case to skip is named copy");
}

}  // namespace
}  // namespace redis_tests
