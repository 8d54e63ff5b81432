#include "server/bus_link.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "base/hash.h"
#include "server/bus_links.h"
#include "server/loop_bus.h"
#include "tests/server/bus_fixture.h"

namespace torc {
namespace {

using testing::ElementsAre;

class BusLinkTest : public testing::Test {
  protected:
    BusLinkTest() : bus_(loop_, "the loop", control_, kControlLane) {
        bus_.announce_to(control_.recorder);
        loop_.on_begin = [this] { bus_.begin_turn(); };
        loop_.on_end = [this] { bus_.end_turn(); };
    }

    /// A link to `peer`; the other end comes back.
    RawPeer link(NodeId peer, BusLane lane = 1, std::string_view read_already = "") {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        BusConnection connection;
        connection.fd = OwnedFd(fds[0]);
        connection.peer = peer;
        connection.lane = lane;
        connection.read_ns = loop_.time.monotonic_ns();
        connection.input.append(read_already);
        loop_.turn([&] { bus_.adopt(std::move(connection)); });
        return RawPeer(OwnedFd(fds[1]));
    }
    BusLink& newest() { return *user().newest(); }
    RecordingUser& user() { return control_.recorder; }
    bool comes(const std::string& event) {
        return loop_.turn_until([&] { return !user().story().empty() && user().story().back() == event; });
    }
    static std::string frame(std::string_view payload) {
        Buffer bytes;
        append_bus_frame(bytes, payload);
        return std::string(bytes.view());
    }

