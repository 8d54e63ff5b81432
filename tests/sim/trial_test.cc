// Whole seeds. Those that once found something are kept here, with what it was (the longer list, with the
// commits that repaired it: docs/SIMULATOR.md).
#include "sim/trial.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"

namespace torc {
namespace {

std::string judged(const TrialReport& report) {
    std::string text;
    for (const std::string& line : report.wrong) text += line + "\n";
    return text;
}

class Trials : public testing::TestWithParam<uint64_t> {
  protected:
    void SetUp() override { set_log_level(LogLevel::nothing); }
    void TearDown() override { set_log_level(LogLevel::notice); }
};

TEST_P(Trials, ASeedThatFoundSomethingIsGood) {
    const TrialReport report = run_trial({.seed = GetParam(), .plain = true});
    EXPECT_EQ(judged(report), "") << "replay: vopr --seed " << GetParam() << " --plain --verbose";
    EXPECT_GT(report.acknowledged, 500u);
}
INSTANTIATE_TEST_SUITE_P(Kept, Trials,
                         testing::Values(3,      // a write that was sent again was called not applied
                                         6,      // values on disk only were never handed over
                                         47,     // connections to a rebooted machine
                                         180));  // as 3

TEST(Trial, WithoutFaultsNothingIsInDoubtOrRefused) {
    set_log_level(LogLevel::nothing);
    const TrialReport report = run_trial({.seed = 5, .seconds = 5, .faults = false});
    EXPECT_EQ(judged(report), "");
    EXPECT_EQ(report.in_doubt, 0u);
    EXPECT_EQ(report.refused, 0u);
}

TEST(Trial, PlainSeedsHaveNoKeysThatAreWrittenOnce) {
    set_log_level(LogLevel::nothing);
    const TrialReport plain = run_trial({.seed = 5, .seconds = 3, .faults = false, .plain = true});
    const TrialReport full = run_trial({.seed = 5, .seconds = 3, .faults = false});
    EXPECT_EQ(judged(plain) + judged(full), "");
    const auto has_them = [](const TrialReport& report) {
        return std::ranges::any_of(report.log, [](const std::string& line) { return line.contains(" o:"); });
    };
    EXPECT_FALSE(has_them(plain));
    EXPECT_TRUE(has_them(full));
}

TEST(Trial, OneSeedIsOneHistory) {
    set_log_level(LogLevel::nothing);
    const TrialReport first = run_trial({.seed = 9, .seconds = 8}),
                      second = run_trial({.seed = 9, .seconds = 8});
    EXPECT_EQ(first.log, second.log);
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.frames, second.frames);
    EXPECT_NE(first.log, run_trial({.seed = 10, .seconds = 8}).log);
}

}  // namespace
}  // namespace torc
