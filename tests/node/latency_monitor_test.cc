#include "node/latency_monitor.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(LatencyMonitorTest, KeepsTheWorstOfEachSecond) {
    LatencyMonitor monitor;
    monitor.add("command", 5, 100);
    monitor.add("command", 9, 100);
    monitor.add("command", 3, 100);
    monitor.add("command", 4, 102);
    const auto events = monitor.events();
    ASSERT_EQ(events.size(), 1u);
    ASSERT_EQ(events[0].samples.size(), 2u);
    EXPECT_EQ(events[0].samples[0].milliseconds, 9);
    EXPECT_EQ(events[0].samples[1].unix_seconds, 102);
    EXPECT_EQ(events[0].max_ms, 9);
}

TEST(LatencyMonitorTest, ForgetsTheOldestButNotTheWorst) {
    LatencyMonitor monitor;
    monitor.add("log", 1000, 1);
    for (int second = 2; second < 2 + static_cast<int>(LatencyMonitor::kMaxSamples); ++second)
        monitor.add("log", 10, second);
    const auto events = monitor.events();
    EXPECT_EQ(events[0].samples.size(), LatencyMonitor::kMaxSamples);
    EXPECT_EQ(events[0].samples.front().unix_seconds, 2);
    EXPECT_EQ(events[0].max_ms, 1000);
}

TEST(LatencyMonitorTest, ResetsSomeOrAll) {
    LatencyMonitor monitor;
    monitor.add("b", 1, 1);
    monitor.add("a", 1, 1);
    monitor.add("c", 1, 1);
    EXPECT_EQ(monitor.events()[0].name, "a") << "by name";
    EXPECT_EQ(monitor.reset({"a", "nosuch"}), 1u);
    EXPECT_EQ(monitor.events().size(), 2u);
    EXPECT_EQ(monitor.reset({}), 2u);
    EXPECT_TRUE(monitor.events().empty());
}

}  // namespace
}  // namespace torc
