#include "sim/sim_net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Peer final : public SimStation, public BusUser {
  public:
    Peer(SimNet& net, unsigned machine)
        : control(net, machine, 0, [](std::function<void()> run) { run(); }),
          data(net, machine, 1, [](std::function<void()> run) { run(); }) {
        who.id = machine + 1;
        control.set_user(*this);
        data.set_user(*this);
        net.set_station(machine, this);
    }
    BusIdentity identity() override { return who; }
    SimLoop& loop(unsigned lane) override { return lane == 0 ? control : data; }
    void on_link_up(BusLink& link) override { links.push_back(&link); }
    void on_link_down(BusLink& link) override { std::erase(links, &link), ++downs; }
    void on_frame(BusLink&, std::string_view frame) override { frames.emplace_back(frame); }

    BusIdentity who;
    SimLoop control, data;
    std::vector<BusLink*> links;
    std::vector<std::string> frames;
    int downs = 0;
};

class SimNetTest : public testing::Test {
  protected:
    void run_ms(int64_t ms) { events.run_until(events.now_us() + ms * 1000); }
    void link() {
        a.data.keep_link(2, {SimNet::host_of(1), SimNet::kBusPort});
        run_ms(100);
        ASSERT_THAT(a.links, SizeIs(1));
        ASSERT_THAT(b.links, SizeIs(1));
    }
    SimEvents events;
    SimNet net{events, 1};
    Peer a{net, 0}, b{net, 1};
};

TEST_F(SimNetTest, FramesOfOneLinkComeInOrderBothWays) {
    link();
    EXPECT_EQ(a.links[0]->peer(), 2u);
    EXPECT_TRUE(a.links[0]->dialled());
    EXPECT_FALSE(b.links[0]->dialled());
    std::vector<std::string> sent;
    for (int i = 0; i < 50; ++i) a.links[0]->send(sent.emplace_back(std::to_string(i)));
    b.links[0]->send("back");
    net.set_loss(3);
    run_ms(60'000);
    EXPECT_EQ(b.frames, sent);
    EXPECT_THAT(a.frames, ElementsAre("back"));
}

TEST_F(SimNetTest, ACutIsSilentAndAfterItFramesComeOrTheLinkIsDown) {
    link();
    net.cut(0, 1, true);
    a.links[0]->send("late");
    b.links[0]->send("through");
    run_ms(3000);
    EXPECT_THAT(b.frames, IsEmpty());
    EXPECT_THAT(a.frames, ElementsAre("through"));
    EXPECT_EQ(a.downs + b.downs, 0);
    net.heal();
    run_ms(2000);
    if (b.frames.empty())
        EXPECT_EQ(b.downs, 1);
    else
        EXPECT_THAT(b.frames, ElementsAre("late"));
    EXPECT_THAT(a.links, SizeIs(1));  // the old one or a new one
}

TEST_F(SimNetTest, ABrokenLinkLosesWhatWasUnderWayAndIsDialledAnew) {
    link();
    a.links[0]->send("lost");
    net.break_some_link();
    run_ms(2000);
    EXPECT_THAT(b.frames, IsEmpty());
    EXPECT_EQ(a.downs, 1);
    EXPECT_EQ(b.downs, 1);
    EXPECT_THAT(a.links, SizeIs(1));
    EXPECT_THAT(b.links, SizeIs(1));
}

TEST_F(SimNetTest, ADeadProcessGetsNothingAndItsPeerHearsOfItsEnd) {
    link();
    a.links[0]->send("x");
    net.set_station(1, nullptr);
    b.data.die(false);
    run_ms(1000);
    EXPECT_THAT(b.frames, IsEmpty());
    EXPECT_EQ(a.downs, 1);
    EXPECT_THAT(a.links, IsEmpty());
}

TEST_F(SimNetTest, OfTwoDialledAtOnceOneStays) {
    a.data.dial({SimNet::host_of(1), SimNet::kBusPort});
    link();
    EXPECT_EQ(a.downs, 1);
    run_ms(2000);
    EXPECT_EQ(a.downs, 1);
    EXPECT_EQ(b.downs, 1);
    ASSERT_THAT(a.links, SizeIs(1));
    a.links[0]->send("x");
    run_ms(1000);
    EXPECT_THAT(b.frames, ElementsAre("x"));
}

TEST_F(SimNetTest, WhatADeadProcessDialledIsNoLinkOfTheNextOne) {
    a.data.keep_link(2, {SimNet::host_of(1), SimNet::kBusPort});
    a.data.die(false);
    Peer next(net, 0);
    run_ms(1000);
    EXPECT_THAT(next.links, IsEmpty());
    EXPECT_THAT(b.links, IsEmpty());
}

TEST_F(SimNetTest, OnlyWhoIsWantedIsLinked) {
    a.who.cluster_id = 1;
    b.who.cluster_id = 2;
    a.data.keep_link(2, {SimNet::host_of(1), SimNet::kBusPort});
    run_ms(3000);
    EXPECT_THAT(a.links, IsEmpty());
    b.who.cluster_id = 1;
    run_ms(3000);
    EXPECT_THAT(a.links, SizeIs(1));
    a.control.keep_link(77, {SimNet::host_of(1), SimNet::kBusPort});
    run_ms(3000);
    EXPECT_THAT(a.links, SizeIs(1));
}

}  // namespace
}  // namespace torc
