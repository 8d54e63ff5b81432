#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

constexpr std::string_view kOffsetError = "-ERR bit offset is not an integer or out of range\r\n";

class BitmapCommands : public ::testing::Test, public CommandRunner {
  protected:
    void SetUp() override { keys().put("l", ValueType::list, "x", kNoExpiry); }
};

TEST_F(BitmapCommands, SetbitGrowsAndAnswersTheOldBit) {
    EXPECT_EQ(run("SETBIT k 7 1"), integer(0));
    EXPECT_EQ(run("GET k"), bulk("\x01"));
    EXPECT_EQ(run("SETBIT k 7 0"), integer(1));
    EXPECT_EQ(run("SETBIT k 17 0"), integer(0));
    EXPECT_EQ(run("GET k"), bulk(std::string_view("\0\0\0", 3)));
    EXPECT_EQ(run("GETBIT k 1000"), integer(0));
    run("GETEX k EX 5");
    run("SETBIT k 100 1");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 5000);
    EXPECT_EQ(run("GETBIT k 100"), integer(1));
}

TEST_F(BitmapCommands, SetbitErrors) {
    const uint64_t before = world.changes;
    for (const char* offset : {"-1", "x", "4294967296", "1.0"}) {
        EXPECT_EQ(run(std::string("SETBIT l ") + offset + " 9"), kOffsetError);
        EXPECT_EQ(run(std::string("GETBIT l ") + offset), kOffsetError);
    }
    for (const char* bit : {"2", "-1", "x"})
        EXPECT_EQ(run(std::string("SETBIT l 0 ") + bit), "-ERR bit is not an integer or out of range\r\n");
    EXPECT_EQ(run("SETBIT l 0 1"), kWrongTypeError);
    EXPECT_EQ(run("GETBIT l 0"), kWrongTypeError);
    EXPECT_EQ(world.changes, before);
}

TEST_F(BitmapCommands, SetbitOfTheSameBitChangesNothing) {
    run("SET k \"\\x80\"");
    const uint64_t before = world.changes;
    EXPECT_EQ(run("SETBIT k 0 1"), integer(1));
    EXPECT_EQ(world.changes, before);
}

TEST_F(BitmapCommands, Bitcount) {
    run("SET k foobar");
    EXPECT_EQ(run("BITCOUNT k"), integer(26));
    EXPECT_EQ(run("BITCOUNT k 0 0"), integer(4));
    EXPECT_EQ(run("BITCOUNT k 1 1 byte"), integer(6));
    EXPECT_EQ(run("BITCOUNT k 5 30 BIT"), integer(17));
    EXPECT_EQ(run("BITCOUNT k -2 -1"), integer(7));
    EXPECT_EQ(run("BITCOUNT k 5 1"), integer(0));
    EXPECT_EQ(run("BITCOUNT k -1 -5"), integer(0));
    EXPECT_EQ(run("BITCOUNT k 0 -10"), integer(4));
    EXPECT_EQ(run("BITCOUNT k 100 200"), integer(0));
    EXPECT_EQ(run("BITCOUNT nope 0 x y z"), integer(0));
    EXPECT_EQ(run("BITCOUNT k 0"), kSyntaxError);
    EXPECT_EQ(run("BITCOUNT k 0 1 bits"), kSyntaxError);
    EXPECT_EQ(run("BITCOUNT k 0 1 bit x"), kSyntaxError);
    EXPECT_EQ(run("BITCOUNT k x 1"), kNotIntegerError);
    EXPECT_EQ(run("BITCOUNT l"), kWrongTypeError);
    run("SET empty \"\"");
    EXPECT_EQ(run("BITCOUNT empty"), integer(0));
}

TEST_F(BitmapCommands, Bitpos) {
    run("SET k \"\\xff\\xf0\\x00\"");
    EXPECT_EQ(run("BITPOS k 0"), integer(12));
    EXPECT_EQ(run("BITPOS k 1 2"), integer(-1));
    run("SET k \"\\x00\\xff\\xf0\"");
    EXPECT_EQ(run("BITPOS k 1 0"), integer(8));
    EXPECT_EQ(run("BITPOS k 1 2"), integer(16));
    EXPECT_EQ(run("BITPOS k 1 2 -1 byte"), integer(16));
    EXPECT_EQ(run("BITPOS k 1 7 15 BIT"), integer(8));
    EXPECT_EQ(run("BITPOS k 1 0 7 BIT"), integer(-1));
    run("SET k \"\\xff\\xff\"");
    EXPECT_EQ(run("BITPOS k 0"), integer(16));
    EXPECT_EQ(run("BITPOS k 0 1"), integer(16));
    EXPECT_EQ(run("BITPOS k 0 0 -1"), integer(-1));
    EXPECT_EQ(run("BITPOS k 0 5"), integer(-1));
    EXPECT_EQ(run("BITPOS nope 0 x"), integer(0));
    EXPECT_EQ(run("BITPOS nope 1"), integer(-1));
}

TEST_F(BitmapCommands, BitposErrors) {
    run("SET k x");
    EXPECT_EQ(run("BITPOS l 2"), "-ERR The bit argument must be 1 or 0.\r\n");
    EXPECT_EQ(run("BITPOS l x"), kNotIntegerError);
    EXPECT_EQ(run("BITPOS l 1 x"), kWrongTypeError);
    EXPECT_EQ(run("BITPOS k 1 x"), kNotIntegerError);
    EXPECT_EQ(run("BITPOS k 1 0 x"), kNotIntegerError);
    EXPECT_EQ(run("BITPOS k 1 0 x bits"), kSyntaxError);
    EXPECT_EQ(run("BITPOS k 1 0 1 bit x"), kSyntaxError);
}

TEST_F(BitmapCommands, Bitop) {
    run("MSET a \"abcdefghij\\xff\" b \"ABCDEFGHIJ\" target old");
    EXPECT_EQ(run("BITOP AND target a b nope"), integer(11));
    EXPECT_EQ(run("GET target"), bulk(std::string(11, '\0')));
    EXPECT_EQ(run("BITOP and target a b"), integer(11));
    EXPECT_EQ(run("GET target"), bulk(std::string("ABCDEFGHIJ\0", 11)));
    EXPECT_EQ(run("BITOP or target b a"), integer(11));
    EXPECT_EQ(run("GET target"), bulk("abcdefghij\xff"));
    EXPECT_EQ(run("BITOP xor target a b"), integer(11));
    EXPECT_EQ(run("GET target"), bulk("          \xff"));
    EXPECT_EQ(run("BITOP not target b"), integer(10));
    EXPECT_EQ(run("GETRANGE target 0 0"), bulk("\xbe"));
    EXPECT_EQ(run("BITOP or a a b"), integer(11));
}

TEST_F(BitmapCommands, BitopOfNothingDeletesTheTarget) {
    run("SET target old EX 100");
    EXPECT_EQ(run("BITOP or target nope nada"), integer(0));
    EXPECT_FALSE(keys().peek("target"));
    run("MSET a x target old");
    run("GETEX target EX 100");
    run("BITOP or target a");
    EXPECT_EQ(keys().peek("target")->expire_at_ms, kNoExpiry);
}

TEST_F(BitmapCommands, BitopErrors) {
    EXPECT_EQ(run("BITOP nand t a b"), kSyntaxError);
    EXPECT_EQ(run("BITOP not t a b"), "-ERR BITOP NOT must be called with a single source key.\r\n");
    EXPECT_EQ(run("BITOP or t a l"), kWrongTypeError);
    EXPECT_EQ(run("BITOP or l nope"), integer(0));
}

}  // namespace
}  // namespace torc::testing
