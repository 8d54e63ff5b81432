#include "node/error_stats.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

using Counts = std::vector<std::pair<std::string, uint64_t>>;

TEST(ErrorStatsTest, CountsByCode) {
    ErrorStats stats;
    stats.count("WRONGTYPE Operation against a key");
    stats.count("ERR syntax error");
    stats.count("ERR no such key");
    stats.count("LOADING");
    EXPECT_EQ(stats.counts(), (Counts{{"ERR", 2}, {"LOADING", 1}, {"WRONGTYPE", 1}}));
    EXPECT_EQ(stats.total(), 4u);
    stats.reset();
    EXPECT_TRUE(stats.counts().empty());
    EXPECT_EQ(stats.total(), 0u);
}

TEST(ErrorStatsTest, TellsOnlySoManyCodesApart) {
    ErrorStats stats;
    for (size_t i = 0; i < ErrorStats::kMaxCodes + 10; ++i) stats.count("C" + std::to_string(i) + " text");
    EXPECT_EQ(stats.counts().size(), ErrorStats::kMaxCodes);
    EXPECT_EQ(stats.total(), ErrorStats::kMaxCodes + 10);
    stats.count("C0 again");
    EXPECT_EQ(stats.counts()[0], (std::pair<std::string, uint64_t>{"C0", 2}));
}

}  // namespace
}  // namespace torc
