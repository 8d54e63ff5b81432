#include "engine/shard_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace torc {
namespace {

struct CountingWaiter : ShardWaiter {
    void resume() override { ++resumed; }
    int resumed = 0;
};

TEST(ShardLock, IsTakenOnce) {
    ShardLock lock;
    EXPECT_TRUE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
}

TEST(ShardLock, ParkRefusesWhenTheLockIsFree) {
    ShardLock lock;
    CountingWaiter waiter;
    EXPECT_FALSE(lock.park(waiter));
    EXPECT_FALSE(lock.cancel(waiter));
}

TEST(ShardLock, UnlockResumesEveryWaiterOnce) {
    ShardLock lock;
    CountingWaiter a, b;
    ASSERT_TRUE(lock.try_lock());
    EXPECT_TRUE(lock.park(a));
    EXPECT_TRUE(lock.park(b));
    EXPECT_EQ(a.resumed, 0);
    lock.unlock();
    EXPECT_EQ(a.resumed, 1);
    EXPECT_EQ(b.resumed, 1);
    ASSERT_TRUE(lock.try_lock());
    lock.unlock();
    EXPECT_EQ(a.resumed, 1);
}

TEST(ShardLock, ACancelledWaiterIsNotResumed) {
    ShardLock lock;
    CountingWaiter first, middle, last;
    ASSERT_TRUE(lock.try_lock());
    lock.park(first);
    lock.park(middle);
    lock.park(last);
    EXPECT_TRUE(lock.cancel(middle));
    EXPECT_FALSE(lock.cancel(middle));
    EXPECT_TRUE(lock.cancel(last));
    EXPECT_TRUE(lock.park(middle));  // behind first again
    lock.unlock();
    EXPECT_EQ(first.resumed, 1);
    EXPECT_EQ(middle.resumed, 1);
    EXPECT_EQ(last.resumed, 0);
    EXPECT_FALSE(lock.cancel(first));
}

/// Waits for resume() as an event loop does for a posted task.
struct BlockingWaiter : ShardWaiter {
    void resume() override {
        std::lock_guard guard(mutex);
        resumed = true;
        wake.notify_one();
    }
    void wait() {
        std::unique_lock guard(mutex);
        wake.wait(guard, [this] { return resumed; });
        resumed = false;
    }
    std::mutex mutex;
    std::condition_variable wake;
    bool resumed = false;
};

// A lost wake-up hangs this test. Some waiters give up in between, as closing connections do.
TEST(ShardLock, NoWakeUpIsLostAmongThreads) {
    ShardLock lock;
    uint64_t guarded = 0;
    constexpr int kRounds = 3000;
    auto work = [&](int seed) {
        BlockingWaiter waiter;
        for (int i = 0; i < kRounds; ++i) {
            while (!lock.try_lock()) {
                if (!lock.park(waiter)) continue;
                if ((i + seed) % 7 == 0) {
                    if (!lock.cancel(waiter)) waiter.wait();
                } else {
                    waiter.wait();
                }
            }
            ++guarded;
            if (i % 16 == 0) std::this_thread::yield();  // others find it taken
            lock.unlock();
        }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
    std::thread background([&] {
        for (int i = 0; i < kRounds; ++i) {
            std::lock_guard guard(lock);
            ++guarded;
        }
    });
    for (std::thread& thread : threads) thread.join();
    background.join();
    EXPECT_EQ(guarded, 5u * kRounds);
}

}  // namespace
}  // namespace torc
