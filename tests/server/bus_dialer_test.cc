#include "server/bus_dialer.h"

#include <gmock/gmock.h>

#include "tests/server/bus_fixture.h"

namespace torc {
namespace {

using testing::ElementsAre;

TEST(BusDialer, KeepsALinkToANodeAlsoWhenItBreaks) {
    RunningControl a(1), b(2);
    a.keep_link(b);
    ASSERT_TRUE(a.links_become(1));
    ASSERT_TRUE(b.links_become(1));
    for (int i = 0; i < 3; ++i) {
        const size_t before = a.user().story().size();
        b.run([&] { b.user().newest()->reset(); });
        ASSERT_TRUE(eventually([&] { return a.user().story().size() == before + 2; }));
    }
    EXPECT_THAT(a.user().story(), ElementsAre("up 2", "down 2", "up 2", "down 2", "up 2", "down 2", "up 2"));
    a.run([&] { EXPECT_TRUE(a.user().newest()->dialled()); });
}

TEST(BusDialer, GoesOnUntilTheNodeIsThere) {
    RunningControl a(1);
    const int port = free_port();
    a.run([&] { a.control.dialer->keep_link(2, {"127.0.0.1", static_cast<uint16_t>(port)}); });
    ::poll(nullptr, 0, 100);  // some attempts are refused
    EXPECT_EQ(a.user().links(), 0u);
    RunningControl b(2, "", port);
    EXPECT_TRUE(a.links_become(1));
}

TEST(BusDialer, WaitsLongerAfterEachFailure) {
    RunningControl a(1);
    RawListener rude;
    std::vector<std::chrono::steady_clock::time_point> calls;
    std::thread server([&] {
        for (int i = 0; i < 5; ++i) {
            OwnedFd(rude.accept());
            calls.push_back(std::chrono::steady_clock::now());
        }
    });
    a.run([&] { a.control.dialer->keep_link(2, {"127.0.0.1", static_cast<uint16_t>(rude.port())}); });
    server.join();
    // 25 + 50 + 100 + 200 ms at least.
    EXPECT_GE(calls.back() - calls.front(), std::chrono::milliseconds(375 - 10));
}

TEST(BusDialer, TakesNobodyElseForTheNode) {
    RunningControl a(1), b(3);
    a.run([&] { a.control.dialer->keep_link(2, b.endpoint()); });
    EXPECT_TRUE(eventually([&] { return b.refused() > 1; }));
    EXPECT_TRUE(a.user().story().empty());
    // Told of the right place it finds the node at once.
    RunningControl c(2);
    a.keep_link(c);
    EXPECT_TRUE(a.links_become(1));
}

TEST(BusDialer, NodesOfOtherSecretsDontLink) {
    RunningControl a(1, "ours"), b(2, "theirs");
    a.keep_link(b);
    EXPECT_TRUE(eventually([&] { return b.refused() > 1; }));
    EXPECT_EQ(a.user().links(), 0u);
    EXPECT_EQ(b.user().links(), 0u);
}

TEST(BusDialer, ANodeThatDialsItselfDropsTheLink) {
    RunningControl a(1), b(2);
    a.run([&] {
        a.control.dialer->dial(a.endpoint());
        a.control.dialer->dial(b.endpoint());
    });
    EXPECT_TRUE(a.links_become(1));
    EXPECT_THAT(a.user().story(), ElementsAre("up 2"));
    EXPECT_EQ(a.refused(), 0u) << "seeds often name all nodes: nothing to be counted or said";
}

TEST(BusDialer, AnAddressWithoutANameIsDialledOnce) {
    RunningControl a(1), b(2);
    a.run([&] { a.control.dialer->dial({"localhost", static_cast<uint16_t>(b.port)}); });
    ASSERT_TRUE(a.links_become(1));
    b.run([&] { b.user().newest()->reset(); });
    ASSERT_TRUE(a.links_become(0));
    a.keep_link(b);
    EXPECT_TRUE(a.links_become(1));
    EXPECT_THAT(a.user().story(), ElementsAre("up 2", "down 2", "up 2"));
}

TEST(BusDialer, AContactThatIsKeptIsNotDialledAgain) {
    RunningControl a(1), b(2);
    a.run([&] { a.control.dialer->dial(b.endpoint()); });
    ASSERT_TRUE(a.links_become(1));
    a.keep_link(b);
    a.run([&] { a.user().newest()->send("still the first one"); });
    ASSERT_TRUE(eventually([&] { return b.user().story().size() == 2; }));
    EXPECT_EQ(b.control.counters().links_replaced, 0u);
    // And is kept from now on.
    b.run([&] { b.user().newest()->reset(); });
    EXPECT_TRUE(eventually([&] { return a.user().story().size() == 3; }));
}

TEST(BusDialer, ADroppedLinkStaysDown) {
    RunningControl a(1), b(2), c(3);
    a.keep_link(b);
    a.keep_link(c);
    ASSERT_TRUE(a.links_become(2));
    a.run([&] { a.control.dialer->drop_link(2); });
    ASSERT_TRUE(b.links_become(0));
    ASSERT_TRUE(a.links_become(1));
    // Longer than the first wait: c, which broke later, is back already.
    c.run([&] { c.user().newest()->reset(); });
    ASSERT_TRUE(a.links_become(0));
    ASSERT_TRUE(a.links_become(1));
    EXPECT_EQ(b.user().links(), 0u);
    a.run([&] { EXPECT_EQ(a.user().newest()->peer(), 3u); });
}

TEST(BusDialer, ANewAddressIsForTheNextTime) {
    RunningControl a(1), b(2);
    a.keep_link(b);
    ASSERT_TRUE(a.links_become(1));
    RunningControl moved(2);
    a.keep_link(moved);
    EXPECT_EQ(b.user().links(), 1u);
    b.stop();
    EXPECT_TRUE(moved.links_become(1));
}

TEST(BusDialer, WhoAcceptsAndSaysNothingIsGivenUp) {
    HandLoop loop;
    RawListener mute;
    std::string failure;
    const auto greeting = BusGreeting::call(
        loop, {"127.0.0.1", static_cast<uint16_t>(mute.port())}, 2, kControlLane,
        [] { return BusIdentity{1, 7, ""}; },
        [&](BusGreeting::Outcome outcome) {
            EXPECT_FALSE(outcome.connection);
            failure = outcome.failure;
        });
    EXPECT_TRUE(loop.turn_until([&] { return !failure.empty(); }));
    EXPECT_EQ(failure, "the handshake: no answer in time");
}

TEST(BusDialer, ANameThatNobodyKnowsIsAFailure) {
    HandLoop loop;
    std::string failure;
    const auto greeting = BusGreeting::call(
        loop, {"no-such-host.invalid", 1}, 2, kControlLane, [] { return BusIdentity{1, 7, ""}; },
        [&](BusGreeting::Outcome outcome) { failure = outcome.failure; });
    EXPECT_TRUE(loop.turn_until([&] { return !failure.empty(); }));
}

}  // namespace
}  // namespace torc
