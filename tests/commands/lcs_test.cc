#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class Lcs : public ::testing::Test, public CommandRunner {
  protected:
    void SetUp() override { run("MSET a ohmytext b mynewtext"); }
};

TEST_F(Lcs, TextAndLength) {
    EXPECT_EQ(run("LCS a b"), bulk("mytext"));
    EXPECT_EQ(run("LCS a b LEN"), integer(6));
    EXPECT_EQ(run("LCS a nope"), bulk(""));
    EXPECT_EQ(run("LCS nope nada LEN"), integer(0));
}

TEST_F(Lcs, RangesFromTheEnd) {
    EXPECT_EQ(run("LCS a b IDX"),
              "*4\r\n$7\r\nmatches\r\n*2\r\n"
              "*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
              "*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n"
              "$3\r\nlen\r\n:6\r\n");
    use_resp3();
    EXPECT_EQ(
        run("LCS a b idx minmatchlen 4 withmatchlen"),
        "%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n");
    EXPECT_EQ(run("LCS a nope IDX"), "%2\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n");
}

TEST_F(Lcs, Errors) {
    EXPECT_EQ(run("LCS a b LEN IDX"),
              "-ERR If you want both the length and indexes, please just use IDX.\r\n");
    EXPECT_EQ(run("LCS a b FOO"), kSyntaxError);
    EXPECT_EQ(run("LCS a b MINMATCHLEN"), kSyntaxError);
    EXPECT_EQ(run("LCS a b MINMATCHLEN x"), kNotIntegerError);
    keys().put("l", ValueType::list, "x", kNoExpiry);
    EXPECT_EQ(run("LCS a l FOO"), "-ERR The specified keys must contain string values\r\n");
}

TEST_F(Lcs, TooMuchForATable) {
    const std::string big(30'000, 'x');
    keys().put("big", ValueType::string, big, kNoExpiry);
    EXPECT_EQ(run("LCS big big"), "-ERR Insufficient memory, failed allocating transient memory for LCS\r\n");
}

}  // namespace
}  // namespace torc::testing
