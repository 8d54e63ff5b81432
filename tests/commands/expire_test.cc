#include <gtest/gtest.h>

#include <string>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

class ExpireCommands : public ::testing::Test, public CommandRunner {
  protected:
    int64_t expiry(std::string_view key) { return keys().peek(key)->expire_at_ms; }
};

TEST_F(ExpireCommands, EachUnitAndOriginSetsTheSameClock) {
    run("SET k v");
    EXPECT_EQ(run("EXPIRE k 100"), ":1\r\n");
    EXPECT_EQ(expiry("k"), world.now_ms + 100'000);
    EXPECT_EQ(run("PEXPIRE k 1500"), ":1\r\n");
    EXPECT_EQ(expiry("k"), world.now_ms + 1500);
    EXPECT_EQ(run("EXPIREAT k 1800000000"), ":1\r\n");
    EXPECT_EQ(expiry("k"), 1'800'000'000'000);
    EXPECT_EQ(run("PEXPIREAT k 1800000000123"), ":1\r\n");
    EXPECT_EQ(expiry("k"), 1'800'000'000'123);
    EXPECT_EQ(run("GET k"), "$1\r\nv\r\n");
    EXPECT_EQ(run("EXPIRE missing 10"), ":0\r\n");
}

TEST_F(ExpireCommands, ATimeInThePastDeletes) {
    for (const std::string line :
         {"EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k -5", "EXPIREAT k 1", "PEXPIREAT k -1"}) {
        run("SET k v");
        EXPECT_EQ(run(line), ":1\r\n") << line;
        EXPECT_FALSE(keys().peek("k")) << line;
    }
}

TEST_F(ExpireCommands, ConditionsCompareWithThePresentExpiry) {
    run("SET k v");
    EXPECT_EQ(run("EXPIRE k 100 XX"), ":0\r\n");
    EXPECT_EQ(run("EXPIRE k 100 GT"), ":0\r\n");  // no expiry is the longest of all
    EXPECT_EQ(run("EXPIRE k 100 XX LT"), ":0\r\n");
    EXPECT_EQ(expiry("k"), kNoExpiry);
    EXPECT_EQ(run("EXPIRE k 100 LT"), ":1\r\n");
    EXPECT_EQ(run("EXPIRE k 50 NX"), ":0\r\n");
    EXPECT_EQ(run("EXPIRE k 100 GT"), ":0\r\n");
    EXPECT_EQ(run("EXPIRE k 100 LT"), ":0\r\n");
    EXPECT_EQ(run("EXPIRE k 101 GT"), ":1\r\n");
    EXPECT_EQ(run("EXPIRE k 99 lt xx"), ":1\r\n");
    EXPECT_EQ(expiry("k"), world.now_ms + 99'000);
    EXPECT_EQ(run("EXPIRE k 500 XX"), ":1\r\n");
    run("PERSIST k");
    EXPECT_EQ(run("EXPIRE k 7 NX"), ":1\r\n");
    EXPECT_EQ(expiry("k"), world.now_ms + 7000);
}

TEST_F(ExpireCommands, AConditionSparesAKeyFromATimeInThePast) {
    run("SET k v EX 100");
    EXPECT_EQ(run("EXPIRE k -1 GT"), ":0\r\n");
    EXPECT_TRUE(keys().peek("k"));
    EXPECT_EQ(run("EXPIRE k -1 LT"), ":1\r\n");
    EXPECT_FALSE(keys().peek("k"));
}

TEST_F(ExpireCommands, MistakesAreFoundInRedisOrder) {
    run("SET k v");
    const auto before = world.changes;
    EXPECT_EQ(run("EXPIRE k x FOO"), "-ERR Unsupported option FOO\r\n");
    EXPECT_EQ(run("EXPIRE k x NX XX"),
              "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
    EXPECT_EQ(run("EXPIRE k 1 NX GT"),
              "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
    EXPECT_EQ(run("EXPIRE k 1 GT LT"), "-ERR GT and LT options at the same time are not compatible\r\n");
    EXPECT_EQ(run("EXPIRE k x"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("EXPIRE k 1.5 NX"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("EXPIRE k 9223372036854775807"), "-ERR invalid expire time in 'expire' command\r\n");
    EXPECT_EQ(run("EXPIRE missing -9223372036854775808"), "-ERR invalid expire time in 'expire' command\r\n");
    EXPECT_EQ(run("EXPIREAT k 9223372036854776"), "-ERR invalid expire time in 'expireat' command\r\n");
    EXPECT_EQ(run("PEXPIRE k 9223372036854775807"), "-ERR invalid expire time in 'pexpire' command\r\n");
    EXPECT_EQ(world.changes, before);
    EXPECT_EQ(run("PEXPIREAT k 9223372036854775807"), ":1\r\n");
}

TEST_F(ExpireCommands, TtlsTellWhatIsLeft) {
    for (const std::string name : {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"}) {
        EXPECT_EQ(run(name + " missing"), ":-2\r\n");
        run("SET k v");
        EXPECT_EQ(run(name + " k"), ":-1\r\n");
    }
    run("PEXPIRE k 1499");
    EXPECT_EQ(run("TTL k"), ":1\r\n");
    EXPECT_EQ(run("PTTL k"), ":1499\r\n");
    EXPECT_EQ(run("EXPIRETIME k"), ":1700000001\r\n");
    EXPECT_EQ(run("PEXPIRETIME k"), ":1700000001499\r\n");
    run("PEXPIRE k 1500");
    EXPECT_EQ(run("TTL k"), ":2\r\n");
    EXPECT_EQ(run("EXPIRETIME k"), ":1700000002\r\n");
    run("PEXPIREAT k 9223372036854775807");
    EXPECT_EQ(run("EXPIRETIME k"), ":9223372036854776\r\n");
}

TEST_F(ExpireCommands, PersistTakesTheExpiryAway) {
    EXPECT_EQ(run("PERSIST k"), ":0\r\n");
    run("SET k v");
    EXPECT_EQ(run("PERSIST k"), ":0\r\n");
    run("EXPIRE k 10");
    EXPECT_EQ(run("PERSIST k"), ":1\r\n");
    EXPECT_EQ(expiry("k"), kNoExpiry);
}

}  // namespace
}  // namespace torc::testing
