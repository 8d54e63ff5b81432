#include "node/write_op.h"

#include <gmock/gmock.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// This node first, then B and C; D is a fallback when there.
class Writes : public ClusterFixture {
  protected:
    void begin(std::initializer_list<NodeId> others = {kB, kC}, std::vector<std::string> directives = {}) {
        start_cluster(others, std::move(directives));
        client_ = &connect();
        key_ = key_with_owners({self, kB, kC});
    }
    /// Its merge, as sent to this node.
    Sent merge_to(NodeId id) {
        const std::vector<Sent> sent = sent_to(id, BusKind::merge);
        EXPECT_THAT(sent, SizeIs(1)) << id;
        return sent.empty() ? Sent{} : sent[0];
    }
    std::string set() { return (*client_)("SET " + key_ + " v"); }

    Connection* client_ = nullptr;
    std::string key_;
};

TEST_F(Writes, TheReplyLeavesWithTheSecondCopy) {
    begin();
    EXPECT_EQ(set(), "");
    const Sent to_b = merge_to(kB), to_c = merge_to(kC);
    EXPECT_EQ(to_b.body, to_c.body);
    const auto merge = decode_merge(to_b.body);
    ASSERT_TRUE(merge);
    EXPECT_EQ(merge->reason, MergeReason::write);
    std::string_view rest = merge->changes;
    const auto change = next_change(rest);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->key, key_);
    std::string scratch;
    EXPECT_EQ(CellView::parse(change->cell)->value(scratch), "v");
    ack(kB, to_b.op());
    EXPECT_EQ(client_->take(), "+OK\r\n");
    ack(kC, to_c.op());
    ack(kC, to_c.op());  // twice, and after the end
    EXPECT_EQ(client_->take(), "");
}

TEST_F(Writes, BelowTheLevelAtTheDeadlineItIsInDoubt) {
    begin();
    EXPECT_EQ(set(), "");
    pass_ms(1900);
    EXPECT_EQ(client_->take(), "");
    pass_ms(200);
    EXPECT_EQ(client_->take(), "-INDOUBT write may have been applied (acks 1/2)\r\n");
    EXPECT_EQ(core().counters.in_doubt.load(), 1u);
    ack(kB, merge_to(kB).op());
    EXPECT_EQ(client_->take(), "");
}

TEST_F(Writes, LevelsAreCountedAsAsked) {
    begin({kB, kC}, {"--write-consistency", "all"});
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    ack(kB, op);
    EXPECT_EQ(client_->take(), "");
    ack(kB, op);
    EXPECT_EQ(client_->take(), "");
    ack(kC, op);
    EXPECT_EQ(client_->take(), "+OK\r\n");
    ASSERT_TRUE(config->set({{"write-consistency", "one"}}));
    EXPECT_EQ(set(), "+OK\r\n");
    EXPECT_THAT(sent_to(kB, BusKind::merge), SizeIs(1));
}

TEST_F(Writes, ARefusalOfAllIsTheEndAtTheDeadline) {
    begin();
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    ack(kB, op, BusStatus::refused);
    EXPECT_EQ(client_->take(), "");
    ack(kC, op, BusStatus::later);
    pass_deadline();
    EXPECT_THAT(client_->take(), StartsWith("-INDOUBT"));
}

TEST_F(Writes, AReplicaThatIsDownHasAStandIn) {
    begin({kB, kC, kD});
    alive(kB, Liveness::down);
    publish();
    EXPECT_EQ(set(), "");
    EXPECT_THAT(sent_to(kB), IsEmpty());
    const Sent hint = merge_to(kD);
    EXPECT_EQ(decode_merge(hint.body)->reason, MergeReason::stand_in);
    EXPECT_EQ(decode_merge(merge_to(kC).body)->reason, MergeReason::write);
    ack(kD, hint.op());
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Writes, StandInsAreForbiddenByAStrictQuorum) {
    begin({kB, kC, kD}, {"--sloppy-quorum", "no"});
    alive(kB, Liveness::down);
    publish();
    EXPECT_EQ(set(), "");
    EXPECT_THAT(sent_to(kD), IsEmpty());
    ack(kC, merge_to(kC).op());
    EXPECT_EQ(client_->take(), "+OK\r\n");
    alive(kC, Liveness::down);
    publish();
    EXPECT_THAT(set(), HasSubstr("-NOREPLICAS not enough replicas are up"));
    EXPECT_EQ((*client_)("GET " + key_), "");
    pass_deadline();
    EXPECT_EQ(client_->take(), "-NOREPLICAS 1 of 2 replicas answered the read in time\r\n");
}

