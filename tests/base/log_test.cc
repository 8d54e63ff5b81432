#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace torc {
namespace {

class LogTest : public testing::Test {
  protected:
    LogTest() {
        char name[] = "/tmp/torc-log-XXXXXX";
        directory_ = ::mkdtemp(name);
        path_ = directory_ + "/torc.log";
    }
    ~LogTest() override {
        close_log();
        set_log_level(LogLevel::notice);
        std::filesystem::remove_all(directory_);
    }
    static std::string text(const std::string& path) {
        std::ostringstream all;
        all << std::ifstream(path).rdbuf();
        return all.str();
    }
    std::string directory_, path_;
};

TEST_F(LogTest, LinesLookLikeRedisLines) {
    ASSERT_TRUE(open_log(path_, LogLevel::debug));
    log_debug("d");
    log_at(LogLevel::verbose, "v");
    log_notice("{} keys", 3);
    log_warning("w");
    close_log();
    const std::string head = "[0-9]+:M [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8}\\.[0-9]{3} ";
    EXPECT_THAT(text(path_), testing::MatchesRegex(head + "\\. d\n" + head + "- v\n" + head + "\\* 3 keys\n" +
                                                   head + "# w\n"));
}

TEST_F(LogTest, LowerLevelsAreDroppedAndCanBeAskedFor) {
    ASSERT_TRUE(open_log(path_, LogLevel::warning));
    EXPECT_FALSE(log_enabled(LogLevel::notice));
    log_notice("unseen");
    set_log_level(LogLevel::notice);
    log_notice("seen");
    set_log_level(LogLevel::nothing);
    log_warning("unseen");
    close_log();
    EXPECT_THAT(text(path_), testing::EndsWith("seen\n"));
    EXPECT_THAT(text(path_), testing::Not(testing::HasSubstr("unseen")));
}

TEST_F(LogTest, DrainingWritesWhatIsQueuedAndLosesWhatComesLater) {
    ASSERT_TRUE(open_log(path_, LogLevel::notice));
    for (int i = 0; i < 100; ++i) log_notice("line {}", i);
    drain_log();
    log_notice("too late");
    EXPECT_THAT(text(path_), testing::EndsWith("line 99\n"));
    EXPECT_THAT(text(path_), testing::HasSubstr("line 0\n"));
}

TEST_F(LogTest, ReopeningWritesToTheNewFile) {
    ASSERT_TRUE(open_log(path_, LogLevel::notice));
    log_notice("before");
    reopen_log();  // the line above may still be queued: it goes to whichever file is open
    std::filesystem::rename(path_, path_ + ".1");
    reopen_log();
    log_notice("after");
    close_log();
    EXPECT_THAT(text(path_) + text(path_ + ".1"), testing::HasSubstr("before"));
    EXPECT_THAT(text(path_), testing::HasSubstr("after"));
}

TEST_F(LogTest, AMovedFileIsNoticedWithoutBeingTold) {
    ASSERT_TRUE(open_log(path_, LogLevel::notice));
    std::filesystem::rename(path_, path_ + ".1");
    // The first line looks, since nothing has looked before.
    log_notice("after the move");
    close_log();
    EXPECT_THAT(text(path_), testing::HasSubstr("after the move"));
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnErrorWithItsName) {
    const auto result = open_log(directory_ + "/missing/torc.log", LogLevel::notice);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, testing::HasSubstr(directory_ + "/missing/torc.log"));
    EXPECT_THAT(result.error().message, testing::HasSubstr("logfile"));
}

TEST(LogLevels, AreNamedAsInTheConfiguration) {
    EXPECT_EQ(log_level_named("debug"), LogLevel::debug);
    EXPECT_EQ(log_level_named("nothing"), LogLevel::nothing);
    EXPECT_EQ(log_level_named("loud"), std::nullopt);
}

}  // namespace
}  // namespace torc
