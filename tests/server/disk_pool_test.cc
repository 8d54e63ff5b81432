#include "server/disk_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace torc {
namespace {

TEST(DiskPool, RunsWhatWasQueuedBeforeItStops) {
    std::atomic<int> ran{0};
    DiskPool pool(2);
    for (int i = 0; i < 1000; ++i) pool.submit([&] { ++ran; });
    pool.stop();
    EXPECT_EQ(ran, 1000);
}

TEST(DiskPool, OneSlowTaskHoldsUpNoOther) {
    DiskPool pool(2);
    std::promise<void> other_ran;
    std::promise<void> waited;
    pool.submit([&] {
        other_ran.get_future().wait();
        waited.set_value();
    });
    pool.submit([&] { other_ran.set_value(); });
    waited.get_future().wait();
}

TEST(DiskPool, DropsWhatComesAfterItsEnd) {
    DiskPool pool(1);
    pool.stop();
    auto token = std::make_shared<int>(0);
    pool.submit([token] { FAIL() << "ran after the end"; });
    EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace torc
