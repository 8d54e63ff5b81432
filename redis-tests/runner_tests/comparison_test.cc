#include "comparison.h"

#include <gtest/gtest.h>

namespace redis_tests {
namespace {

Reply reply(std::string_view bytes) {
    ReplyReader reader;
    reader.feed(bytes);
    return reader.next().value();
}

bool same_as(std::string_view mode, std::string_view reference, std::string_view tested) {
    return same(reply(reference), reply(tested), parse_comparison(mode).value());
}

TEST(Comparison, ExactSeesTypeAndBytes) {
    EXPECT_TRUE(same_as("", "+OK\r\n", "+OK\r\n"));
    EXPECT_FALSE(same_as("exact", "+OK\r\n", "$2\r\nOK\r\n"));
    EXPECT_FALSE(same_as("", "*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n"));
    EXPECT_FALSE(same_as("", "$-1\r\n", "_\r\n"));
}

TEST(Comparison, MapsAndSetsHaveNoOrder) {
    EXPECT_TRUE(same_as("", "~2\r\n:1\r\n:2\r\n", "~2\r\n:2\r\n:1\r\n"));
    EXPECT_TRUE(same_as("", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n"));
    EXPECT_FALSE(same_as("", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "%2\r\n+a\r\n:2\r\n+b\r\n:1\r\n"));
}

TEST(Comparison, UnorderedIsOneLevelSortedIsAll) {
    EXPECT_TRUE(same_as("unordered", "*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n"));
    EXPECT_FALSE(same_as("unordered", "*1\r\n*2\r\n:1\r\n:2\r\n", "*1\r\n*2\r\n:2\r\n:1\r\n"));
    EXPECT_TRUE(same_as("sorted", "*1\r\n*2\r\n:1\r\n:2\r\n", "*1\r\n*2\r\n:2\r\n:1\r\n"));
    EXPECT_FALSE(same_as("sorted", "*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:1\r\n"));
}

TEST(Comparison, NumbersMayDifferByTheTolerance) {
    EXPECT_TRUE(same_as("number~2", ":10\r\n", ":12\r\n"));
    EXPECT_FALSE(same_as("number~2", ":10\r\n", ":13\r\n"));
    EXPECT_FALSE(same_as("number~5", ":0\r\n", ":-1\r\n"));
    EXPECT_FALSE(same_as("number~2", ":10\r\n", ",10\r\n"));
}

TEST(Comparison, TypeErrorPrefixAndIgnore) {
    EXPECT_TRUE(same_as("type", ":1\r\n", ":99\r\n"));
    EXPECT_FALSE(same_as("type", "$1\r\na\r\n", "$-1\r\n"));
    EXPECT_TRUE(same_as("error-prefix", "-ERR one\r\n", "-ERR two\r\n"));
    EXPECT_FALSE(same_as("error-prefix", "-ERR one\r\n", "-WRONGTYPE two\r\n"));
    EXPECT_FALSE(same_as("error-prefix", "-ERR one\r\n", "+ERR\r\n"));
    EXPECT_TRUE(same_as("ignore", ":1\r\n", "+x\r\n"));
    EXPECT_FALSE(same(reply(":1\r\n"), Reply::event("closed"), *parse_comparison("ignore")));
}

TEST(Comparison, OnlySomeLines) {
    EXPECT_TRUE(same_as("only:a+c", "$15\r\na:1\r\nb:2\r\nc:3\r\n\r\n", "$15\r\na:1\r\nb:9\r\nc:3\r\n\r\n"));
    EXPECT_FALSE(same_as("only:a+c", "$10\r\na:1\r\nb:2\r\n\r\n", "$10\r\na:7\r\nb:2\r\n\r\n"));
    EXPECT_FALSE(same_as("only:a", "$5\r\na:1\r\n\r\n", "$5\r\nb:1\r\n\r\n"));
    EXPECT_TRUE(same_as("only:a,digits", "$5\r\na:1\r\n\r\n", "$5\r\na:2\r\n\r\n"));
}

TEST(Comparison, DigitsNamesSupersetWithout) {
    EXPECT_TRUE(same_as("digits", "+id=17 x\r\n", "+id=4 x\r\n"));
    EXPECT_FALSE(same_as("digits", "+id=17 x\r\n", "+id= x\r\n"));
    EXPECT_TRUE(same_as("names", "$8\r\nb=2 a=1\n\r\n", "$8\r\na=7 b=8\n\r\n"));
    EXPECT_FALSE(same_as("names", "$8\r\nb=2 a=1\n\r\n", "$4\r\na=7\n\r\n"));
    EXPECT_TRUE(same_as("names,superset", "$4\r\na=7\n\r\n", "$8\r\nb=2 a=1\n\r\n"));
    EXPECT_TRUE(same_as("superset", "*1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n"));
    EXPECT_FALSE(same_as("superset", "*2\r\n:2\r\n:1\r\n", "*1\r\n:2\r\n"));
    EXPECT_TRUE(same_as("without:s", "*4\r\n+s\r\n+x\r\n+k\r\n:1\r\n", "*4\r\n+s\r\n+y\r\n+k\r\n:1\r\n"));
    EXPECT_FALSE(same_as("without:s", "*4\r\n+s\r\n+x\r\n+k\r\n:1\r\n", "*4\r\n+s\r\n+x\r\n+k\r\n:2\r\n"));
}

TEST(Comparison, PairsAndIntegers) {
    EXPECT_TRUE(same_as("pairs", "*4\r\n+b\r\n:1\r\n+a\r\n:2\r\n", "*4\r\n+a\r\n:2\r\n+b\r\n:1\r\n"));
    EXPECT_FALSE(same_as("pairs", "*4\r\n+b\r\n:1\r\n+a\r\n:2\r\n", "*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n"));
    EXPECT_TRUE(same_as("integers", "*1\r\n:1\r\n", "*1\r\n:7\r\n"));
    EXPECT_FALSE(same_as("integers", "*1\r\n:1\r\n", "*1\r\n+7\r\n"));
}

TEST(Comparison, ARequestWithoutAReplyIsNeverEqual) {
    const Reply silence = Reply::event("no reply in time");
    EXPECT_FALSE(same(silence, silence, {}));
}

TEST(Comparison, RefusesUnknownModes) {
    EXPECT_EQ(parse_comparison("digit").error(), "unknown comparison digit");
    EXPECT_EQ(parse_comparison("number~x").error(), "number~ needs a positive number");
}

}  // namespace
}  // namespace redis_tests