    HandLoop loop_;
    FakeControl control_{1};
    LoopBus bus_;
};

TEST_F(BusLinkTest, FramesComeWholeAndInOrderHoweverTheyAreCut) {
    RawPeer peer = link(2);
    const std::string bytes = frame("one") + frame(std::string(1000, 'x')) + frame("three");
    for (size_t i = 0; i < bytes.size(); i += 7) {
        peer.send(std::string_view(bytes).substr(i, 7));
        loop_.turn();
    }
    ASSERT_TRUE(comes("three"));
    EXPECT_THAT(user().story(), ElementsAre("up 2", "one", std::string(40, 'x'), "three"));
}

TEST_F(BusLinkTest, AllFramesOfOneWakeUpAreHandedOnInOneTurn) {
    RawPeer peer = link(2);
    std::string bytes;
    for (int i = 0; i < 100; ++i) bytes += frame("frame");
    peer.send(bytes);
    int turns = 0;
    loop_.on_begin = [&] { ++turns; };
    ASSERT_TRUE(loop_.turn_until([&] { return user().story().size() > 1; }));
    EXPECT_EQ(user().story().size(), 101u);
}

TEST_F(BusLinkTest, WhatIsSentInATurnGoesOutAtItsEndInOnePiece) {
    RawPeer peer = link(2);
    loop_.turn([&] {
        for (int i = 0; i < 100; ++i) newest().send("message " + std::to_string(i));
        EXPECT_EQ(newest().queued_bytes(), 100 * kBusFrameHeader + 10 * 9 + 90 * 10);
        pollfd readable{-1, POLLIN, 0};
        EXPECT_EQ(::poll(&readable, 1, 0), 0);
    });
    EXPECT_EQ(newest().queued_bytes(), 0u);
    ASSERT_TRUE(peer.receive_some());
    EXPECT_EQ(peer.input.size(), 100 * kBusFrameHeader + 10 * 9 + 90 * 10);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(peer.next_frame(), "message " + std::to_string(i));
}

TEST_F(BusLinkTest, WhatTheSocketDoesntTakeGoesWhenItCan) {
    RawPeer peer = link(2);
    const std::string big(8 << 20, 'b');
    loop_.turn([&] {
        newest().send(big);
        newest().send("behind");
    });
    EXPECT_GT(newest().queued_bytes(), 0u);
    std::thread reader([&] {
        EXPECT_EQ(peer.next_frame(), big);
        EXPECT_EQ(peer.next_frame(), "behind");
    });
    EXPECT_TRUE(loop_.turn_until([&] { return newest().queued_bytes() == 0; }));
    reader.join();
}

TEST_F(BusLinkTest, TheBiggestFrameComesThrough) {
    RawPeer peer = link(2);
    const std::string big(BusLink::kMaxFrame, 'm');
    std::thread writer([&] { peer.send_frame(big); });
    EXPECT_TRUE(loop_.turn_until([&] { return user().bytes() == big.size(); }));
    writer.join();
}

TEST_F(BusLinkTest, APeerThatDoesntReadIsResetAtTheBound) {
    RawPeer peer = link(2);
    const std::string half(BusLink::kMaxFrame, 'h');
    loop_.turn([&] {
        newest().send(half);
        EXPECT_EQ(control_.counters().links_overrun, 0u);
        newest().send(half);
        EXPECT_EQ(control_.counters().links_overrun, 1u);
        EXPECT_EQ(user().links(), 1u) << "announced from within send()";
    });
    EXPECT_TRUE(comes("down 2"));
}

TEST_F(BusLinkTest, MalformedFramesBreakTheLink) {
    const std::string huge_length("\xff\xff\xff\xff\0\0\0\0 whatever", 17);
    const std::string no_length(8, '\0');
    std::string flipped = frame("payload");
    flipped.back() ^= 1;
    uint64_t counted = 0;
    for (const std::string& bytes : {huge_length, no_length, flipped}) {
        RawPeer peer = link(2);
        peer.send(frame("good") + bytes + frame("behind"));
        EXPECT_TRUE(comes("down 2"));
        EXPECT_EQ(control_.counters().links_malformed, ++counted);
        EXPECT_EQ(peer.rest(), "");
    }
    EXPECT_THAT(user().story(),
                ElementsAre("up 2", "good", "down 2", "up 2", "good", "down 2", "up 2", "good", "down 2"));
}

TEST_F(BusLinkTest, AClaimedLengthGetsNoMemory) {
    RawPeer peer = link(2);
    std::string claim(8, '\0');
    claim[3] = 4;  // 64 MB, little-endian
    peer.send(claim + "a few bytes");
    for (int i = 0; i < 20; ++i) loop_.turn();
    EXPECT_EQ(user().links(), 1u);
    peer.close();
    EXPECT_TRUE(comes("down 2"));
}

TEST_F(BusLinkTest, AResetIsAnnouncedFromTheLoopAndEndsAllCalls) {
    RawPeer peer = link(2);
    user().then = [&](BusLink& link, std::string_view payload) {
        if (payload != "reset me") return;
        link.reset();
        link.send("into the void");
        link.reset();
        EXPECT_EQ(user().links(), 1u);
    };
    peer.send(frame("reset me") + frame("behind"));
    EXPECT_TRUE(comes("down 2"));
    EXPECT_THAT(user().story(), ElementsAre("up 2", "reset me", "down 2"));
    EXPECT_EQ(peer.rest(), "");
}

TEST_F(BusLinkTest, APeerThatClosesIsDown) {
    RawPeer peer = link(2);
    peer.send(frame("last words"));
    peer.close();
    EXPECT_TRUE(comes("down 2"));
    EXPECT_THAT(user().story(), ElementsAre("up 2", "last words", "down 2"));
    EXPECT_EQ(bus_.links().count(), 0u);
}

TEST_F(BusLinkTest, WhatWasReadBehindTheHandshakeIsNotLost) {
    RawPeer peer = link(2, 1, frame("early") + frame("split").substr(0, 9));
    peer.send(frame("split").substr(9));
    EXPECT_TRUE(comes("split"));
    EXPECT_THAT(user().story(), ElementsAre("up 2", "early", "split"));
}

TEST_F(BusLinkTest, TheNewerOfTwoLinksOfAPeerAndLaneStays) {
    RawPeer old_one = link(2, 1);
    RawPeer other_lane = link(2, 3);
    RawPeer other_peer = link(3, 1);
    RawPeer new_one = link(2, 1);
    EXPECT_THAT(user().story(), ElementsAre("up 2", "up 2", "up 3", "down 2", "up 2"));
    EXPECT_EQ(control_.counters().links_replaced, 1u);
    EXPECT_EQ(old_one.rest(), "");
    for (RawPeer* peer : {&other_lane, &other_peer, &new_one}) peer->send(frame("alive"));
    EXPECT_TRUE(loop_.turn_until([&] { return user().story().size() == 8; }));
}

TEST_F(BusLinkTest, ALoopThatStoodStillDiscardsWhatCameMeanwhile) {
    RawPeer peer = link(2);
    peer.send(frame("an old command"));
    loop_.time.advance_ms(501);
    EXPECT_TRUE(comes("down 2"));
    EXPECT_THAT(user().story(), ElementsAre("up 2", "down 2"));
    EXPECT_EQ(control_.counters().pauses, 1u);
    EXPECT_EQ(peer.rest(), "");
}

TEST_F(BusLinkTest, AStopBetweenTwoFramesOfOneReadDiscardsTheSecond) {
    RawPeer peer = link(2), other = link(3);
    user().then = [&](BusLink&, std::string_view) { loop_.time.advance_ms(501); };
    peer.send(frame("before") + frame("after"));
    EXPECT_TRUE(loop_.turn_until([&] { return user().links() == 0; }));
    EXPECT_THAT(user().story(), testing::IsSupersetOf({"before", "down 2", "down 3"}));
    EXPECT_EQ(user().story().size(), 5u);
}

TEST_F(BusLinkTest, ABusyLoopIsNotAPause) {
    RawPeer peer = link(2);
    for (int i = 0; i < 20; ++i) {
        loop_.time.advance_ms(400);
        loop_.turn();
    }
    EXPECT_EQ(user().links(), 1u);
    EXPECT_EQ(control_.counters().pauses, 0u);
}

TEST_F(BusLinkTest, AConnectionThatWaitedForTheLoopTooLongIsNotTaken) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    RawPeer peer{OwnedFd(fds[1])};
    BusConnection connection;
    connection.fd = OwnedFd(fds[0]);
    connection.peer = 2;
    connection.read_ns = loop_.time.monotonic_ns();
    connection.input.append(frame("an old command"));
    loop_.time.advance_ms(501);
    loop_.turn([&] { bus_.adopt(std::move(connection)); });
    EXPECT_TRUE(user().story().empty());
    EXPECT_EQ(peer.rest(), "");
}

TEST_F(BusLinkTest, AfterStopNothingComesUp) {
    RawPeer peer = link(2);
    loop_.turn([&] { bus_.stop(); });
    EXPECT_THAT(user().story(), ElementsAre("up 2", "down 2"));
    RawPeer late = link(3);
    EXPECT_EQ(late.rest(), "");
    EXPECT_EQ(user().story().size(), 2u);
}

}  // namespace
}  // namespace torc
