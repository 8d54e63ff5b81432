#include "differences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redis_tests {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kText =
    "# why\n=== a case\nGET k\ntorc: $\"new\"\ntorc: $\"newer\"\nbecause: it is newer\nTTL k\nproto: "
    "3\ntorc: "
    ":1\nbecause: so\n";

Mismatch mismatch(const Case& played, int proto, Reply tested) {
    return {&played, &played.steps[0], proto, {}, std::move(tested)};
}

TEST(Differences, ExpectOnlyWhatTheyName) {
    auto differences = Differences::parse(kText, "d").value();
    const auto cases =
        parse_cases("=== a case\nGET k\n=== another\nGET k\n=== a case too\nTTL k\n", "f").value();
    const Reply newer{'$', false, "newer", {}}, old{'$', false, "old", {}};
    EXPECT_TRUE(differences.expects(mismatch(cases[0], 2, newer)));
    EXPECT_FALSE(differences.expects(mismatch(cases[0], 2, old)));
    EXPECT_FALSE(differences.expects(mismatch(cases[1], 2, newer)));
    EXPECT_THAT(differences.unused(), ElementsAre("d:7: a case: TTL k"));
}

TEST(Differences, MayHoldInOneProtocolOnly) {
    auto differences = Differences::parse(kText, "d").value();
    const auto cases = parse_cases("=== a case\nTTL k\n", "f").value();
    const Reply one{':', false, "1", {}};
    EXPECT_FALSE(differences.expects(mismatch(cases[0], 2, one)));
    EXPECT_TRUE(differences.expects(mismatch(cases[0], 3, one)));
}

TEST(Differences, NeedAReplyAndAReason) {
    EXPECT_EQ(Differences::parse("GET k\n", "d").error(), "d:1: an entry before the first case name");
    EXPECT_EQ(Differences::parse("=== a\nGET k\nbecause: x\n", "d").error(), "d:3: the entry says no reply");
    EXPECT_EQ(Differences::parse("=== a\nGET k\ntorc: x\nGET j\n", "d").error(),
              "d:4: the entry before has no reason");
    EXPECT_EQ(Differences::parse("=== a\nGET k\ntorc: x\n", "d").error(), "d: the last entry has no reason");
    EXPECT_THAT(Differences::parse("", "d")->unused(), IsEmpty());
}

}  // namespace
}  // namespace redis_tests
