#include "commands/torc_with.h"

#include <gtest/gtest.h>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

std::expected<WithPrefix, std::string> parse(std::string_view line) {
    const std::vector<std::string> words = CommandRunner::split(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    return parse_with(args);
}

std::vector<int> keys_of(std::string_view line) {
    const std::vector<std::string> words = CommandRunner::split(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::vector<KeyPosition> found;
    if (!find_keys(*CommandTable::instance().find("torc.with"), args, found)) return {-1};
    std::vector<int> indexes;
    for (const KeyPosition& key : found) indexes.push_back(key.index);
    return indexes;
}

TEST(TorcWith, LevelsInAnyOrderAndCase) {
    auto prefix = parse("TORC.WITH R one W ALL SET k v");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->read, Consistency::one);
    EXPECT_EQ(prefix->write, Consistency::all);
    EXPECT_EQ(prefix->words, 5u);
    prefix = parse("torc.with w Local_Quorum get k");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->read, std::nullopt);
    EXPECT_EQ(prefix->write, Consistency::local_quorum);
    EXPECT_EQ(prefix->words, 3u);
    prefix = parse("torc.with w each_quorum r quorum get k");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->read, Consistency::quorum);
    EXPECT_EQ(prefix->write, Consistency::each_quorum);
    prefix = parse("torc.with get k");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->words, 1u);
}

TEST(TorcWith, MistakesHaveTheirErrors) {
    EXPECT_EQ(parse("torc.with r one r all get k").error(), "ERR syntax error");
    EXPECT_EQ(parse("torc.with r").error(), "ERR syntax error");
    EXPECT_EQ(
        parse("torc.with r two get k").error(),
        "ERR unknown consistency level 'two', must be one of one, quorum, all, local_quorum, each_quorum");
    EXPECT_EQ(parse("torc.with").error(), "ERR wrong number of arguments for 'torc.with' command");
    EXPECT_EQ(parse("torc.with r one w all").error(),
              "ERR wrong number of arguments for 'torc.with' command");
    EXPECT_EQ(parse("torc.with r one TORC.With get k").error(), "ERR TORC.WITH can't be nested");
}

TEST(TorcWith, KeysAreThoseOfTheCommandWithin) {
    EXPECT_EQ(keys_of("torc.with r one get k"), (std::vector<int>{4}));
    EXPECT_EQ(keys_of("torc.with r one w all mset a 1 b 2"), (std::vector<int>{6, 8}));
    EXPECT_EQ(keys_of("torc.with set k v get"), (std::vector<int>{2}));
    EXPECT_EQ(keys_of("torc.with object encoding k"), (std::vector<int>{3}));
    EXPECT_EQ(keys_of("torc.with ping"), (std::vector<int>{}));
    for (const char* bad : {"torc.with", "torc.with r x get k", "torc.with nosuch k", "torc.with get",
                            "torc.with r one torc.with get k"})
        EXPECT_EQ(keys_of(bad), (std::vector<int>{-1})) << bad;
}

}  // namespace
}  // namespace torc::testing
