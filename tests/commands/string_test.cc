#include <gtest/gtest.h>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

class StringCommands : public ::testing::Test, public CommandRunner {};

constexpr auto kOk = "+OK\r\n";
constexpr auto kNull = "$-1\r\n";
constexpr auto kSyntaxError = "-ERR syntax error\r\n";
constexpr auto kWrongTypeError = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
constexpr auto kNotIntegerError = "-ERR value is not an integer or out of range\r\n";

TEST_F(StringCommands, SetReplacesValueAndExpiry) {
    EXPECT_EQ(run("GET k"), kNull);
    EXPECT_EQ(run("SET k one EX 100"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 100'000);
    EXPECT_EQ(run("SET k two"), kOk);
    EXPECT_EQ(run("GET k"), "$3\r\ntwo\r\n");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, kNoExpiry);
}

}  // namespace
}  // namespace torc::testing
