#include <gtest/gtest.h>

#include <set>
#include <string>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

class ScanCommands : public ::testing::Test, public CommandRunner {
  protected:
    struct Page {
        std::string cursor;
        std::vector<std::string> keys;
    };
    /// Reads `*2 $cursor *n $key ...`.
    static Page parse(const std::string& reply) {
        std::vector<std::string> bulks;
        size_t at = reply.find('$');
        while (at != std::string::npos) {
            const size_t line = reply.find("\r\n", at);
            const size_t size = std::stoul(reply.substr(at + 1, line - at - 1));
            bulks.push_back(reply.substr(line + 2, size));
            at = reply.find('$', line + 2 + size);
        }
        EXPECT_FALSE(bulks.empty()) << reply;
        Page page{bulks.at(0), {bulks.begin() + 1, bulks.end()}};
        EXPECT_TRUE(reply.starts_with("*2\r\n$" + std::to_string(page.cursor.size()) + "\r\n" + page.cursor +
                                      "\r\n*" + std::to_string(page.keys.size()) + "\r\n"))
            << reply;
        return page;
    }
    std::multiset<std::string> walk(const std::string& options) {
        std::multiset<std::string> seen;
        std::string cursor = "0";
        for (int step = 0; step < 100; ++step) {
            const Page page = parse(run("SCAN " + cursor + options));
            seen.insert(page.keys.begin(), page.keys.end());
            cursor = page.cursor;
            if (cursor == "0") return seen;
        }
        ADD_FAILURE() << "the walk doesn't end";
        return seen;
    }
    void fill() {
        for (int i = 0; i < 40; ++i) run("SET key:" + std::to_string(i) + " v");
        keys().put("a list", ValueType::list, "", kNoExpiry);
    }
};

TEST_F(ScanCommands, VisitsEveryKeyOnce) {
    fill();
    for (const std::string options : {"", " COUNT 1", " COUNT 7", " COUNT 9223372036854775807"}) {
        const auto seen = walk(options);
        EXPECT_EQ(seen.size(), 41U) << options;
        EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 41U) << options;
    }
}

TEST_F(ScanCommands, CountBoundsAStep) {
    fill();
    const Page page = parse(run("SCAN 0 COUNT 1"));
    EXPECT_NE(page.cursor, "0");
    EXPECT_LT(page.keys.size(), 41U);
}

TEST_F(ScanCommands, FiltersByPatternAndType) {
    fill();
    EXPECT_EQ(walk(" MATCH key:1?").size(), 10U);
    EXPECT_EQ(walk(" MATCH nothing").size(), 0U);
    EXPECT_EQ(walk(" TYPE STRING").size(), 40U);
    EXPECT_EQ(walk(" TYPE list"), std::multiset<std::string>{"a list"});
    EXPECT_EQ(walk(" type list match key*").size(), 0U);
    EXPECT_EQ(walk(" TYPE nonsense").size(), 0U);
}

TEST_F(ScanCommands, CursorsAreReadAsRedisReadsThem) {
    EXPECT_EQ(run("SCAN 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
    EXPECT_EQ(run_words({"SCAN", ""}), "*2\r\n$1\r\n0\r\n*0\r\n");
    for (const std::string_view cursor : {"x", " 0", "0 ", "1x", "99999999999999999999"})
        EXPECT_EQ(run_words({"SCAN", cursor}), "-ERR invalid cursor\r\n") << cursor;
    using namespace std::string_view_literals;
    EXPECT_EQ(run_words({"SCAN", "0\0"sv}), "-ERR invalid cursor\r\n");
}

TEST_F(ScanCommands, MalformedOptionsAreRefused) {
    EXPECT_EQ(run("SCAN 0 COUNT 0"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("SCAN 0 COUNT -1"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("SCAN 0 COUNT x"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("SCAN 0 COUNT"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("SCAN 0 MATCH"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("SCAN 0 FOO bar"), "-ERR syntax error\r\n");
    EXPECT_EQ(run("SCAN x FOO bar"), "-ERR invalid cursor\r\n");
}

TEST_F(ScanCommands, KeysListsWhatMatches) {
    EXPECT_EQ(run("KEYS *"), "*0\r\n");
    fill();
    run("SET gone v PX 1");
    world.now_ms += 1;
    EXPECT_TRUE(run("KEYS *").starts_with("*41\r\n"));
    EXPECT_EQ(run("KEYS key:7"), "*1\r\n$5\r\nkey:7\r\n");
    EXPECT_EQ(run("KEYS gone"), "*0\r\n");
    EXPECT_TRUE(run("KEYS key:[12]?").starts_with("*20\r\n"));
}

TEST_F(ScanCommands, RandomkeyIsNullWhenThereIsNone) {
    EXPECT_EQ(run("RANDOMKEY"), "$-1\r\n");
    use_resp3();
    EXPECT_EQ(run("RANDOMKEY"), "_\r\n");
    run("SET only v");
    EXPECT_EQ(run("RANDOMKEY"), "$4\r\nonly\r\n");
}

TEST_F(ScanCommands, LooksOnlyAtItsDatabase) {
    run("SET here v");
    client.db = 3;
    EXPECT_EQ(run("KEYS *"), "*0\r\n");
    EXPECT_EQ(run("RANDOMKEY"), "$-1\r\n");
    EXPECT_EQ(walk("").size(), 0U);
}

}  // namespace
}  // namespace torc::testing
