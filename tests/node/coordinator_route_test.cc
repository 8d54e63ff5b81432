// Where commands go whose shard this node stood in for and has just ceded to the owner that is back.
#include <gmock/gmock.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Ceding : public ClusterFixture {
  protected:
    void begin() {
        start_cluster({kB, kC});
        key_ = key_with_owners({kC, self, kB});
        shard_ = shard_of_key(key_);
        peer(kC).unsettled.set(shard_);
        publish();
    }
    void cede() {
        peer(kC).unsettled.reset(shard_);
        peer(kC).ceded.set(shard_);
        publish();
    }
    ForwardMessage forward(std::vector<std::string_view> words) {
        ForwardMessage message;
        message.op = 8;
        message.session = 3;
        message.deadline_ms = clock.wall_ms() + 2000;
        message.commands = {std::move(words)};
        return message;
    }
    void ask(const ForwardMessage& message) { feed(*link_of(kB, false), frame_of(message)); }
    /// What came back to the peer that asked.
    std::string answered() {
        const std::vector<Sent> sent = sent_to(kB, BusKind::forward_reply, false);
        if (sent.empty()) return "";
        const auto reply = decode_forward_reply(sent.front().body);
        EXPECT_TRUE(reply && reply->op == 8 && reply->status == BusStatus::done);
        return reply ? std::string(reply->bytes) : "";
    }
    /// The forward that the node sent on.
    Sent relayed() {
        const std::vector<Sent> sent = sent_to(kC, BusKind::forward);
        EXPECT_THAT(sent, SizeIs(1));
        if (sent.empty()) return {};
        const auto message = decode_forward(sent.front().body);
        EXPECT_TRUE(message && message->relayed);
        return sent.front();
    }

    std::string key_;
    ShardId shard_ = 0;
};

TEST_F(Ceding, AForwardThatCameHereAllTheSameGoesOn) {
    begin();
    cede();
    ask(forward({"SET", key_, "v", "NX"}));
    EXPECT_EQ(answered(), "");
    const Sent sent = relayed();
    EXPECT_THAT(sent_to(kC, BusKind::merge), IsEmpty());
    answer(kC, ForwardReply{sent.op(), BusStatus::done, "+OK\r\n"});
    EXPECT_EQ(answered(), "+OK\r\n");
}

TEST_F(Ceding, OneThatHasBeenRelayedEndsHere) {
    begin();
    cede();
    ForwardMessage message = forward({"SET", key_, "v"});
    message.relayed = true;
    ask(message);
    EXPECT_THAT(sent_to(kC, BusKind::forward), IsEmpty());
    EXPECT_THAT(sent_to(kB, BusKind::read), SizeIs(1));  // it asks before it decides
}

TEST_F(Ceding, OneThatComesFromTheEarlierOwnerThatCededToThisNodeToo) {
    begin();
    cede();
    ForwardMessage message = forward({"SET", key_, "v"});
    message.relayed = true;
    feed(link(kC, false), frame_of(message));
    const std::vector<Sent> sent = sent_to(kC, BusKind::forward_reply, false);
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(decode_forward_reply(sent.front().body)->status, BusStatus::elsewhere);
}

TEST_F(Ceding, WhatWaitedForOtherReplicasWhenTheShardWasCededGoesOn) {
    begin();
    ask(forward({"SET", key_, "v", "NX"}));
    const std::vector<Sent> reads = sent_to(kB, BusKind::read);
    ASSERT_THAT(reads, SizeIs(1));
    cede();
    answer(kB, ReadReply{reads[0].op(), BusStatus::done, 0, {}});
    const Sent sent = relayed();
    answer(kC, ForwardReply{sent.op(), BusStatus::done, "$-1\r\n"});
    EXPECT_EQ(answered(), "$-1\r\n");
}

TEST_F(Ceding, ATransactionGoesOnButNotOneThatWatchesHere) {
    begin();
    cede();
    ForwardMessage transaction = forward({"SET", key_, "v"});
    transaction.transaction = true;
    ask(transaction);
    const Sent sent = relayed();
    answer(kC, ForwardReply{sent.op(), BusStatus::done, "*1\r\n+OK\r\n"});
    EXPECT_EQ(answered(), "*1\r\n+OK\r\n");
    transaction.watches = true;
    ask(transaction);
    EXPECT_EQ(answered(), "*-1\r\n");
    EXPECT_THAT(sent_to(kC, BusKind::forward), IsEmpty());
}

TEST_F(Ceding, ReadsAreAnsweredHere) {
    begin();
    cede();
    ask(forward({"GET", key_}));
    EXPECT_THAT(sent_to(kC, BusKind::forward), IsEmpty());
}

TEST_F(Ceding, ButNotBeforeTheWritesThatWereRelayedAheadOfThem) {
    begin();
    cede();
    ask(forward({"SET", key_, "v"}));
    const Sent sent = relayed();
    ask(forward({"GET", key_}));
    EXPECT_THAT(sent_to(kB, BusKind::read), IsEmpty());
    EXPECT_THAT(sent_to(kC, BusKind::read), IsEmpty());
    answer(kC, ForwardReply{sent.op(), BusStatus::done, "+OK\r\n"});
    EXPECT_EQ(answered(), "+OK\r\n");
    EXPECT_EQ(sent_to(kB, BusKind::read).size() + sent_to(kC, BusKind::read).size(), 1u);
}

TEST_F(Ceding, WhoTookAShardOverAsksAllThatLiveForAWhile) {
    start_cluster({kB, kC});
    key_ = key_with_owners({self});
    core().unsettle(shard_of_key(key_));
    settle_all();
    publish();
    Connection& client = connect();
    EXPECT_EQ(client("SET " + key_ + " v NX"), "");
    const std::vector<Sent> reads = sent_to(kB, BusKind::read);
    ASSERT_THAT(reads, SizeIs(1));
    answer(kB, ReadReply{reads[0].op(), BusStatus::done, 0, {}});
    EXPECT_THAT(sent_to(kB, BusKind::merge), IsEmpty());  // the other may be the one who stood in
    answer(kC, ReadReply{reads[0].op(), BusStatus::done, 0, {}});
    const auto acknowledge = [&] {
        const std::vector<Sent> merges = sent_to(kB, BusKind::merge);
        ASSERT_THAT(merges, SizeIs(1));
        ack(kB, merges[0].op());
    };
    acknowledge();
    EXPECT_EQ(client.take(), "+OK\r\n");
    // One that says nothing is given up soon, and after a while nobody is asked.
    EXPECT_EQ(client("SET " + key_ + " v2"), "");
    const std::vector<Sent> again = sent_to(kB, BusKind::read);
    ASSERT_THAT(again, SizeIs(1));
    answer(kB, ReadReply{again[0].op(), BusStatus::done, 0, {}});
    EXPECT_THAT(sent_to(kB, BusKind::merge), IsEmpty());
    for (int i = 0; i < 6; ++i) pass_ms(100);
    acknowledge();  // of what it lacked, by its answer
    acknowledge();
    EXPECT_EQ(client.take(), "+OK\r\n");
    pass_ms(kTrustedAfterMs);
    EXPECT_EQ(client("SET " + key_ + " v3"), "");
    for (const Sent& sent : sent_to(kB)) EXPECT_EQ(sent.kind, BusKind::merge);
}

}  // namespace
}  // namespace torc
