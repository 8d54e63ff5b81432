#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class CounterCommands : public ::testing::Test, public CommandRunner {};

TEST_F(CounterCommands, CountFromNothing) {
    EXPECT_EQ(run("INCR k"), integer(1));
    EXPECT_EQ(run("INCRBY k 41"), integer(42));
    EXPECT_EQ(run("DECR k"), integer(41));
    EXPECT_EQ(run("DECRBY k -9"), integer(50));
    EXPECT_EQ(run("GET k"), bulk("50"));
}

TEST_F(CounterCommands, KeepTheExpiry) {
    run("SET k 9 PX 700");
    run("INCR k");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 700);
    run("INCRBYFLOAT k 0.5");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 700);
}

TEST_F(CounterCommands, OnlyStrictIntegers) {
    for (const char* bad : {"\" 1\"", "\"1 \"", "+1", "01", "\"\"", "1.0", "abc", "9223372036854775808"}) {
        run(std::string("SET k ") + bad);
        EXPECT_EQ(run("INCR k"), kNotIntegerError) << bad;
        EXPECT_EQ(run(std::string("INCRBY n ") + bad), kNotIntegerError) << bad;
        EXPECT_EQ(run(std::string("DECRBY n ") + bad), kNotIntegerError) << bad;
    }
    EXPECT_FALSE(keys().peek("n"));
}

TEST_F(CounterCommands, Overflow) {
    run("SET k 9223372036854775807");
    EXPECT_EQ(run("INCR k"), "-ERR increment or decrement would overflow\r\n");
    EXPECT_EQ(run("DECRBY k -1"), "-ERR increment or decrement would overflow\r\n");
    run("SET k -9223372036854775808");
    EXPECT_EQ(run("DECR k"), "-ERR increment or decrement would overflow\r\n");
    EXPECT_EQ(run("DECRBY k -9223372036854775808"), "-ERR decrement would overflow\r\n");
    EXPECT_EQ(run("GET k"), bulk("-9223372036854775808"));
}

TEST_F(CounterCommands, WrongType) {
    keys().put("l", ValueType::list, "x", kNoExpiry);
    for (const char* line :
         {"INCR l", "DECR l", "INCRBY l 1", "DECRBY l 1", "INCRBYFLOAT l 1", "INCRBYFLOAT l x"})
        EXPECT_EQ(run(line), kWrongTypeError) << line;
}

TEST_F(CounterCommands, Floats) {
    EXPECT_EQ(run("INCRBYFLOAT k 10.50"), bulk("10.5"));
    EXPECT_EQ(run("INCRBYFLOAT k 0.1"), bulk("10.6"));
    EXPECT_EQ(run("INCRBYFLOAT k -5"), bulk("5.6"));
    run("SET k 5.0e3");
    EXPECT_EQ(run("INCRBYFLOAT k 2.0e2"), bulk("5200"));
    EXPECT_EQ(run("GET k"), bulk("5200"));
    EXPECT_EQ(run("INCRBYFLOAT k -5200"), bulk("0"));
}

TEST_F(CounterCommands, BadFloats) {
    for (const char* bad : {"x", "\"\"", "nan", "\" 1\"", "\"1 \"", "1e5000"}) {
        EXPECT_EQ(run(std::string("INCRBYFLOAT n ") + bad), "-ERR value is not a valid float\r\n") << bad;
        run(std::string("SET k ") + bad);
        EXPECT_EQ(run("INCRBYFLOAT k 1"), "-ERR value is not a valid float\r\n") << bad;
    }
    EXPECT_EQ(run("INCRBYFLOAT n inf"), "-ERR increment would produce NaN or Infinity\r\n");
    EXPECT_FALSE(keys().peek("n"));
}

}  // namespace
}  // namespace torc::testing
