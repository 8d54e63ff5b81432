#include "engine/reclaimer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace torc {
namespace {

void count_free(void* counter) {
    static_cast<std::atomic<int>*>(counter)->fetch_add(1);
}

TEST(Reclaimer, FreesAtOnceWhenNobodyReads) {
    Reclaimer reclaimer;
    std::atomic<int> freed{0};
    reclaimer.retire(&freed, count_free);
    EXPECT_EQ(reclaimer.waiting(), 1u);
    reclaimer.drain();
    EXPECT_EQ(freed, 1);
    EXPECT_EQ(reclaimer.waiting(), 0u);
}

TEST(Reclaimer, WaitsForEveryOnlineThread) {
    Reclaimer reclaimer;
    std::atomic<int> freed{0};
    reclaimer.quiescent(0);
    reclaimer.quiescent(5);
    reclaimer.retire(&freed, count_free);
    reclaimer.drain();
    EXPECT_EQ(freed, 0);
    reclaimer.quiescent(0);
    EXPECT_EQ(freed, 0);
    reclaimer.quiescent(5);
    EXPECT_EQ(freed, 1);
}

TEST(Reclaimer, AnOfflineThreadHoldsNothingUp) {
    Reclaimer reclaimer;
    std::atomic<int> freed{0};
    reclaimer.quiescent(1);
    reclaimer.quiescent(63);
    reclaimer.retire(&freed, count_free);
    reclaimer.offline(63);
    EXPECT_EQ(freed, 0);
    reclaimer.quiescent(1);
    EXPECT_EQ(freed, 1);
    reclaimer.quiescent(63);  // online again: what's retired from now on waits for it
    reclaimer.retire(&freed, count_free);
    reclaimer.quiescent(1);
    EXPECT_EQ(freed, 1);
    reclaimer.offline(63);
    reclaimer.quiescent(1);
    EXPECT_EQ(freed, 2);
}

TEST(Reclaimer, TheDestructorFreesTheRest) {
    std::atomic<int> freed{0};
    {
        Reclaimer reclaimer;
        reclaimer.quiescent(0);
        for (int i = 0; i < 3; ++i) reclaimer.retire(&freed, count_free);
    }
    EXPECT_EQ(freed, 3);
}

// Under ThreadSanitizer or AddressSanitizer a premature free shows up as an error.
TEST(Reclaimer, ReadersNeverSeeFreedMemory) {
    Reclaimer reclaimer;
    std::atomic<std::atomic<int>*> shared{new std::atomic<int>(1)};
    std::atomic<bool> stop{false};
    std::atomic<int> ready{0};
    auto read = [&](unsigned thread) {
        reclaimer.quiescent(thread);
        ++ready;
        for (int turn = 0; !stop; ++turn) {
            for (int i = 0; i < 10; ++i) EXPECT_EQ(shared.load()->load(std::memory_order_relaxed), 1);
            if (turn % 100 == 99) reclaimer.offline(thread);
            reclaimer.quiescent(thread);
        }
        reclaimer.offline(thread);
    };
    std::thread a(read, 0), b(read, 1);
    while (ready < 2) std::this_thread::yield();
    for (int i = 0; i < 20000; ++i) {
        auto* old = shared.exchange(new std::atomic<int>(1));
        reclaimer.retire(old, [](void* memory) {
            auto* value = static_cast<std::atomic<int>*>(memory);
            value->store(0, std::memory_order_relaxed);
            delete value;
        });
        if (i % 64 == 0) reclaimer.drain();
    }
    stop = true;
    a.join();
    b.join();
    reclaimer.drain();
    EXPECT_EQ(reclaimer.waiting(), 0u);
    delete shared.load();
}

}  // namespace
}  // namespace torc
