#include "server/control_loop.h"

#include <gmock/gmock.h>

#include "tests/server/bus_fixture.h"

namespace torc {
namespace {

using State = BusHandshake::State;
using testing::ElementsAre;

/// A clustered node's loops: the control loop, and two event loops that share the fake node.
class ClusteredLoops : public testing::Test {
  protected:
    ClusteredLoops() {
        fake_.bus_user = &data_user_;
        for (unsigned i = 0; i < 2; ++i)
            loops_.push_back(std::make_unique<EventLoop>(node_, pool_, i, 2, &control_->control));
        for (auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
    }
    ~ClusteredLoops() override {
        control_->stop();
        stop_loops();
    }
    void stop_loops() {
        if (threads_.empty()) return;
        for (auto& loop : loops_) loop->stop();
        for (auto& thread : threads_) thread.join();
        threads_.clear();
        pool_.stop();
        for (auto& loop : loops_) loop->close_sessions();
    }
    std::thread::id thread_of(unsigned loop) { return threads_[loop].get_id(); }
    void run_on(unsigned loop, const std::function<void()>& task) {
        std::promise<void> done;
        loops_[loop]->post([&] {
            task();
            done.set_value();
        });
        done.get_future().get();
    }

    RecordingUser data_user_;
    FakeNode fake_;
    Node node_{fake_.config, {posix_disk(), system_clock(), 1, [] {}}};
    DiskPool pool_{1};
    std::vector<std::unique_ptr<EventLoop>> loops_;
    std::vector<std::thread> threads_;
    std::unique_ptr<RunningControl> control_ = std::make_unique<RunningControl>(
        1, "", 0,
        [this](unsigned lane, BusConnection connection) {
            loops_[lane % 2]->adopt_link(std::move(connection));
        },
        &system_clock());  // the event loops' too
};

TEST_F(ClusteredLoops, AcceptedDataLanesGoToTheLoops) {
    std::vector<RawPeer> peers;
    for (unsigned lane = 0; lane < 4; ++lane) {
        peers.push_back(RawPeer::call(control_->port));
        ASSERT_EQ(peers.back().shake_hands(BusRole::dialler, 2, static_cast<BusLane>(1 + lane)), State::done);
        ASSERT_TRUE(eventually([&] { return data_user_.links() == lane + 1; }));
        EXPECT_EQ(data_user_.up_thread(), thread_of(lane % 2)) << lane;
    }
    EXPECT_TRUE(control_->user().story().empty());
    data_user_.then = [](BusLink& link, std::string_view) { link.send("answer"); };
    for (RawPeer& peer : peers) {
        peer.send_frame("question");
        EXPECT_EQ(peer.next_frame(), "answer");
    }
    stop_loops();
    for (RawPeer& peer : peers) EXPECT_EQ(peer.rest(), "");
    EXPECT_EQ(data_user_.links(), 0u);
}

TEST_F(ClusteredLoops, EachLoopDialsItsOwnLane) {
    std::vector<unsigned> lanes;
    std::mutex mutex;
    std::vector<BusConnection> arrived;
    RunningControl other(2, "", 0, [&](unsigned lane, BusConnection connection) {
        std::lock_guard lock(mutex);
        lanes.push_back(lane);
        arrived.push_back(std::move(connection));
    });
    for (unsigned i = 0; i < 2; ++i)
        run_on(i, [&, i] { loops_[i]->bus_dialer()->keep_link(2, other.endpoint()); });
    EXPECT_TRUE(eventually([&] { return data_user_.links() == 2; }));
    other.run([] {});
    std::lock_guard lock(mutex);
    EXPECT_THAT(lanes, testing::UnorderedElementsAre(0u, 1u));
}

TEST_F(ClusteredLoops, ALoopThatWasStuckResetsItsLinksUnread) {
    RawPeer on_first = RawPeer::call(control_->port), on_second = RawPeer::call(control_->port);
    ASSERT_EQ(on_first.shake_hands(BusRole::dialler, 2, 1), State::done);
    ASSERT_EQ(on_second.shake_hands(BusRole::dialler, 2, 2), State::done);
    ASSERT_TRUE(eventually([&] { return data_user_.links() == 2; }));
    run_on(0, [&] {
        on_first.send_frame("an old command");
        ::poll(nullptr, 0, 550);
    });
    EXPECT_EQ(on_first.rest(), "");
    EXPECT_TRUE(eventually([&] { return data_user_.links() == 1; }));
    on_second.send_frame("a new command");
    EXPECT_TRUE(eventually([&] { return data_user_.story().back() == "a new command"; }));
    EXPECT_THAT(data_user_.story(), ElementsAre("up 2", "up 2", "down 2", "a new command"));
}

TEST_F(ClusteredLoops, WorkFromTheBusIsDoneInsideTurns) {
    RawPeer peer = RawPeer::call(control_->port);
    ASSERT_EQ(peer.shake_hands(BusRole::dialler, 2, 1), State::done);
    std::atomic<int> open_turns{-1};
    data_user_.then = [&](BusLink& link, std::string_view) {
        open_turns = fake_.begun_turns - fake_.ended_turns;
        link.send("seen");
    };
    peer.send_frame("look");
    EXPECT_EQ(peer.next_frame(), "seen");
    EXPECT_GE(open_turns, 1);
}

TEST(ControlLoop, StartsAndTicksTheControlPlaneOnItsThread) {
    RunningControl node(1);
    EXPECT_TRUE(eventually([&] { return node.control.ticks >= 3; }));
    node.run([&] { EXPECT_NE(node.control.dialer, nullptr); });
}

TEST(ControlLoop, AStopDropsUnfinishedHandshakesToo) {
    RunningControl node(1);
    RawPeer linked = RawPeer::call(node.port), waiting = RawPeer::call(node.port);
    ASSERT_EQ(linked.shake_hands(BusRole::dialler, 2), State::done);
    ASSERT_TRUE(node.links_become(1));
    node.time.advance_ms(501);
    EXPECT_EQ(linked.rest(), "");
    EXPECT_EQ(waiting.rest(), "");
    EXPECT_TRUE(eventually([&] { return node.user().links() == 0; }));
    RawPeer again = RawPeer::call(node.port);
    EXPECT_EQ(again.shake_hands(BusRole::dialler, 2), State::done);
}

TEST(ControlLoop, WorkPostedAfterTheEndIsDroppedAndFreed) {
    RunningControl node(1);
    node.stop();
    auto token = std::make_shared<int>(1);
    node.loop.post([token] {});
    EXPECT_EQ(token.use_count(), 1);
}

TEST(ControlLoop, BlockingWorkRunsElsewhere) {
    RunningControl node(1);
    std::promise<std::thread::id> where;
    std::thread::id control_thread;
    node.run([&] { control_thread = std::this_thread::get_id(); });
    node.loop.run_blocking([&] { where.set_value(std::this_thread::get_id()); });
    EXPECT_NE(where.get_future().get(), control_thread);
}

TEST(EventLoopWithoutACluster, HasNoBus) {
    FakeNode fake;
    Node node(fake.config, {posix_disk(), system_clock(), 1, [] {}});
    DiskPool pool(1);
    EventLoop loop(node, pool, 0, 1);
    EXPECT_EQ(loop.bus_dialer(), nullptr);
}

}  // namespace
}  // namespace torc