TEST_F(Writes, ALinkThatBreaksIsAnswerEnough) {
    begin({kB, kC, kD});
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    unlink(kB);
    EXPECT_EQ(decode_merge(merge_to(kD).body)->reason, MergeReason::stand_in);
    unlink(kC);
    EXPECT_EQ(client_->take(), "");
    ack(kD, op);
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Writes, AStandInWithoutALinkIsPassedOver) {
    constexpr NodeId kE = 0xe;
    begin({kB, kC, kD, kE});
    alive(kB, Liveness::down);
    alive(kC, Liveness::down);
    publish();
    unlink(kD);
    EXPECT_EQ(set(), "");
    ack(kE, merge_to(kE).op());
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Writes, SilenceGetsAStandInAfterAWhile) {
    begin({kB, kC, kD});
    EXPECT_EQ(set(), "");
    EXPECT_THAT(sent_to(kD), IsEmpty());
    pass_ms(200);
    const Sent hint = merge_to(kD);
    ack(kD, hint.op());
    EXPECT_EQ(client_->take(), "+OK\r\n");
    pass_ms(200);
    EXPECT_THAT(sent_to(kD), IsEmpty());
}

TEST_F(Writes, WhoHasANewerRingMakesItStartAnew) {
    begin();
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    (void)merge_to(kC);
    ack(kB, op, BusStatus::elsewhere);
    ack(kC, op, BusStatus::elsewhere);
    pass_ms(100);
    EXPECT_EQ(client_->take(), "");  // nothing newer here yet
    EXPECT_THAT(sent_to(kB), IsEmpty());
    ring = *begin_join(ring, member(kD));
    alive(kD);
    publish();
    link(kD);
    pass_ms(100);
    const Sent again = merge_to(kB);
    EXPECT_EQ(again.op(), op);
    std::string frame_head_epoch;
    ack(kB, op);
    ack(kC, op);
    if (RingTable(ring).will_own(kD, shard_of_key(key_))) ack(kD, op);
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

// vopr seed 1289: two copies were enough by a ring that was over.
TEST_F(Writes, AcknowledgementsAreCountedByThePresentRing) {
    begin();
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    (void)merge_to(kC);
    ring = *begin_join(ring, member(kD));
    alive(kD);
    publish();
    link(kD);
    ack(kB, op);
    EXPECT_EQ(client_->take(), "");
    EXPECT_EQ(merge_to(kB).op(), op);
    ack(kB, op);
    ack(kC, op);
    if (RingTable(ring).will_own(kD, shard_of_key(key_))) ack(kD, op);
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Writes, TheClientMayBeGoneWhenTheAcksCome) {
    begin();
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    connections.clear();
    ack(kB, op);
    ack(kC, op);
    pass_ms(6000);
}

TEST_F(Writes, ADeadNodesFrameIsLost) {
    begin();
    alive(kB, Liveness::down), alive(kC, Liveness::down);
    publish();
    // Nobody to stand in: refused before anything is done.
    EXPECT_EQ(set(), "-NOREPLICAS not enough replicas are up to acknowledge the write (1 of 2)\r\n");
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), 0);
}

TEST_F(Writes, RepliesKeepTheirOrder) {
    begin();
    const std::string other = key_with_owners({self}, "x");
    client_->send_only("SET " + key_ + " 1\r\nSET " + other + " 2\r\nPING\r\n");
    settle();
    EXPECT_EQ(client_->take(), "");
    const std::vector<Sent> merges = sent_to(kB, BusKind::merge);
    ASSERT_THAT(merges, SizeIs(2));
    ack(kB, merges[1].op());
    EXPECT_EQ(client_->take(), "");
    ack(kB, merges[0].op());
    EXPECT_EQ(client_->take(), "+OK\r\n+OK\r\n+PONG\r\n");
}

// What a write depends on is its own log, too: other replicas' acks don't make up for it.
TEST_F(Writes, AcksDontOvertakeTheLog) {
    begin({kB, kC}, {"--appendfsync", "always"});
    EXPECT_EQ(set(), "");
    const uint64_t op = merge_to(kB).op();
    ack(kB, op);
    ack(kC, op);
    EXPECT_EQ(client_->take(), "");
    node->sync_step();
    settle();
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Writes, OneTooLargeForTheBusIsRefused) {
    begin();
    const std::string value(kMostCommandBytes, 'v');
    const std::string reply =
        (*client_)("*3\r\n$3\r\nSET\r\n$" + std::to_string(key_.size()) + "\r\n" + key_ + "\r\n$" +
                   std::to_string(value.size()) + "\r\n" + value + "\r\n");
    EXPECT_THAT(reply, StartsWith("-ERR a command of"));
    EXPECT_THAT(sent_to(kB), IsEmpty());
}

}  // namespace
}  // namespace torc
