#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class PubsubTest : public ::testing::Test, public CommandRunner {};

TEST_F(PubsubTest, NobodyListens) {
    EXPECT_EQ(run("PUBSUB CHANNELS"), "*0\r\n");
    EXPECT_EQ(run("PUBSUB SHARDCHANNELS a*"), "*0\r\n");
    EXPECT_EQ(run("PUBSUB NUMPAT"), integer(0));
    EXPECT_EQ(run("PUBSUB NUMSUB"), "*0\r\n");
    EXPECT_EQ(run("PUBSUB NUMSUB a b"), "*4\r\n$1\r\na\r\n:0\r\n$1\r\nb\r\n:0\r\n");
    EXPECT_EQ(run("PUBSUB SHARDNUMSUB a"), "*2\r\n$1\r\na\r\n:0\r\n");
    EXPECT_TRUE(run("PUBSUB CHANNELS a b").starts_with("-ERR unknown subcommand or wrong number"));
}

}  // namespace
}  // namespace torc::testing
