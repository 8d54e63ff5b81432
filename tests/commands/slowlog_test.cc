#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

class SlowlogTest : public ServerCommands {};

TEST_F(SlowlogTest, ShowsEntries) {
    here.fake_slow_log.entries = {{8, 1700000000, 15000, {"get", "k"}, "127.0.0.1:9", "w"}};
    EXPECT_EQ(run("SLOWLOG GET"),
              "*1\r\n*6\r\n:8\r\n:1700000000\r\n:15000\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n$11\r\n127.0.0.1:"
              "9\r\n$1\r\nw\r\n");
    EXPECT_EQ(run("SLOWLOG LEN"), integer(1));
    EXPECT_EQ(run("SLOWLOG RESET"), kOk);
    EXPECT_EQ(run("SLOWLOG GET -1"), "*0\r\n");
}

TEST_F(SlowlogTest, TenUnlessAskedForMore) {
    here.fake_slow_log.entries.resize(12);
    EXPECT_TRUE(run("SLOWLOG GET").starts_with("*10\r\n"));
    EXPECT_TRUE(run("SLOWLOG GET 11").starts_with("*11\r\n"));
    EXPECT_TRUE(run("SLOWLOG GET -1").starts_with("*12\r\n"));
    EXPECT_TRUE(run("SLOWLOG GET 0").starts_with("*0\r\n"));
}

TEST_F(SlowlogTest, Errors) {
    for (const char* line : {"SLOWLOG GET -2", "SLOWLOG GET many"})
        EXPECT_EQ(run(line), "-ERR count should be greater than or equal to -1\r\n");
    EXPECT_EQ(run("SLOWLOG GET 1 2"),
              "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n");
}

}  // namespace
}  // namespace torc::testing
