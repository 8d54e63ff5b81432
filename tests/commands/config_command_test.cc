#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

class ConfigCommandTest : public ServerCommands {};

TEST_F(ConfigCommandTest, GetRepliesAMap) {
    EXPECT_EQ(run("CONFIG GET maxmemory nosuch timeout"),
              "*4\r\n$7\r\ntimeout\r\n$1\r\n0\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
    EXPECT_EQ(run("CONFIG GET nosuch"), "*0\r\n");
    use_resp3();
    EXPECT_EQ(run("CONFIG GET Timeou?"), "%1\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
}

TEST_F(ConfigCommandTest, SetChangesSeveralOrNone) {
    EXPECT_EQ(run("CONFIG SET timeout 5 hz 20"), kOk);
    EXPECT_EQ(here.configuration.live.timeout_seconds, 5);
    EXPECT_EQ(run("CONFIG SET timeout 6 hz"), kSyntaxError);
    EXPECT_EQ(run("CONFIG SET timeout 6 nosuch 1"),
              "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
    EXPECT_EQ(here.configuration.live.timeout_seconds, 5);
}

TEST_F(ConfigCommandTest, ProtectedDirectivesForLocalClients) {
    configure({"--enable-protected-configs", "local"});
    EXPECT_EQ(run("CONFIG SET dbfilename a.rdb"),
              "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected "
              "config\r\n");
    client.local = true;
    EXPECT_EQ(run("CONFIG SET dbfilename a.rdb"), kOk);
}

TEST_F(ConfigCommandTest, ResetStatResetsEveryCounter) {
    EXPECT_EQ(run("CONFIG RESETSTAT"), kOk);
    EXPECT_EQ(here.resets, 1);
    EXPECT_TRUE(here.fake_commands.was_reset);
    EXPECT_TRUE(here.fake_errors.was_reset);
}

TEST_F(ConfigCommandTest, RewriteWithoutAFile) {
    EXPECT_EQ(run("CONFIG REWRITE"), "-ERR The server is running without a config file\r\n");
}

TEST_F(ConfigCommandTest, Help) {
    EXPECT_TRUE(run("CONFIG HELP").starts_with("*11\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]."));
}

}  // namespace
}  // namespace torc::testing
