#include "shrinker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "case_file.h"
#include "generator.h"

namespace redis_tests {
namespace {

using ::testing::ElementsAre;

bool has(const Lines& lines, const std::string& line) {
    return std::ranges::any_of(lines, [&](const std::string& l) { return l.starts_with(line); });
}

TEST(Shrinker, KeepsOnlyTheLinesThatMatter) {
    Lines lines;
    for (int i = 0; i < 100; ++i) lines.push_back("L" + std::to_string(i) + ".");
    const auto fails = [](const Lines& tried) { return has(tried, "L13.") && has(tried, "L77."); };
    EXPECT_THAT(shrink(lines, fails), ElementsAre("L13.", "L77."));
}

TEST(Shrinker, CutsWordsOffTheEnd) {
    const auto fails = [](const Lines& tried) { return has(tried, "SET k"); };
    EXPECT_THAT(shrink({"SET k v EX 10", "GET k"}, fails), ElementsAre("SET k"));
}

TEST(Generator, OneSeedMakesOneSequence) {
    EXPECT_EQ(Generator(7).sequence(50), Generator(7).sequence(50));
    EXPECT_NE(Generator(7).sequence(50), Generator(8).sequence(50));
}

TEST(Generator, EveryLineParses) {
    for (uint64_t seed = 0; seed < 300; ++seed)
        for (const std::string& line : Generator(seed).sequence(40))
            EXPECT_TRUE(parse_step(line)) << line << ": " << parse_step(line).error();
}

}  // namespace
}  // namespace redis_tests
