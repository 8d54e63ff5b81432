#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class BitfieldCommands : public ::testing::Test, public CommandRunner {
  protected:
    // The integers of an array reply, nulls as "nil".
    std::string values(std::string_view line) {
        std::string reply = run(line);
        std::string out;
        if (!reply.starts_with("*")) return reply;
        size_t at = reply.find("\r\n") + 2;
        while (at < reply.size()) {
            const size_t end = reply.find("\r\n", at);
            out += (out.empty() ? "" : " ") + (reply[at] == ':' ? reply.substr(at + 1, end - at - 1) : "nil");
            at = end + 2;
        }
        return out;
    }
};

TEST_F(BitfieldCommands, SetGetAdd) {
    EXPECT_EQ(values("BITFIELD k SET u8 0 255 GET u8 0 GET i8 0 INCRBY u8 #1 7 GET u16 0"),
              "0 255 -1 7 65287");
    EXPECT_EQ(values("BITFIELD k GET u4 4 GET i5 100"), "15 0");
    EXPECT_EQ(values("BITFIELD k"), "");
    EXPECT_EQ(values("BITFIELD n SET i64 3 -5 GET i64 3 GET u3 0"), "0 -5 0");
}

TEST_F(BitfieldCommands, Overflows) {
    run("BITFIELD k SET u2 0 3 SET i3 8 3");
    EXPECT_EQ(values("BITFIELD k INCRBY u2 0 1"), "0");
    EXPECT_EQ(values("BITFIELD k OVERFLOW SAT INCRBY u2 0 9 INCRBY u2 0 -9"), "3 0");
    EXPECT_EQ(values("BITFIELD k OVERFLOW FAIL INCRBY u2 0 -1 GET u2 0"), "nil 0");
    EXPECT_EQ(values("BITFIELD k INCRBY i3 8 1 OVERFLOW SAT INCRBY i3 8 -1 INCRBY i3 8 100"), "-4 -4 3");
    EXPECT_EQ(values("BITFIELD k OVERFLOW FAIL SET u2 0 4 SET u2 0 -1 OVERFLOW SAT SET u2 0 -1 GET u2 0"),
              "nil nil 0 3");
    EXPECT_EQ(values("BITFIELD m SET i64 0 9223372036854775807 INCRBY i64 0 1 OVERFLOW SAT INCRBY i64 0 -1"),
              "0 -9223372036854775808 -9223372036854775808");
}

TEST_F(BitfieldCommands, WritesGrowAndKeepTheExpiry) {
    run("SET k a EX 5");
    run("BITFIELD k SET u8 16 65");
    EXPECT_EQ(run("GET k"), bulk(std::string_view("a\0A", 3)));
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 5000);
    // The place is made even for a write that then fails.
    EXPECT_EQ(values("BITFIELD n OVERFLOW FAIL INCRBY u8 0 256"), "nil");
    EXPECT_EQ(run("STRLEN n"), integer(1));
}

TEST_F(BitfieldCommands, OnlyGetsLeaveNoTrace) {
    EXPECT_EQ(values("BITFIELD k GET u8 0"), "0");
    EXPECT_EQ(values("BITFIELD_RO k GET u8 0 OVERFLOW SAT GET i8 #3"), "0 0");
    EXPECT_EQ(world.changes, 0u);
}

TEST_F(BitfieldCommands, Errors) {
    constexpr std::string_view kTypeError =
        "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
        "is.\r\n";
    for (const char* type : {"u64", "i65", "u0", "i", "x8", "u08", "U8", "\"\""})
        EXPECT_EQ(run(std::string("BITFIELD k GET ") + type + " 0"), kTypeError) << type;
    for (const char* offset : {"-1", "#-1", "#x", "x", "4294967296", "#9223372036854775807"})
        EXPECT_EQ(run(std::string("BITFIELD k GET u8 ") + offset),
                  "-ERR bit offset is not an integer or out of range\r\n")
            << offset;
    for (const char* rest : {"GET", "GET u8", "SET u8 0", "INCRBY u8 0", "OVERFLOW", "FOO u8 0"})
        EXPECT_EQ(run(std::string("BITFIELD k ") + rest), kSyntaxError) << rest;
    EXPECT_EQ(run("BITFIELD k OVERFLOW no"), "-ERR Invalid OVERFLOW type specified\r\n");
    EXPECT_EQ(run("BITFIELD k SET u8 0 x"), kNotIntegerError);
    EXPECT_EQ(run("BITFIELD_RO k SET u8 0 1"), "-ERR BITFIELD_RO only supports the GET subcommand\r\n");
    keys().put("l", ValueType::list, "x", kNoExpiry);
    const uint64_t before = world.changes;
    EXPECT_EQ(run("BITFIELD l SET u8 0 1"), kWrongTypeError);
    EXPECT_EQ(run("BITFIELD l GET u8 0"), kWrongTypeError);
    EXPECT_EQ(run("BITFIELD k SET u8 0 1 GET u8"), kSyntaxError);
    EXPECT_EQ(world.changes, before);
}

TEST_F(BitfieldCommands, FailInRespThree) {
    use_resp3();
    EXPECT_EQ(run("BITFIELD k OVERFLOW FAIL INCRBY u2 0 4"), "*1\r\n_\r\n");
}

}  // namespace
}  // namespace torc::testing
