#include "server/task_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace torc {
namespace {

struct Numbered : LoopTask {
    int number = 0;
    void run() override {}
};

TEST(TaskQueue, GivesTasksInTheOrderTheyCame) {
    TaskQueue queue;
    std::vector<Numbered> tasks(4);
    for (int i = 0; i < 4; ++i) {
        tasks[static_cast<size_t>(i)].number = i;
        EXPECT_EQ(queue.push(tasks[static_cast<size_t>(i)]), i == 0);
    }
    TaskList list = queue.take();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(static_cast<Numbered*>(list.pop())->number, i);
    EXPECT_EQ(list.pop(), nullptr);
    EXPECT_EQ(queue.take().pop(), nullptr);
}

TEST(TaskQueue, ATaskMayBePushedAgainWhileItsListIsWalked) {
    TaskQueue queue;
    Numbered a, b;
    queue.push(a);
    queue.push(b);
    TaskList list = queue.take();
    EXPECT_EQ(list.pop(), &a);
    EXPECT_TRUE(queue.push(a));
    EXPECT_EQ(list.pop(), &b);
    EXPECT_EQ(list.pop(), nullptr);
    EXPECT_EQ(queue.take().pop(), &a);
}

TEST(TaskQueue, LosesNothingUnderManyProducersAndTellsOncePerEmptiness) {
    constexpr int kThreads = 3, kEach = 5000;
    TaskQueue queue;
    std::vector<std::unique_ptr<Numbered>> tasks;
    for (int i = 0; i < kThreads * kEach; ++i) {
        tasks.push_back(std::make_unique<Numbered>());
        tasks.back()->number = i;
    }
    std::atomic<int> told{0};
    std::vector<std::thread> producers;
    for (int t = 0; t < kThreads; ++t) {
        producers.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) told += queue.push(*tasks[static_cast<size_t>(t * kEach + i)]);
        });
    }
    int taken = 0, takes = 0;
    std::vector<int> last(kThreads, -1);
    while (taken < kThreads * kEach) {
        TaskList list = queue.take();
        bool any = false;
        while (LoopTask* task = list.pop()) {
            any = true;
            const int number = static_cast<Numbered*>(task)->number;
            EXPECT_GT(number, last[static_cast<size_t>(number / kEach)]);
            last[static_cast<size_t>(number / kEach)] = number;
            ++taken;
        }
        takes += any;
    }
    for (std::thread& producer : producers) producer.join();
    EXPECT_EQ(told, takes);
}

}  // namespace
}  // namespace torc
