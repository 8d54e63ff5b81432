#include "server/event_loop.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/server/loop_fixture.h"

namespace torc {
namespace {

using EventLoopTest = LoopFixture;

TEST_F(EventLoopTest, PostedWorkRunsInOrderOnTheLoopInsideATurn) {
    std::promise<std::vector<int>> seen;
    auto order = std::make_shared<std::vector<int>>();
    for (int i = 0; i < 100; ++i) loop_->post([order, i] { order->push_back(i); });
    int open_turns = -1;
    loop_->post([&, order] {
        open_turns = fake_.begun_turns - fake_.ended_turns;
        seen.set_value(*order);
    });
    const std::vector<int> result = seen.get_future().get();
    ASSERT_EQ(result.size(), 100u);
    EXPECT_TRUE(std::ranges::is_sorted(result));
    EXPECT_EQ(open_turns, 1);
}

TEST_F(EventLoopTest, WorkThatPostsToItsOwnLoopGoesOnWithoutAnyEvent) {
    std::promise<int> done;
    auto depth = std::make_shared<int>(0);
    std::function<void()> again = [&, depth] {
        if (++*depth == 50) return done.set_value(*depth);
        loop_->post(again);
    };
    loop_->post(again);
    EXPECT_EQ(done.get_future().get(), 50);
}

TEST_F(EventLoopTest, BlockingWorkRunsElsewhere) {
    std::promise<std::thread::id> where;
    loop_->run_blocking([&] { where.set_value(std::this_thread::get_id()); });
    const auto id = where.get_future().get();
    EXPECT_NE(id, std::this_thread::get_id());
    EXPECT_NE(id, thread_.get_id());
}

TEST_F(EventLoopTest, TheTimerTicks) {
    EXPECT_TRUE(eventually([this] { return fake_.timer_ticks >= 3; }));
}

TEST_F(EventLoopTest, SaysWhenItSleeps) {
    EXPECT_TRUE(eventually([this] { return fake_.idle.load(); }));
    std::promise<bool> idle_inside;
    loop_->post([&] { idle_inside.set_value(fake_.idle); });
    EXPECT_FALSE(idle_inside.get_future().get());
}

TEST_F(EventLoopTest, WorkPostedAfterTheEndIsDroppedAndFreed) {
    stop();
    auto token = std::make_shared<int>(1);
    bool ran = false;
    loop_->post([token, &ran] { ran = true; });
    EXPECT_FALSE(ran);
    EXPECT_EQ(token.use_count(), 1);
    auto late = connect();
    EXPECT_TRUE(late->closed_by_other_side());
}

}  // namespace
}  // namespace torc
