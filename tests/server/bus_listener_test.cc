#include "server/bus_listener.h"

#include <gmock/gmock.h>

#include "tests/server/bus_fixture.h"

namespace torc {
namespace {

using State = BusHandshake::State;

std::string hello_of(NodeId id) {
    BusHello hello;
    hello.node = id;
    Buffer input, output;
    BusHandshake(BusRole::dialler, hello, "").step(input, output);
    return std::string(output.view());
}

TEST(BusListener, StrangersAreClosedWithoutAnAnswer) {
    RunningControl node(1);
    const std::string hello = hello_of(2);
    std::string wrong_checksum = hello;
    wrong_checksum[4] ^= 1;
    std::string wrong_magic;
    {
        std::string payload = hello.substr(kBusFrameHeader);
        payload[1] ^= 1;
        Buffer frame;
        append_bus_frame(frame, payload);
        wrong_magic = frame.view();
    }
    const std::string huge_length("\0\0\0\x04 and so on", 14);
    uint64_t refused = 0;
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("*1\r\n$4\r\nPING\r\n"),
          std::string(10'000, '\0'), std::string(10'000, '\xff'), wrong_checksum, wrong_magic, huge_length}) {
        RawPeer stranger = RawPeer::call(node.port);
        stranger.send(bytes);
        EXPECT_EQ(stranger.rest(), "") << bytes.substr(0, 20);
        ++refused;
        EXPECT_TRUE(eventually([&] { return node.refused() == refused; })) << bytes.substr(0, 20);
    }
    EXPECT_TRUE(node.user().story().empty());
}

TEST(BusListener, SilentAndSlowCallersAreClosedAtTheDeadline) {
    RunningControl node(1);
    const auto began = std::chrono::steady_clock::now();
    RawPeer silent = RawPeer::call(node.port), slow = RawPeer::call(node.port);
    std::thread dribble([&] {
        for (const char byte : hello_of(2)) {
            if (!slow.send({&byte, 1})) break;
            ::poll(nullptr, 0, 100);
        }
    });
    EXPECT_EQ(silent.rest(), "");
    EXPECT_EQ(slow.rest(), "");
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_GE(took, BusGreeting::kHandshakeTime - std::chrono::milliseconds(50));
    EXPECT_LE(took, BusGreeting::kHandshakeTime * 4);
    dribble.join();
}

TEST(BusListener, WhoDoesntKnowTheSecretGetsNoLink) {
    RunningControl node(1, "the secret");
    for (const std::string guess : {"", "the secre", "the secret!"}) {
        RawPeer stranger = RawPeer::call(node.port);
        EXPECT_EQ(stranger.shake_hands(BusRole::dialler, 2, kControlLane, guess), State::failed) << guess;
    }
    EXPECT_TRUE(eventually([&] { return node.refused() == 3; }));
    EXPECT_TRUE(node.user().story().empty());
    RawPeer peer = RawPeer::call(node.port);
    EXPECT_EQ(peer.shake_hands(BusRole::dialler, 2, kControlLane, "the secret"), State::done);
    EXPECT_TRUE(node.links_become(1));
}

TEST(BusListener, ACrowdOfSilentCallersKeepsNoPeerOut) {
    RunningControl node(1);
    std::vector<RawPeer> crowd;
    for (size_t i = 0; i < 3 * BusListener::kMaxUnfinished; ++i) crowd.push_back(RawPeer::call(node.port));
    RawPeer peer = RawPeer::call(node.port);
    EXPECT_EQ(peer.shake_hands(BusRole::dialler, 2), State::done);
    EXPECT_TRUE(node.links_become(1));
    // The oldest went, long before any deadline, to make room.
    EXPECT_EQ(crowd.front().rest(), "");
    EXPECT_GE(node.refused(), 2 * BusListener::kMaxUnfinished);
}

TEST(BusListener, ALinkWorksBothWays) {
    RunningControl node(1);
    node.user().then = [](BusLink& link, std::string_view payload) {
        link.send("you said " + std::string(payload));
    };
    RawPeer peer = RawPeer::call(node.port);
    ASSERT_EQ(peer.shake_hands(BusRole::dialler, 2), State::done);
    peer.send_frame("hello");
    EXPECT_EQ(peer.next_frame(), "you said hello");
    node.run([&] {
        EXPECT_EQ(node.user().newest()->peer(), 2u);
        EXPECT_FALSE(node.user().newest()->dialled());
    });
    node.stop();
    EXPECT_EQ(peer.rest(), "");
    EXPECT_THAT(node.user().story(), testing::ElementsAre("up 2", "hello", "down 2"));
}

TEST(BusListener, ATakenPortIsAnErrorThatNamesTheDirective) {
    RunningControl node(1);
    FakeControl control(2);
    DiskPool pool(1);
    ControlLoop second(control, pool, [](unsigned, BusConnection) {});
    Listener::Options options;
    options.bind = {"127.0.0.1"};
    options.port = node.port;
    options.port_directive = "cluster-port";
    const auto opened = second.open(options);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, testing::HasSubstr("`cluster-port`"));
}

}  // namespace
}  // namespace torc
