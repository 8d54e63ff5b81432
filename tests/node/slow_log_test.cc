#include "node/slow_log.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

void add(SlowLog& log, std::vector<std::string_view> words, size_t max_length = 10) {
    log.add(words, 1500, 1700000000, "127.0.0.1:1234", "worker", max_length);
}

TEST(SlowLogTest, NewestFirstWithIdsThatGoOn) {
    SlowLog log;
    add(log, {"get", "a"});
    add(log, {"set", "b", "c"});
    auto entries = log.newest(10);
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].id, 1u);
    EXPECT_EQ(entries[0].words, (std::vector<std::string>{"set", "b", "c"}));
    EXPECT_EQ(entries[0].microseconds, 1500);
    EXPECT_EQ(entries[0].unix_seconds, 1700000000);
    EXPECT_EQ(entries[0].client_address, "127.0.0.1:1234");
    EXPECT_EQ(entries[0].client_name, "worker");
    EXPECT_EQ(log.newest(1).size(), 1u);
    EXPECT_EQ(log.newest(1)[0].id, 1u);
    log.reset();
    EXPECT_EQ(log.size(), 0u);
    add(log, {"get", "a"});
    EXPECT_EQ(log.newest(1)[0].id, 2u) << "a reset doesn't start over";
}

TEST(SlowLogTest, KeepsNoMoreThanTheBound) {
    SlowLog log;
    for (int i = 0; i < 5; ++i) add(log, {"ping"}, 3);
    EXPECT_EQ(log.size(), 3u);
    EXPECT_EQ(log.newest(10).back().id, 2u);
    add(log, {"ping"}, 1);
    EXPECT_EQ(log.size(), 1u) << "a lower bound takes effect with the next entry";
    add(log, {"ping"}, 0);
    EXPECT_EQ(log.size(), 0u);
}

TEST(SlowLogTest, ShortensLongWordsAndLongCommands) {
    SlowLog log;
    const std::string exact(SlowLog::kMaxWordBytes, 'x');
    const std::string longer(SlowLog::kMaxWordBytes + 7, 'y');
    add(log, {"set", exact, longer});
    const auto words = log.newest(1)[0].words;
    EXPECT_EQ(words[1], exact);
    EXPECT_EQ(words[2], std::string(SlowLog::kMaxWordBytes, 'y') + "... (7 more bytes)");

    add(log, std::vector<std::string_view>(SlowLog::kMaxWords, "k"));
    EXPECT_EQ(log.newest(1)[0].words.back(), "k");
    add(log, std::vector<std::string_view>(SlowLog::kMaxWords + 2, "k"));
    EXPECT_EQ(log.newest(1)[0].words.size(), SlowLog::kMaxWords);
    EXPECT_EQ(log.newest(1)[0].words.back(), "... (3 more arguments)");
}

}  // namespace
}  // namespace torc
