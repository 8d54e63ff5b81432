#include <gtest/gtest.h>

#include "connected_node.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class CopyMoveCommands : public ::testing::Test, public CommandRunner {
  protected:
    CopyMoveCommands() { node = &alone_; }

  private:
    ConnectedNode alone_;  // without a cluster
};

constexpr auto kSame = "-ERR source and destination objects are the same\r\n";
constexpr auto kRange = "-ERR DB index is out of range\r\n";
constexpr auto kNotInteger = "-ERR value is not an integer or out of range\r\n";

TEST_F(CopyMoveCommands, CopyKeepsBothAndTheExpiry) {
    run("SET a v EX 100");
    EXPECT_EQ(run("COPY a b"), ":1\r\n");
    EXPECT_EQ(run("MGET a b"), "*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
    EXPECT_EQ(keys().peek("b")->expire_at_ms, world.now_ms + 100'000);
}

TEST_F(CopyMoveCommands, CopyReplacesOnlyWhenTold) {
    run("SET a new");
    run("SET b old");
    EXPECT_EQ(run("COPY a b"), ":0\r\n");
    EXPECT_EQ(run("GET b"), "$3\r\nold\r\n");
    EXPECT_EQ(run("COPY a b REPLACE"), ":1\r\n");
    EXPECT_EQ(run("GET b"), "$3\r\nnew\r\n");
    EXPECT_EQ(run("COPY missing b REPLACE"), ":0\r\n");
    EXPECT_EQ(run("GET b"), "$3\r\nnew\r\n");
}

TEST_F(CopyMoveCommands, CopyReachesOtherDatabases) {
    run("SET a v");
    EXPECT_EQ(run("COPY a a DB 2"), ":1\r\n");
    EXPECT_EQ(keys(2).peek("a")->bytes, "v");
    EXPECT_EQ(run("COPY a a DB 2"), ":0\r\n");
    EXPECT_EQ(run("COPY a a db 2 replace"), ":1\r\n");
    EXPECT_TRUE(keys(0).peek("a"));
}

TEST_F(CopyMoveCommands, CopyRefusesMistakes) {
    run("SET a v");
    EXPECT_EQ(run("COPY a a"), kSame);
    EXPECT_EQ(run("COPY missing missing DB 0"), kSame);
    EXPECT_EQ(run("COPY a b DB"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("COPY a b FOO"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("COPY a b DB x"), kNotInteger);
    EXPECT_EQ(run("COPY a b DB 16"), kRange);
    EXPECT_EQ(run("COPY a b DB -1"), kRange);
    EXPECT_EQ(run("COPY a b DB 99999999999"),
              "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
    EXPECT_EQ(run("EXISTS b"), ":0\r\n");
}

TEST_F(CopyMoveCommands, MoveTakesTheKeyAway) {
    run("SET a v EX 100");
    EXPECT_EQ(run("MOVE a 1"), ":1\r\n");
    EXPECT_FALSE(keys(0).peek("a"));
    EXPECT_EQ(keys(1).peek("a")->bytes, "v");
    EXPECT_EQ(keys(1).peek("a")->expire_at_ms, world.now_ms + 100'000);
    EXPECT_EQ(run("MOVE a 1"), ":0\r\n");
    run("SET a here");
    EXPECT_EQ(run("MOVE a 1"), ":0\r\n");
    EXPECT_EQ(run("GET a"), "$4\r\nhere\r\n");
    EXPECT_EQ(keys(1).peek("a")->bytes, "v");
}

TEST_F(CopyMoveCommands, MoveRefusesMistakes) {
    run("SET a v");
    EXPECT_EQ(run("MOVE a 0"), kSame);
    EXPECT_EQ(run("MOVE a 16"), kRange);
    EXPECT_EQ(run("MOVE a -1"), kRange);
    EXPECT_EQ(run("MOVE a x"), kNotInteger);
    EXPECT_EQ(run("GET a"), "$1\r\nv\r\n");
}

TEST_F(CopyMoveCommands, SwapdbExchangesTwoDatabases) {
    run("SET a zero");
    keys(5).put("a", ValueType::string, "five", kNoExpiry);
    EXPECT_EQ(run("SWAPDB 0 5"), "+OK\r\n");
    EXPECT_EQ(keys(0).peek("a")->bytes, "five");
    EXPECT_EQ(keys(5).peek("a")->bytes, "zero");
    const auto before = world.changes;
    EXPECT_EQ(run("SWAPDB 3 3"), "+OK\r\n");
    EXPECT_EQ(run("SWAPDB x 1"), "-ERR invalid first DB index\r\n");
    EXPECT_EQ(run("SWAPDB 1 x"), "-ERR invalid second DB index\r\n");
    EXPECT_EQ(run("SWAPDB 1 99999999999"), "-ERR invalid second DB index\r\n");
    EXPECT_EQ(run("SWAPDB 1 16"), kRange);
    EXPECT_EQ(run("SWAPDB -1 1"), kRange);
    EXPECT_EQ(world.changes, before);
}

}  // namespace
}  // namespace torc::testing
