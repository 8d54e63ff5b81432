#include "commands/command_table.h"

#include <gtest/gtest.h>

#include <string>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

using Indexes = std::vector<int>;

// Positions of the keys of a line, or {-1} when its arguments are malformed.
Indexes keys_of(const CommandSpec& spec, std::string_view line) {
    const std::vector<std::string> words = CommandRunner::split(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::vector<KeyPosition> found{{99, 0}};
    if (!find_keys(spec, args, found)) return found.size() == 1 ? Indexes{-1} : Indexes{-2};
    Indexes indexes;
    for (size_t i = 1; i < found.size(); ++i) indexes.push_back(found[i].index);
    return indexes;
}

Indexes keys_of(std::string_view line) {
    return keys_of(*CommandTable::instance().find(line.substr(0, line.find(' '))), line);
}

TEST(CommandTable, FindsNamesInAnyCase) {
    const CommandTable& table = CommandTable::instance();
    ASSERT_NE(table.find("get"), nullptr);
    EXPECT_EQ(table.find("GeT"), table.find("get"));
    for (const char* unknown : {"", "ge", "gets", "g\x05t", "nosuchcommand"})
        EXPECT_EQ(table.find(unknown), nullptr);
    for (const CommandSpec* spec : table.all()) EXPECT_EQ(table.find(spec->name), spec);
}

TEST(CommandTable, RowsAreSound) {
    for (const CommandSpec* spec : CommandTable::instance().all()) {
        EXPECT_TRUE(spec->run != nullptr || !spec->subcommands.empty()) << spec->name;
        EXPECT_NE(spec->arity, 0) << spec->name;
        EXPECT_FALSE((spec->flags & kWrite) != 0 && (spec->flags & kReadonly) != 0) << spec->name;
        EXPECT_EQ((spec->flags & kFast) != 0, (spec->categories & kCatFast) != 0) << spec->name;
    }
}

TEST(CommandTable, Arity) {
    const CommandSpec& get = *CommandTable::instance().find("get");
    EXPECT_TRUE(arity_fits(get, 2));
    EXPECT_FALSE(arity_fits(get, 3));
    const CommandSpec& mget = *CommandTable::instance().find("mget");
    EXPECT_FALSE(arity_fits(mget, 1));
    EXPECT_TRUE(arity_fits(mget, 9));
}

TEST(FindKeys, Ranges) {
    EXPECT_EQ(keys_of("get k"), (Indexes{1}));
    EXPECT_EQ(keys_of("mget a b c"), (Indexes{1, 2, 3}));
    EXPECT_EQ(keys_of("mset a 1 b 2"), (Indexes{1, 3}));
    EXPECT_EQ(keys_of("bitop and to a b"), (Indexes{2, 3, 4}));
    EXPECT_EQ(keys_of("lcs a b idx"), (Indexes{1, 2}));
    EXPECT_EQ(keys_of("get"), (Indexes{-1}));
    EXPECT_EQ(keys_of("bitop and to"), (Indexes{-1}));
}

TEST(FindKeys, OptionsChangeTheFlags) {
    const auto flags = [](std::vector<std::string_view> args) {
        std::vector<KeyPosition> found;
        EXPECT_TRUE(find_keys(*CommandTable::instance().find(args[0]), args, found));
        return found.at(0).flags;
    };
    EXPECT_EQ(flags({"set", "k", "get"}), kKeyOW | kKeyUpdate);
    EXPECT_EQ(flags({"set", "k", "v", "EX", "1", "Get"}), kKeyRW | kKeyAccess | kKeyUpdate);
    EXPECT_EQ(flags({"bitfield", "k", "get", "u8", "0", "overflow", "sat"}), kKeyRO | kKeyAccess);
    EXPECT_EQ(flags({"bitfield", "k", "get", "u8", "0", "set", "u8", "0", "1"}),
              kKeyRW | kKeyAccess | kKeyUpdate);
}

TEST(FindKeys, CountsAndKeywords) {
    static constexpr KeySpec kCounted[] = {
        {.begin_index = 2, .find = KeySpec::Find::keynum, .keynum_first = 1}};
    static constexpr CommandSpec kEval{"eval", -3, 0, 0, kCounted};
    EXPECT_EQ(keys_of(kEval, "eval x 2 a b c"), (Indexes{3, 4}));
    EXPECT_EQ(keys_of(kEval, "eval x 0 a"), (Indexes{}));
    for (const char* bad : {"eval x 3 a b", "eval x -1 a", "eval x y a", "eval x 99999999999 a", "eval x"})
        EXPECT_EQ(keys_of(kEval, bad), (Indexes{-1})) << bad;

    static constexpr KeySpec kAfterWord[] = {{.begin = KeySpec::Begin::keyword,
                                              .begin_index = 1,
                                              .begin_keyword = "STREAMS",
                                              .last_key = -1,
                                              .limit = 2}};
    static constexpr CommandSpec kXread{"xread", -4, 0, 0, kAfterWord};
    EXPECT_EQ(keys_of(kXread, "xread count 2 streams a b 0 0"), (Indexes{4, 5}));
    EXPECT_EQ(keys_of(kXread, "xread count 2"), (Indexes{}));

    static constexpr KeySpec kFromTheEnd[] = {
        {.begin = KeySpec::Begin::keyword, .begin_index = -2, .begin_keyword = "KEYS", .last_key = -1}};
    static constexpr CommandSpec kMigrate{"migrate", -6, 0, 0, kFromTheEnd};
    EXPECT_EQ(keys_of(kMigrate, "migrate host port x keys a b"), (Indexes{5, 6}));
}

TEST(FindKeys, UnknowableSpecsAndNonKeys) {
    static constexpr KeySpec kPartly[] = {
        {.flags = kKeyRO | kKeyIncomplete, .begin = KeySpec::Begin::unknown},
        {.flags = kKeyNotKey, .begin_index = 1},
        {.flags = kKeyRO, .begin_index = 2},
    };
    static constexpr CommandSpec kSort{"sort", -2, 0, 0, kPartly};
    EXPECT_EQ(keys_of(kSort, "sort a b"), (Indexes{2}));
    static constexpr KeySpec kUnknown[] = {{.begin = KeySpec::Begin::unknown}};
    static constexpr CommandSpec kOdd{"odd", -2, 0, 0, kUnknown};
    EXPECT_EQ(keys_of(kOdd, "odd a b"), (Indexes{-1}));
}

}  // namespace
}  // namespace torc::testing
