#include <gtest/gtest.h>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

class GenericCommands : public ::testing::Test, public CommandRunner {};

TEST_F(GenericCommands, DelAndUnlinkCountWhatTheyRemoved) {
    run("SET a 1");
    run("SET b 2");
    run("SET c 3");
    EXPECT_EQ(run("DEL a b a missing"), ":2\r\n");
    EXPECT_EQ(run("UNLINK c c"), ":1\r\n");
    EXPECT_EQ(keys().size(), 0U);
    EXPECT_EQ(run("DEL a"), ":0\r\n");
}

TEST_F(GenericCommands, ExistsAndTouchCountEachMention) {
    run("SET a 1");
    EXPECT_EQ(run("EXISTS a a missing"), ":2\r\n");
    EXPECT_EQ(run("TOUCH a a missing"), ":2\r\n");
    EXPECT_EQ(run("EXISTS missing"), ":0\r\n");
}

TEST_F(GenericCommands, ExpiredKeysAreNotThere) {
    run("SET a 1 PX 5");
    world.now_ms += 5;
    EXPECT_EQ(run("EXISTS a"), ":0\r\n");
    EXPECT_EQ(run("TYPE a"), "+none\r\n");
    EXPECT_EQ(run("DEL a"), ":0\r\n");
    EXPECT_EQ(run("RENAME a b"), "-ERR no such key\r\n");
}

TEST_F(GenericCommands, TypeNamesEveryType) {
    EXPECT_EQ(run("TYPE k"), "+none\r\n");
    const std::pair<ValueType, std::string> names[] = {
        {ValueType::string, "string"}, {ValueType::list, "list"}, {ValueType::set, "set"},
        {ValueType::zset, "zset"},     {ValueType::hash, "hash"}, {ValueType::stream, "stream"}};
    for (const auto& [type, name] : names) {
        keys().put("k", type, "", kNoExpiry);
        EXPECT_EQ(run("TYPE k"), "+" + name + "\r\n");
    }
}

TEST_F(GenericCommands, RenameTakesValueAndExpiryAlong) {
    run("SET a value EX 100");
    run("SET b old");
    EXPECT_EQ(run("RENAME a b"), "+OK\r\n");
    EXPECT_EQ(run("GET b"), "$5\r\nvalue\r\n");
    EXPECT_EQ(keys().peek("b")->expire_at_ms, world.now_ms + 100'000);
    EXPECT_FALSE(keys().peek("a"));
    run("SET c plain");
    EXPECT_EQ(run("RENAME c b"), "+OK\r\n");
    EXPECT_EQ(keys().peek("b")->expire_at_ms, kNoExpiry);
}

TEST_F(GenericCommands, RenameToItselfNeedsTheKeyAndChangesNothing) {
    EXPECT_EQ(run("RENAME a a"), "-ERR no such key\r\n");
    run("SET a 1");
    const auto before = world.changes;
    EXPECT_EQ(run("RENAME a a"), "+OK\r\n");
    EXPECT_EQ(run("RENAMENX a a"), ":0\r\n");
    EXPECT_EQ(world.changes, before);
    EXPECT_EQ(run("GET a"), "$1\r\n1\r\n");
}

TEST_F(GenericCommands, RenamenxLeavesAnExistingTarget) {
    EXPECT_EQ(run("RENAMENX a b"), "-ERR no such key\r\n");
    run("SET a 1");
    run("SET b 2");
    EXPECT_EQ(run("RENAMENX a b"), ":0\r\n");
    EXPECT_EQ(run("MGET a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    EXPECT_EQ(run("RENAMENX a c"), ":1\r\n");
    EXPECT_EQ(run("MGET a c"), "*2\r\n$-1\r\n$1\r\n1\r\n");
}

}  // namespace
}  // namespace torc::testing
