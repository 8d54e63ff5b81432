#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;

class LatencyTest : public ServerCommands {
  protected:
    void spike() { here.fake_latency.all = {{"command", {{1'699'999'990, 10}, {1'699'999'999, 40}}, 70}}; }
};

TEST_F(LatencyTest, LatestAndHistory) {
    EXPECT_EQ(run("LATENCY LATEST"), "*0\r\n");
    EXPECT_EQ(run("LATENCY HISTORY command"), "*0\r\n");
    spike();
    EXPECT_EQ(run("LATENCY LATEST"), "*1\r\n*4\r\n$7\r\ncommand\r\n:1699999999\r\n:40\r\n:70\r\n");
    EXPECT_EQ(run("LATENCY HISTORY command"),
              "*2\r\n*2\r\n:1699999990\r\n:10\r\n*2\r\n:1699999999\r\n:40\r\n");
}

TEST_F(LatencyTest, Reset) {
    spike();
    EXPECT_EQ(run("LATENCY RESET a b"), integer(1));
    EXPECT_EQ(here.fake_latency.reset_names, (std::vector<std::string>{"a", "b"}));
}

TEST_F(LatencyTest, GraphDrawsAColumnPerSample) {
    EXPECT_EQ(run("LATENCY GRAPH command"), "-ERR No samples available for event 'command'\r\n");
    spike();
    EXPECT_EQ(text_of("LATENCY GRAPH command"), "command - high 40 ms, low 10 ms (all time high 70 ms)\n" +
                                                    std::string(80, '-') +
                                                    "\n #\n |\n |\n#|\n\n11\n0s\ns \n\r\n");
}

TEST_F(LatencyTest, DoctorKnowsThreeStates) {
    EXPECT_THAT(run("LATENCY DOCTOR"), HasSubstr("monitoring is off"));
    configure({"--latency-monitor-threshold", "5"});
    EXPECT_THAT(run("LATENCY DOCTOR"), HasSubstr("Nothing took longer than 5 ms"));
    spike();
    const std::string report = run("LATENCY DOCTOR");
    EXPECT_THAT(report, HasSubstr("- command: 2 spikes, 25 ms on average, 70 ms at worst, the last 1s ago."));
    EXPECT_THAT(report, HasSubstr("SLOWLOG GET"));
}

TEST_F(LatencyTest, HistogramIsCumulativeByPowersOfTwo) {
    // 4 us, just above 32768 ns (whose level reaches to 33023 ns), and a far one.
    here.fake_commands.histograms = {{"get", 6, {{3999, 2}, {33'023, 3}, {1'056'767, 1}}}};
    EXPECT_EQ(run("LATENCY HISTOGRAM GET"),
              "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:6\r\n$14\r\nhistogram_usec\r\n"
              "*6\r\n:4\r\n:2\r\n:33\r\n:5\r\n:1056\r\n:6\r\n");
    EXPECT_EQ(run("LATENCY HISTOGRAM set nosuch"), "*0\r\n");
}

TEST_F(LatencyTest, AContainerStandsForItsSubcommands) {
    here.fake_commands.histograms = {{"config|get", 1, {{500, 1}}}, {"get", 1, {{500, 1}}}};
    use_resp3();
    EXPECT_EQ(
        run("LATENCY HISTOGRAM config"),
        "%1\r\n$10\r\nconfig|get\r\n%2\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n%1\r\n:1\r\n:1\r\n");
    EXPECT_TRUE(run("LATENCY HISTOGRAM").starts_with("%2\r\n"));
}

}  // namespace
}  // namespace torc::testing
