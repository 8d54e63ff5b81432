#include "reply.h"

#include <gtest/gtest.h>

namespace redis_tests {
namespace {

std::string read_all_at_once(std::string_view bytes) {
    ReplyReader reader;
    reader.feed(bytes);
    const auto reply = reader.next();
    return reply ? to_text(*reply) : "more";
}

TEST(ReplyReader, ReadsEachType) {
    EXPECT_EQ(read_all_at_once("+OK\r\n"), "+OK");
    EXPECT_EQ(read_all_at_once("-ERR no\r\n"), "-ERR no");
    EXPECT_EQ(read_all_at_once(":-7\r\n"), ":-7");
    EXPECT_EQ(read_all_at_once("$3\r\na\r\n\r\n"), "$\"a\\r\\n\"");
    EXPECT_EQ(read_all_at_once("$-1\r\n"), "$nil");
    EXPECT_EQ(read_all_at_once("*-1\r\n"), "*nil");
    EXPECT_EQ(read_all_at_once("*0\r\n"), "*[]");
    EXPECT_EQ(read_all_at_once("*2\r\n:1\r\n*1\r\n$0\r\n\r\n"), "*[:1, *[$\"\"]]");
    EXPECT_EQ(read_all_at_once("_\r\n"), "_");
    EXPECT_EQ(read_all_at_once("#t\r\n"), "#t");
    EXPECT_EQ(read_all_at_once(",1.5\r\n"), ",1.5");
    EXPECT_EQ(read_all_at_once("(123\r\n"), "(123");
    EXPECT_EQ(read_all_at_once("=6\r\ntxt:ab\r\n"), "=\"txt:ab\"");
    EXPECT_EQ(read_all_at_once("!5\r\nERR x\r\n"), "-ERR x");
    EXPECT_EQ(read_all_at_once("%1\r\n+k\r\n:1\r\n"), "%{+k: :1}");
    EXPECT_EQ(read_all_at_once("~1\r\n+k\r\n"), "~[+k]");
    EXPECT_EQ(read_all_at_once(">1\r\n+k\r\n"), ">[+k]");
}

TEST(ReplyReader, TakesBytesInAnySplit) {
    const std::string_view bytes = "%1\r\n$1\r\nk\r\n*2\r\n:1\r\n$-1\r\n+next\r\n";
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        ReplyReader reader;
        reader.feed(bytes.substr(0, cut));
        std::vector<std::string> seen;
        while (auto reply = reader.next()) seen.push_back(to_text(*reply));
        reader.feed(bytes.substr(cut));
        while (auto reply = reader.next()) seen.push_back(to_text(*reply));
        EXPECT_EQ(seen, (std::vector<std::string>{"%{$\"k\": *[:1, $nil]}", "+next"})) << cut;
    }
}

TEST(ReplyReader, NamesGarbage) {
    for (const std::string_view bytes :
         {"hello\r\n", "$x\r\n", "$-2\r\n", "$1\r\nabc", "%-1\r\n", "*1\r\n?\r\n"})
        EXPECT_TRUE(read_all_at_once(bytes).starts_with("(garbage")) << bytes;
}

TEST(Reply, NullsOfBothProtocolsDiffer) {
    EXPECT_NE(read_all_at_once("$-1\r\n"), read_all_at_once("_\r\n"));
    EXPECT_NE(read_all_at_once("$-1\r\n"), read_all_at_once("*-1\r\n"));
}

}  // namespace
}  // namespace redis_tests
