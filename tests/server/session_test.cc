#include "server/session.h"

#include <gtest/gtest.h>

#include "tests/server/loop_fixture.h"

namespace torc {
namespace {

using SessionTest = LoopFixture;

TEST_F(SessionTest, AnswersInOrderWhateverTheSplitOfTheInput) {
    auto peer = connect();
    const std::string input = "echo one\necho two\necho three\n";
    for (const char c : input) peer->send(std::string(1, c));
    EXPECT_EQ(peer->receive(20), "+one\r\n+two\r\n+three\r\n");
}

TEST_F(SessionTest, ReadsOnWhenOneReadDidNotTakeAllThereWas) {
    auto peer = connect();
    std::string input, expected;
    for (int i = 0; i < 5000; ++i) {
        input += "echo " + std::to_string(i) + "\n";
        expected += "+" + std::to_string(i) + "\r\n";
    }
    std::thread sender([&] { peer->send(input); });
    EXPECT_EQ(peer->receive(expected.size()), expected);
    sender.join();
}

TEST_F(SessionTest, APausedClientIsLeftAloneUntilItIsWoken) {
    auto peer = connect();
    peer->send("pause\necho later\n");
    ASSERT_TRUE(eventually([this] { return fake_.live_clients == 1; }));
    peer->send("echo last\n");
    const int ticks = fake_.timer_ticks;
    ASSERT_TRUE(eventually([&] { return fake_.timer_ticks > ticks + 2; }));
    EXPECT_FALSE(peer->has_bytes());
    fake_.wake_all();
    EXPECT_EQ(peer->receive(25), "+resumed\r\n+later\r\n+last\r\n");
}

TEST_F(SessionTest, OnlyWhatIsSendableLeaves) {
    auto peer = connect();
    peer->send("hold abc\n");
    const int turns = fake_.ended_turns;
    ASSERT_TRUE(eventually([&] { return fake_.ended_turns > turns + 3; }));
    EXPECT_FALSE(peer->has_bytes());
    fake_.wake_all();
    EXPECT_EQ(peer->receive(6), "+abc\r\n");
}

TEST_F(SessionTest, ABigReplyReachesASlowReaderWhole) {
    auto peer = connect();
    constexpr size_t kBytes = 8 << 20;
    peer->send("big " + std::to_string(kBytes) + "\necho end\n");
    const std::string reply = peer->receive(kBytes + 8);
    ASSERT_EQ(reply.size(), kBytes + 8);
    EXPECT_EQ(reply.substr(kBytes), "\r\n+end\r\n");
}

TEST_F(SessionTest, AClientThatNeverReadsIsNotReadEither) {
    auto peer = connect();
    peer->send("big 80000000\necho unread\n");
    ASSERT_TRUE(eventually([this] { return fake_.ended_turns > 3; }));
    // The session holds 80 MB of replies; what comes now stays in the kernel until the peer reads.
    peer->send("big 10\n");
    const std::string reply = peer->receive(80'000'002 + 9 + 12);
    EXPECT_EQ(reply.substr(80'000'002), "+unread\r\nxxxxxxxxxx\r\n");
}

TEST_F(SessionTest, TheHardOutputLimitCloses) {
    fake_.config.live.output_normal.hard_bytes = 1000;
    auto peer = connect();
    peer->send("big 900\n");
    EXPECT_EQ(peer->receive(902).size(), 902u);
    peer->send("big 1000\n");
    EXPECT_TRUE(peer->closed_by_other_side());
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, TheSoftOutputLimitClosesAReaderThatStaysBehind) {
    fake_.config.live.output_normal.soft_bytes = 1000;
    fake_.config.live.output_normal.soft_seconds = 0;
    auto peer = connect();
    peer->send("big 20000000\n");
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, AnIdleClientIsClosedAndAWaitingOneIsNot) {
    auto waiting = connect();
    waiting->send("block\n");
    ASSERT_TRUE(eventually([this] { return fake_.live_clients == 1; }));
    auto idle = connect();  // last used in 1970, as far as the fake knows
    fake_.config.live.timeout_seconds = 1;
    EXPECT_TRUE(idle->closed_by_other_side());
    fake_.config.live.timeout_seconds = 0;
    fake_.wake_all();
    EXPECT_EQ(waiting->receive(10), "+resumed\r\n");
}

TEST_F(SessionTest, TheQueryBufferLimitCloses) {
    fake_.config.live.client_query_buffer_limit_bytes = 4096;
    auto peer = connect();
    peer->send(std::string(10'000, 'z'));
    EXPECT_TRUE(peer->closed_by_other_side());
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, CloseAfterTheReplySendsItFirst) {
    auto peer = connect();
    peer->send("echo a\nquit\necho never\n");
    EXPECT_EQ(peer->receive(100), "+a\r\n+OK\r\n");
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, CloseNowSendsNothing) {
    auto peer = connect();
    peer->send("echo a\nkill\n");
    EXPECT_EQ(peer->receive(100), "");
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, APeerThatLeavesIsForgotten) {
    auto peer = connect();
    peer->send("echo a\n");
    EXPECT_EQ(peer->receive(4), "+a\r\n");
    peer->close();
    EXPECT_TRUE(no_clients_left());
}

// One that waits for the log, and one that other nodes are asked for.
TEST_F(SessionTest, APeerThatOnlyEndedItsSendingGetsItsReplies) {
    for (const std::string word : {"hold", "owe"}) {
        SCOPED_TRACE(word);
        auto peer = connect();
        peer->send(word + " a\n");
        peer->end_sending();
        const int turns = fake_.ended_turns;
        ASSERT_TRUE(eventually([&] { return fake_.ended_turns > turns + 3; }));
        fake_.wake_all();
        EXPECT_EQ(peer->receive(100), "+a\r\n");
        EXPECT_TRUE(no_clients_left());
    }
}

TEST_F(SessionTest, ABlockedClientWhosePeerLeftIsNoticed) {
    auto peer = connect();
    peer->send("block\n");
    ASSERT_TRUE(eventually([this] { return fake_.live_clients == 1; }));
    peer->close();
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, WakesFromManyThreadsWhileConnectionsComeAndGo) {
    std::atomic<bool> done{false};
    std::vector<std::thread> wakers;
    for (int i = 0; i < 2; ++i) {
        wakers.emplace_back([&] {
            while (!done) {
                fake_.wake_all();
                std::this_thread::yield();
            }
        });
    }
    for (int round = 0; round < 200; ++round) {
        auto peer = connect();
        peer->send("echo a\npause\n");
        EXPECT_EQ(peer->receive(14), "+a\r\n+resumed\r\n");
        if (round % 2 == 0) peer->send("kill\n");
    }
    done = true;
    for (std::thread& waker : wakers) waker.join();
    EXPECT_TRUE(no_clients_left());
}

TEST_F(SessionTest, WhatIsOpenAtTheEndIsClosed) {
    auto paused = connect();
    auto busy = connect();
    paused->send("pause\n");
    busy->send("big 20000000\n");
    ASSERT_TRUE(eventually([this] { return fake_.live_clients == 2; }));
    stop();
    EXPECT_EQ(fake_.live_clients, 0);
    EXPECT_TRUE(paused->closed_by_other_side());
}

}  // namespace
}  // namespace torc
