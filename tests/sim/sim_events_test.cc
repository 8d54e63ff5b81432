#include "sim/sim_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(SimEvents, RunByTimeAndAtOneTimeInOrder) {
    SimEvents events;
    std::vector<int> seen;
    events.at(20, [&] { seen.push_back(3); });
    events.at(10, [&] {
        seen.push_back(1);
        events.after(0, [&] { seen.push_back(2); });
    });
    events.at(20, [&] { seen.push_back(4); });
    events.at(31, [&] { seen.push_back(5); });
    events.run_until(30);
    EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4));
    EXPECT_EQ(events.now_us(), 30);
    events.at(5, [&] { EXPECT_EQ(events.now_us(), 30); });  // too late: now
    events.run_until(31);
    EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4, 5));
}

}  // namespace
}  // namespace torc
