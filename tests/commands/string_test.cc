#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

class StringCommands : public ::testing::Test, public CommandRunner {
  protected:
    void put_list(std::string_view key) { keys().put(key, ValueType::list, "x", kNoExpiry); }
    int64_t expiry(std::string_view key) { return keys().peek(key).value().expire_at_ms; }
};

TEST_F(StringCommands, SetReplacesValueTypeAndExpiry) {
    EXPECT_EQ(run("GET k"), kNull);
    EXPECT_EQ(run("SET k one EX 100"), kOk);
    EXPECT_EQ(expiry("k"), world.now_ms + 100'000);
    EXPECT_EQ(run("SET k two"), kOk);
    EXPECT_EQ(run("GET k"), bulk("two"));
    EXPECT_EQ(expiry("k"), kNoExpiry);
    put_list("k");
    EXPECT_EQ(run("SET k \"\""), kOk);
    EXPECT_EQ(run("GET k"), bulk(""));
}

TEST_F(StringCommands, SetExpiryUnits) {
    run("SET k v px 1500");
    EXPECT_EQ(expiry("k"), world.now_ms + 1500);
    run("SET k v ExAt 4000000000");
    EXPECT_EQ(expiry("k"), 4'000'000'000'000);
    run("SET k v PXAT 4000000000123");
    EXPECT_EQ(expiry("k"), 4'000'000'000'123);
    run("SET k w KEEPTTL");
    EXPECT_EQ(expiry("k"), 4'000'000'000'123);
    EXPECT_EQ(run("SET absent w KEEPTTL"), kOk);
    EXPECT_EQ(expiry("absent"), kNoExpiry);
    run("SET k v EX 5 EX 7");
    EXPECT_EQ(expiry("k"), world.now_ms + 7000);
    EXPECT_EQ(run("SET k v PXAT 1"), kOk);
    EXPECT_EQ(run("GET k"), kNull);
}

TEST_F(StringCommands, SetConditions) {
    EXPECT_EQ(run("SET k v XX"), kNull);
    EXPECT_EQ(run("GET k"), kNull);
    EXPECT_EQ(run("SET k v NX"), kOk);
    EXPECT_EQ(run("SET k w nx"), kNull);
    EXPECT_EQ(run("GET k"), bulk("v"));
    EXPECT_EQ(run("SET k w xx"), kOk);
    EXPECT_EQ(run("SET k x GET"), bulk("w"));
    EXPECT_EQ(run("SET k y NX GET"), bulk("x"));
    EXPECT_EQ(run("GET k"), bulk("x"));
    EXPECT_EQ(run("SET fresh y NX GET"), kNull);
    EXPECT_EQ(run("GET fresh"), bulk("y"));
    EXPECT_EQ(run("SET missing y XX GET"), kNull);
    EXPECT_EQ(run("GET missing"), kNull);
}

TEST_F(StringCommands, SetNullIsOfTheProtocol) {
    use_resp3();
    EXPECT_EQ(run("SET k v XX"), "_\r\n");
    EXPECT_EQ(run("GET k"), "_\r\n");
}

TEST_F(StringCommands, SetRefusesContradictions) {
    for (const char* options : {"NX XX", "XX NX", "EX", "EX 1 PX 1", "KEEPTTL EX 1", "EX 1 KEEPTTL",
                                "EXAT 1 PXAT 1", "PERSIST", "FOO", "\"\""})
        EXPECT_EQ(run(std::string("SET k v ") + options), kSyntaxError) << options;
    EXPECT_EQ(world.changes, 0u);
}

TEST_F(StringCommands, SetRefusesBadExpiries) {
    for (const char* option : {"EX 0", "EX -1", "PX 0", "EXAT 0", "EX 9223372036854775807",
                               "EX 9223372036854775", "PX 9223372036854775807", "EXAT 9223372036854775807"})
        EXPECT_EQ(run(std::string("SET k v ") + option), "-ERR invalid expire time in 'set' command\r\n")
            << option;
    EXPECT_EQ(run("SET k v EX 1.5"), kNotIntegerError);
    EXPECT_EQ(run("SET k v PX x NX"), kNotIntegerError);
    EXPECT_EQ(world.changes, 0u);
}

TEST_F(StringCommands, SetGetNeedsAString) {
    put_list("k");
    const uint64_t before = world.changes;
    EXPECT_EQ(run("SET k v GET"), kWrongTypeError);
    EXPECT_EQ(world.changes, before);
    EXPECT_EQ(run("SET k v NX"), kNull);
}

TEST_F(StringCommands, SetnxSetexPsetex) {
    EXPECT_EQ(run("SETNX k a"), integer(1));
    EXPECT_EQ(run("SETNX k b"), integer(0));
    EXPECT_EQ(run("SETEX k 10 c"), kOk);
    EXPECT_EQ(expiry("k"), world.now_ms + 10'000);
    EXPECT_EQ(run("PSETEX k 10 d"), kOk);
    EXPECT_EQ(expiry("k"), world.now_ms + 10);
    EXPECT_EQ(run("GET k"), bulk("d"));
    EXPECT_EQ(run("SETEX k 0 e"), "-ERR invalid expire time in 'setex' command\r\n");
    EXPECT_EQ(run("PSETEX k -1 e"), "-ERR invalid expire time in 'psetex' command\r\n");
    EXPECT_EQ(run("SETEX k x e"), kNotIntegerError);
    world.now_ms += 10;
    EXPECT_EQ(run("GET k"), kNull);
    EXPECT_EQ(run("SETNX k f"), integer(1));
}

TEST_F(StringCommands, GetsThatChange) {
    run("SET k v EX 10");
    EXPECT_EQ(run("GETSET k w"), bulk("v"));
    EXPECT_EQ(expiry("k"), kNoExpiry);
    EXPECT_EQ(run("GETDEL k"), bulk("w"));
    EXPECT_EQ(run("GETDEL k"), kNull);
    EXPECT_EQ(run("GETSET k x"), kNull);
    EXPECT_EQ(run("GET k"), bulk("x"));
    put_list("l");
    for (const char* line : {"GET l", "GETDEL l", "GETSET l v", "GETEX l", "GETEX l EX 0"})
        EXPECT_EQ(run(line), kWrongTypeError) << line;
    EXPECT_TRUE(keys().peek("l"));
}

TEST_F(StringCommands, Getex) {
    EXPECT_EQ(run("GETEX k EX 0"), kNull);
    run("SET k v");
    EXPECT_EQ(run("GETEX k EX 10"), bulk("v"));
    EXPECT_EQ(expiry("k"), world.now_ms + 10'000);
    EXPECT_EQ(run("GETEX k"), bulk("v"));
    EXPECT_EQ(expiry("k"), world.now_ms + 10'000);
    EXPECT_EQ(run("GETEX k PERSIST"), bulk("v"));
    EXPECT_EQ(expiry("k"), kNoExpiry);
    for (const char* options : {"NX", "GET", "KEEPTTL", "PERSIST EX 1", "EX 1 PERSIST", "EX", "PX 1 EX 1"})
        EXPECT_EQ(run(std::string("GETEX k ") + options), kSyntaxError) << options;
    EXPECT_EQ(run("GETEX k EX 0"), "-ERR invalid expire time in 'getex' command\r\n");
    EXPECT_EQ(run("GETEX k PXAT 1"), bulk("v"));
    EXPECT_EQ(keys().size(), 0u);
}

TEST_F(StringCommands, Many) {
    put_list("l");
    EXPECT_EQ(run("MSET a 1 b 2 a 3"), kOk);
    EXPECT_EQ(run("MGET a l nope b"),
              "*4\r\n" + bulk("3") + std::string(kNull) + std::string(kNull) + bulk("2"));
    EXPECT_EQ(run("MSETNX c 1 a 1"), integer(0));
    EXPECT_EQ(run("GET c"), kNull);
    EXPECT_EQ(run("MSETNX c 1 d 1"), integer(1));
    EXPECT_EQ(run("MSET l now"), kOk);
    EXPECT_EQ(run("MSET a 1 b"), "-ERR wrong number of arguments for 'mset' command\r\n");
    EXPECT_EQ(run("MSETNX a 1 b"), "-ERR wrong number of arguments for 'msetnx' command\r\n");
}

TEST_F(StringCommands, AppendAndStrlen) {
    EXPECT_EQ(run("STRLEN k"), integer(0));
    EXPECT_EQ(run("APPEND k ab"), integer(2));
    run("GETEX k EX 5");
    EXPECT_EQ(run("APPEND k cd"), integer(4));
    EXPECT_EQ(expiry("k"), world.now_ms + 5000);
    EXPECT_EQ(run("GET k"), bulk("abcd"));
    EXPECT_EQ(run("STRLEN k"), integer(4));
    put_list("l");
    EXPECT_EQ(run("APPEND l x"), kWrongTypeError);
    EXPECT_EQ(run("STRLEN l"), kWrongTypeError);
}

TEST_F(StringCommands, Getrange) {
    run("SET k \"Hello World\"");
    EXPECT_EQ(run("GETRANGE k 0 4"), bulk("Hello"));
    EXPECT_EQ(run("SUBSTR k -5 -1"), bulk("World"));
    EXPECT_EQ(run("GETRANGE k 0 100"), bulk("Hello World"));
    EXPECT_EQ(run("GETRANGE k -100 1"), bulk("He"));
    EXPECT_EQ(run("GETRANGE k 5 3"), bulk(""));
    EXPECT_EQ(run("GETRANGE k -1 -5"), bulk(""));
    EXPECT_EQ(run("GETRANGE k -100 -50"), bulk("H"));
    EXPECT_EQ(run("GETRANGE k 9223372036854775807 9223372036854775807"), bulk(""));
    EXPECT_EQ(run("GETRANGE nope 0 1"), bulk(""));
    put_list("l");
    EXPECT_EQ(run("GETRANGE l x 1"), kNotIntegerError);
    EXPECT_EQ(run("GETRANGE l 0 x"), kNotIntegerError);
    EXPECT_EQ(run("GETRANGE l 0 1"), kWrongTypeError);
}

TEST_F(StringCommands, Setrange) {
    EXPECT_EQ(run("SETRANGE k 2 \"\""), integer(0));
    EXPECT_FALSE(keys().peek("k"));
    EXPECT_EQ(run("SETRANGE k 2 ab"), integer(4));
    EXPECT_EQ(run("GET k"), bulk(std::string_view("\0\0ab", 4)));
    run("GETEX k EX 5");
    EXPECT_EQ(run("SETRANGE k 1 XY"), integer(4));
    EXPECT_EQ(run("SETRANGE k 3 12"), integer(5));
    EXPECT_EQ(run("GET k"), bulk(std::string_view("\0XY12", 5)));
    EXPECT_EQ(expiry("k"), world.now_ms + 5000);
    EXPECT_EQ(run("SETRANGE k 100 \"\""), integer(5));
    EXPECT_EQ(run("SETRANGE k -1 x"), "-ERR offset is out of range\r\n");
    EXPECT_EQ(run("SETRANGE k x x"), kNotIntegerError);
    EXPECT_EQ(run("SETRANGE k 536870912 x"), kTooLongError);
    EXPECT_EQ(run("SETRANGE nope 9223372036854775807 x"), kTooLongError);
    put_list("l");
    EXPECT_EQ(run("SETRANGE l 0 \"\""), kWrongTypeError);
}

TEST_F(StringCommands, GrowthIsBounded) {
    max_string_bytes = 8;
    EXPECT_EQ(run("APPEND k 12345678"), integer(8));
    EXPECT_EQ(run("APPEND k 9"), kTooLongError);
    EXPECT_EQ(run("SETRANGE k 7 8"), integer(8));
    EXPECT_EQ(run("SETRANGE k 8 9"), kTooLongError);
    EXPECT_EQ(run("SETBIT k 63 1"), integer(0));
    EXPECT_EQ(run("SETBIT k 64 1"), "-ERR bit offset is not an integer or out of range\r\n");
    EXPECT_EQ(run("STRLEN k"), integer(8));
}

TEST_F(StringCommands, ReadsCountAsHitsAndMisses) {
    run("SET k v");
    run("MGET k nope k");
    EXPECT_EQ(world.hits, 2u);
    EXPECT_EQ(world.misses, 1u);
    run("SET k w GET");
    EXPECT_EQ(world.hits, 3u);
}

TEST_F(StringCommands, LooksOfChangesAreNotCounted) {
    for (const char* line :
         {"SET k 1 NX", "SET k 2 XX", "SETNX k 3", "SETNX l 3", "INCR k", "INCRBYFLOAT k 1", "APPEND k 1",
          "SETRANGE k 1 2", "MSETNX a 1 b 2", "SETBIT k 1 1", "BITFIELD k SET u8 0 1", "EXPIRE k 100",
          "PERSIST k", "RENAME k m"})
        run(line);
    EXPECT_EQ(world.hits + world.misses, 0u);
}

TEST_F(StringCommands, AChangeIsAUse) {
    run("SET k 1");
    keys().set_idle_seconds("k", 9);
    run("GET k");
    EXPECT_EQ(keys().idle_seconds("k"), 0u);
    keys().set_idle_seconds("k", 9);
    run("EXISTS k");
    EXPECT_EQ(keys().idle_seconds("k"), 9u);
    run("EXPIRE k 100 XX");
    EXPECT_EQ(keys().idle_seconds("k"), 0u);
}

}  // namespace
}  // namespace torc::testing
