#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class DebugTest : public ServerCommands {
  protected:
    DebugTest() { configure({"--enable-debug-command", "yes"}); }
};

TEST_F(DebugTest, OnlyWhenAllowed) {
    configure({"--enable-debug-command", "no"});
    EXPECT_TRUE(run("DEBUG SLEEP 0")
                    .starts_with("-ERR DEBUG command not allowed. If the enable-debug-command option is set "
                                 "to \"local\", you can run"));
    configure({"--enable-debug-command", "local"});
    EXPECT_TRUE(run("DEBUG SLEEP 0").starts_with("-ERR DEBUG command not allowed."));
    client.local = true;
    EXPECT_EQ(run("DEBUG SLEEP 0"), kOk);
}

TEST_F(DebugTest, UnknownToolsAndWrongCounts) {
    EXPECT_EQ(run("DEBUG nosuch"),
              "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.\r\n");
    EXPECT_EQ(run("DEBUG error a b"),
              "-ERR unknown subcommand or wrong number of arguments for 'error'. Try DEBUG HELP.\r\n");
    EXPECT_EQ(run("DEBUG ERROR \"ABC of it\""), "-ABC of it\r\n");
    EXPECT_THAT(run("DEBUG HELP"), HasSubstr("SLEEP <seconds>"));
}

TEST_F(DebugTest, Object) {
    EXPECT_EQ(run("DEBUG OBJECT nosuch"), "-ERR no such key\r\n");
    keys().put("key", ValueType::string, "12345", kNoExpiry);
    EXPECT_THAT(run("DEBUG OBJECT key"),
                MatchesRegex("\\+Value at:0x[0-9a-f]+ refcount:1 encoding:int serializedlength:3 lru:[0-9]+ "
                             "lru_seconds_idle:0\r\n"));
    // As many bytes as in RDB, like the rest of what DUMP gives.
    keys().put("text", ValueType::string, "abc", kNoExpiry);
    EXPECT_THAT(run("DEBUG OBJECT text"), HasSubstr(" serializedlength:4 "));
    keys().put("long", ValueType::string, std::string(200, 'a'), kNoExpiry);
    EXPECT_THAT(run("DEBUG OBJECT long"), Not(HasSubstr(" serializedlength:202 ")));
    configure({"--rdbcompression", "no"});
    EXPECT_THAT(run("DEBUG OBJECT long"), HasSubstr(" serializedlength:202 "));
}

TEST_F(DebugTest, ReloadWaitsUntilAllIsSynced) {
    EXPECT_EQ(run("DEBUG RELOAD"), "");
    EXPECT_EQ(client.block.kind, Block::Kind::synced);
    EXPECT_EQ(client.block.lsn, 77u);
    client.block = {};
    client.in_multi = true;
    EXPECT_EQ(run("DEBUG LOADAOF"), kOk);
    EXPECT_EQ(client.block.kind, Block::Kind::none);
}

TEST_F(DebugTest, PopulateMakesMissingKeys) {
    keys().put("k:1", ValueType::string, "mine", kNoExpiry);
    EXPECT_EQ(run("DEBUG POPULATE 3 k 5"), kOk);
    EXPECT_EQ(keys().size(), 3u);
    EXPECT_EQ(keys().peek("k:0")->bytes, "value");
    EXPECT_EQ(keys().peek("k:1")->bytes, "mine");
    EXPECT_EQ(run("DEBUG POPULATE 1"), kOk);
    EXPECT_EQ(keys().peek("key:0")->bytes, "value:0");
    for (const char* line : {"DEBUG POPULATE x", "DEBUG POPULATE -1", "DEBUG POPULATE 1 k -1"})
        EXPECT_EQ(run(line), "-ERR value is out of range, must be positive\r\n") << line;
    EXPECT_EQ(run("DEBUG POPULATE 1 k 1 1"), kSyntaxError);
}

TEST_F(DebugTest, ActiveExpire) {
    EXPECT_EQ(run("DEBUG SET-ACTIVE-EXPIRE 0"), kOk);
    EXPECT_FALSE(here.active_expire);
    EXPECT_EQ(run("DEBUG SET-ACTIVE-EXPIRE 1"), kOk);
    EXPECT_TRUE(here.active_expire);
}

TEST_F(DebugTest, ProtocolSamples) {
    EXPECT_EQ(run("DEBUG PROTOCOL double"), "$5\r\n3.141\r\n");
    EXPECT_EQ(run("DEBUG PROTOCOL push"), "-ERR RESP2 is not supported by this command\r\n");
    EXPECT_TRUE(run("DEBUG PROTOCOL nosuch").starts_with("-ERR Wrong protocol type name."));
    use_resp3();
    EXPECT_EQ(run("DEBUG PROTOCOL double"), ",3.141\r\n");
    EXPECT_EQ(run("DEBUG PROTOCOL map"), "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
    EXPECT_EQ(run("DEBUG PROTOCOL bignum"), "(1234567999999999999999999999999999999\r\n");
    EXPECT_TRUE(run("DEBUG PROTOCOL attrib").starts_with("|1\r\n$14\r\nkey-popularity\r\n*2\r\n"));
}

}  // namespace
}  // namespace torc::testing
