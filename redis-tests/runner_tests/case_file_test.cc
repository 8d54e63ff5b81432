#include "case_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redis_tests {
namespace {

using ::testing::ElementsAre;

TEST(CaseFile, ReadsNamesProtosAndSteps) {
    const auto cases =
        parse_cases("# c\n=== one\n% proto 3\nSET k v\n\n@2 [number~3] TTL k\n=== two\nPING\n", "f");
    ASSERT_TRUE(cases) << cases.error();
    ASSERT_EQ(cases->size(), 2u);
    EXPECT_EQ((*cases)[0].name, "one");
    EXPECT_THAT((*cases)[0].protos, ElementsAre(3));
    EXPECT_THAT((*cases)[1].protos, ElementsAre(2, 3));
    const Step& ttl = (*cases)[0].steps.at(1);
    EXPECT_EQ(ttl.connection, "2");
    EXPECT_EQ(ttl.comparison.tolerance, 3);
    EXPECT_THAT(ttl.words, ElementsAre("TTL", "k"));
    EXPECT_EQ(ttl.line, 6);
}

TEST(CaseFile, ReadsDirectives) {
    EXPECT_EQ(parse_step(R"(% raw "a\r\n" <3*b>)")->text, "a\r\nbbb");
    EXPECT_EQ(parse_step("% repeat 7 INCR k")->count, 7);
    EXPECT_EQ(parse_step("@b % replies 7")->connection, "b");
    EXPECT_EQ(parse_step("% @b reply")->connection, "b");
    EXPECT_EQ(parse_step("% wait :0 EXISTS k")->text, ":0");
    EXPECT_TRUE(parse_step("% scan")->words.empty());
    EXPECT_TRUE(parse_step("% reply [digits]")->comparison.digits);
}

TEST(CaseFile, NamesFileAndLineOfAMistake) {
    const auto error = [](std::string_view text) { return parse_cases(text, "f").error(); };
    EXPECT_EQ(error("GET k\n"), "f:1: a line before the first case");
    EXPECT_EQ(error("=== a\n% jump\n"), "f:2: unknown directive jump");
    EXPECT_EQ(error("=== a\n\n% repeat x GET\n"), "f:3: a positive count is missing");
    EXPECT_EQ(error("=== a\n[digit GET k\n"), "f:2: a [ is not closed");
    EXPECT_EQ(error("=== a\n% proto 4\n"), "f:2: proto must be 2, 3 or both");
    EXPECT_EQ(error("=== a\n% reply GET\n"), "f:2: words after the directive");
    EXPECT_EQ(error("=== a\n% send\n"), "f:2: words are missing");
    EXPECT_EQ(error("===\n"), "f:1: a case needs a name");
}

}  // namespace
}  // namespace redis_tests
