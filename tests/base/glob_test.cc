#include "base/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace torc {
namespace {

TEST(Glob, LiteralsStarsAndQuestionMarks) {
    EXPECT_TRUE(glob_matches("", ""));
    EXPECT_FALSE(glob_matches("", "a"));
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("h?llo", "hello"));
    EXPECT_FALSE(glob_matches("h?llo", "hllo"));
    EXPECT_TRUE(glob_matches("h*llo", "heeeello"));
    EXPECT_TRUE(glob_matches("*a*b*", "xxaxxbxx"));
    EXPECT_FALSE(glob_matches("*a*b", "xxaxxbx"));
    EXPECT_TRUE(glob_matches("a**", "a"));
    EXPECT_FALSE(glob_matches("a?", "a"));
    EXPECT_TRUE(glob_matches("*aab", "aaaab"));
}

TEST(Glob, Classes) {
    EXPECT_TRUE(glob_matches("h[ae]llo", "hallo"));
    EXPECT_FALSE(glob_matches("h[ae]llo", "hillo"));
    EXPECT_TRUE(glob_matches("h[^e]llo", "hallo"));
    EXPECT_FALSE(glob_matches("h[^e]llo", "hello"));
    EXPECT_TRUE(glob_matches("[a-c]", "b"));
    EXPECT_TRUE(glob_matches("[c-a]", "b"));
    EXPECT_FALSE(glob_matches("[a-c]", "d"));
    EXPECT_TRUE(glob_matches("[a\\]b]", "]"));
    // A dash makes a range with whatever follows, even the bracket: `]` to `a` here, and no end.
    EXPECT_FALSE(glob_matches("[a-]", "-"));
    EXPECT_TRUE(glob_matches("[a-]", "_"));
    EXPECT_FALSE(glob_matches("[]", "a"));
    EXPECT_TRUE(glob_matches("[^]", "a"));
    EXPECT_FALSE(glob_matches("[a]", ""));
}

TEST(Glob, UnfinishedClassesAndEscapes) {
    EXPECT_TRUE(glob_matches("[ab", "a"));
    EXPECT_FALSE(glob_matches("[ab", "c"));
    EXPECT_FALSE(glob_matches("[", "a"));
    EXPECT_TRUE(glob_matches("[\\", "\\"));
    EXPECT_TRUE(glob_matches("a\\", "a\\"));
    EXPECT_TRUE(glob_matches("\\*", "*"));
    EXPECT_FALSE(glob_matches("\\*", "a"));
}

TEST(Glob, Case) {
    EXPECT_FALSE(glob_matches("HeL*", "hello"));
    EXPECT_TRUE(glob_matches("HeL*", "hello", true));
    EXPECT_TRUE(glob_matches("[A-C]", "b", true));
    EXPECT_TRUE(glob_matches("[\\B]", "b", true));
}

TEST(Glob, HostilePatternsTakeNoTime) {
    std::string pattern;
    for (int i = 0; i < 5000; ++i) pattern += "a*";
    EXPECT_FALSE(glob_matches(pattern + "b", std::string(20000, 'a')));
    EXPECT_TRUE(glob_matches(pattern, std::string(20000, 'a')));
}

TEST(Glob, Literal) {
    EXPECT_TRUE(glob_is_literal("plain:key"));
    for (const char* special : {"a*", "a?", "[a", "a\\b"}) EXPECT_FALSE(glob_is_literal(special)) << special;
}

}  // namespace
}  // namespace torc
