#include "server/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace torc {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsLimitAndStartsAnewAfterSuccess) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        Backoff backoff(milliseconds(50), milliseconds(2000), seed);
        for (int round = 0; round < 2; ++round) {
            for (const int wait : {50, 100, 200, 400, 800, 1600, 2000, 2000, 2000}) {
                const milliseconds got = backoff.next();
                EXPECT_GE(got.count(), wait / 2) << seed;
                EXPECT_LE(got.count(), wait) << seed;
            }
            backoff.reset();
        }
    }
}

TEST(Backoff, ThoseWhoFailedTogetherComeBackApart) {
    std::set<int64_t> waits;
    for (uint64_t seed = 0; seed < 100; ++seed) {
        Backoff backoff(milliseconds(2000), milliseconds(2000), seed);
        waits.insert(backoff.next().count());
    }
    EXPECT_GT(waits.size(), 80u);
}

}  // namespace
}  // namespace torc
