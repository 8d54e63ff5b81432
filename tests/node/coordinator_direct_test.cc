// Merges and digests that need no executor: what they answer, and when.
#include <gmock/gmock.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Direct : public ClusterFixture {
  protected:
    void begin(std::vector<std::string> directives = {}) {
        start_cluster({kB, kC}, std::move(directives));
        key_ = key_with_owners({self});
        cell_ = cell_of("v", 99, stamp_now());
    }
    template <class Message>
    void ask(const Message& message) {
        feed(*link_of(kB, false), frame_of(message));
    }
    void merge(uint64_t op) { ask(MergeMessage{op, MergeReason::write, change_of(key_, cell_)}); }
    std::vector<Sent> answers() { return sent_to(kB, false); }
    static void expect_ack(const std::vector<Sent>& sent, uint64_t op, BusStatus status = BusStatus::done) {
        ASSERT_THAT(sent, SizeIs(1));
        const auto ack = decode_ack(sent[0].body);
        ASSERT_TRUE(ack.has_value());
        EXPECT_EQ(ack->op, op);
        EXPECT_EQ(ack->status, status);
    }

    std::string key_, cell_;
};

TEST_F(Direct, AMergeIsAcknowledgedWhenTheLogHasIt) {
    begin({"--appendfsync", "always"});
    merge(5);
    EXPECT_THAT(answers(), IsEmpty());
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), 1);
    node->sync_step();
    settle();
    expect_ack(answers(), 5);
}

TEST_F(Direct, OneThatBringsNothingNewWaitsForWhatItFoundToo) {
    begin({"--appendfsync", "always"});
    merge(5);
    merge(6);
    EXPECT_THAT(answers(), IsEmpty());
    node->sync_step();
    settle();
    EXPECT_THAT(answers(), SizeIs(2));
}

TEST_F(Direct, ADigestWaitsForTheValueThatItShows) {
    begin({"--appendfsync", "always"});
    merge(0);
    ask(ReadMessage{6, false, {key_}});
    EXPECT_THAT(answers(), IsEmpty());
    node->sync_step();
    settle();
    const std::vector<Sent> sent = answers();
    ASSERT_THAT(sent, SizeIs(1));
    const auto reply = decode_read_reply(sent[0].body);
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->op, 6u);
    EXPECT_EQ(reply->digest, CellView::parse(cell_)->digest());
}

TEST_F(Direct, WithoutALogNothingIsWaitedFor) {
    begin({"--appendonly", "no"});
    merge(5);
    expect_ack(answers(), 5);
}

TEST_F(Direct, ALockedShardIsWaitedForByAnExecutor) {
    begin();
    ShardLock& lock = node->core().store->shard_lock(shard_of_key(key_));
    ASSERT_TRUE(lock.try_lock());
    merge(5);
    EXPECT_THAT(answers(), IsEmpty());
    lock.unlock();
    settle();
    expect_ack(answers(), 5);
    // And the frame's end has let go of the lock that a direct merge takes.
    merge(6);
    expect_ack(answers(), 6);
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
}

TEST_F(Direct, AnAnswerToALinkThatIsGoneIsDropped) {
    begin({"--appendfsync", "always"});
    merge(5);
    unlink(kB, false);
    node->sync_step();
    settle();
    link(kB, false);
    EXPECT_THAT(answers(), IsEmpty());
}

}  // namespace
}  // namespace torc
