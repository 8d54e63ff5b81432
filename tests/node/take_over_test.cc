#include "node/take_over.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "cluster/ring.h"

namespace torc {
namespace {

constexpr NodeId kA = 1, kB = 2, kC = 3;
constexpr int64_t kStart = 1'000'000;

/// Three nodes whose messages the test carries. Each publishes what it has ceded, as the control plane does;
/// its one worker begins a turn when the test says so.
class TakeOverTest : public testing::Test {
  protected:
    struct Node {
        explicit Node(NodeId id) : core(id, actor_of(id), "here"), take_over(core) {}
        ClusterCore core;
        TakeOver take_over;
        std::vector<Peer> peers;
    };
    static ActorId actor_of(NodeId id) { return 100 + id; }

    TakeOverTest() {
        RingState ring = found_ring(7, 3, {kA, "here", "r", 16});
        for (const NodeId id : {kB, kC}) ring = *finish_move(*begin_join(ring, {id, "here", "r", 16}));
        ring_ = std::make_shared<const RingTable>(ring);
        for (const NodeId id : {kA, kB, kC}) {
            auto node = std::make_unique<Node>(id);
            for (const NodeId other : {kA, kB, kC}) {
                if (other == id) continue;
                Peer peer;
                peer.id = other;
                peer.actor = actor_of(other);
                peer.liveness = Liveness::alive;
                node->peers.push_back(peer);
            }
            nodes_[id] = std::move(node);
            publish(id);
            turn(id);
        }
    }
    Node& at(NodeId id) { return *nodes_.at(id); }
    Peer& peer(NodeId of, NodeId id) { return *std::ranges::find(at(of).peers, id, &Peer::id); }
    void publish(NodeId id) {
        auto topology = std::make_shared<Topology>();
        topology->ring = ring_;
        topology->peers = at(id).peers;
        for (Peer& peer : topology->peers) peer.ceded = at(id).take_over.ceded_to(peer.id, peer.actor);
        at(id).core.publish(std::move(topology));
    }
    void turn(NodeId id) { at(id).core.worker_sees(&at(id), at(id).core.topology_version()); }
    void tick(NodeId id) {
        at(id).take_over.on_tick(now_);
        pump(id);
    }
    /// Messages go where they're addressed to, unless their way is cut.
    void pump(NodeId id) {
        if (at(id).take_over.take_changed()) publish(id);
        for (const Outgoing& out : at(id).take_over.take_outgoing()) {
            ++sent_;
            last_ = out.payload;
            if (cut_ == std::pair{id, out.to}) continue;
            at(out.to).take_over.on_message(id, out.payload, now_);
            pump(out.to);
        }
    }
    void settle(NodeId id) {
        for (unsigned s = 0; s < kShards; ++s) at(id).core.settle(static_cast<ShardId>(s));
    }
    unsigned taken(NodeId id) {
        unsigned count = 0;
        for (unsigned s = 0; s < kShards; ++s) count += at(id).core.taken(static_cast<ShardId>(s)) ? 1 : 0;
        return count;
    }
    size_t ceded(NodeId by, NodeId to) { return at(by).core.topology()->peer(to)->ceded.count(); }
    /// A's claim, as far as the others' acks go.
    void claim() {
        settle(kA);
        tick(kA);
        for (const NodeId id : {kB, kC}) turn(id), tick(id);
    }

    /// The same while B, which A sees so, hears nothing of it.
    void claim_unheard_by_b(Liveness seen_by_a) {
        peer(kA, kB).liveness = seen_by_a;
        publish(kA);
        cut_ = {kA, kB};
        claim();
    }

    std::shared_ptr<const RingTable> ring_;
    std::map<NodeId, std::unique_ptr<Node>> nodes_;
    std::optional<std::pair<NodeId, NodeId>> cut_;
    std::string last_;
    size_t sent_ = 0;
    int64_t now_ = kStart;
};

TEST_F(TakeOverTest, NothingIsTakenBeforeEveryOwnerHasCeded) {
    settle(kA);
    tick(kA);
    EXPECT_EQ(ceded(kB, kA), kShards);
    EXPECT_EQ(ceded(kC, kA), kShards);
    EXPECT_EQ(taken(kA), 0u);
    turn(kB), tick(kB);
    EXPECT_EQ(taken(kA), 0u);
    turn(kC), tick(kC);
    EXPECT_EQ(taken(kA), kShards);
    EXPECT_EQ(at(kA).core.taken_since_ms(0), kStart);
    EXPECT_TRUE(at(kA).core.unsettled_bits().empty());
}

TEST_F(TakeOverTest, AnAckWaitsUntilEveryThreadHasSeenWhatWasCeded) {
    const int second = 0;
    at(kB).core.worker_sees(&second, at(kB).core.topology_version());
    claim();
    now_ += 50, tick(kB);
    EXPECT_EQ(taken(kA), 0u);
    at(kB).core.worker_sees(&second, at(kB).core.topology_version());
    tick(kB);
    EXPECT_EQ(taken(kA), kShards);
    // A thread that has ended decides nothing.
    at(kB).core.worker_gone(&second);
    EXPECT_TRUE(at(kB).core.seen_by_all(at(kB).core.topology_version()));
}

TEST_F(TakeOverTest, WhatIsProvenLaterIsClaimedLaterAndNothingCededBeforeIsLost) {
    at(kA).core.settle(5);
    tick(kA);
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    EXPECT_EQ(taken(kA), 1u);
    at(kA).core.settle(6);
    now_ += 10, tick(kA);
    EXPECT_TRUE(at(kB).core.topology()->peer(kA)->ceded.test(5));
    EXPECT_TRUE(at(kB).core.topology()->peer(kA)->ceded.test(6));
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    EXPECT_EQ(taken(kA), 2u);
}

TEST_F(TakeOverTest, ALostClaimIsSentAgain) {
    cut_ = {kA, kB};
    claim();
    EXPECT_EQ(taken(kA), 0u);
    cut_ = {};
    now_ += 100, tick(kA);
    EXPECT_EQ(ceded(kB, kA), 0u);  // not yet due
    now_ += 200, tick(kA);
    turn(kB), tick(kB);
    EXPECT_EQ(taken(kA), kShards);
}

TEST_F(TakeOverTest, AnAnswerThatIsOldCountsNoMore) {
    cut_ = {kB, kA};
    claim();
    const std::string ack = last_;
    now_ += 2100, tick(kA);  // claimed anew, with another number
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    at(kA).take_over.on_message(kB, ack, now_);
    EXPECT_EQ(taken(kA), 0u);
}

TEST_F(TakeOverTest, ADoubtMeanwhileEndsTheClaim) {
    settle(kA);
    tick(kA);
    at(kA).core.unsettle_all();
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    EXPECT_EQ(taken(kA), 0u);
    settle(kA);
    now_ += 10, tick(kA);
    EXPECT_EQ(taken(kA), 0u);
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    EXPECT_EQ(taken(kA), kShards);
}

// Else they would send their commands to one that decides nothing.
TEST_F(TakeOverTest, WhoIsInDoubtAgainTakesItsClaimBack) {
    claim();
    ASSERT_EQ(taken(kA), kShards);
    ASSERT_EQ(ceded(kB, kA), kShards);
    cut_ = {kA, kB};
    at(kA).core.unsettle_all();
    tick(kA);
    EXPECT_EQ(ceded(kC, kA), 0u);
    EXPECT_EQ(ceded(kB, kA), kShards);
    cut_.reset();
    now_ += 300;
    at(kA).core.unsettle_all();  // again and again while the log fails
    tick(kA);
    EXPECT_EQ(ceded(kB, kA), 0u);
    for (const NodeId id : {kB, kC}) turn(id), tick(id);
    const size_t sent = sent_;
    for (int i = 0; i < 10; ++i) now_ += 300, at(kA).core.unsettle_all(), tick(kA);
    EXPECT_EQ(sent_, sent);
    EXPECT_EQ(taken(kA), 0u);
    claim();
    EXPECT_EQ(taken(kA), kShards);
}

TEST_F(TakeOverTest, WhoIsDownIsntWaitedForButOneThatHasntBeenHeardOfIsForAWhile) {
    claim_unheard_by_b(Liveness::down);
    EXPECT_EQ(taken(kA), 0u);
    now_ += 5000, tick(kA);
    turn(kC), tick(kC);
    EXPECT_EQ(taken(kA), kShards);
}

TEST_F(TakeOverTest, ASuspectIsWaitedFor) {
    claim_unheard_by_b(Liveness::suspect);
    now_ += 60'000, tick(kA);
    turn(kC), tick(kC);
    EXPECT_EQ(taken(kA), 0u);
}

TEST_F(TakeOverTest, NothingIsCededToWhoIsntAliveToAnotherRunOrForAnotherRing) {
    const auto refused = [&] {
        claim();
        const bool none = ceded(kB, kA) == 0;
        now_ += 3000;
        return none;
    };
    peer(kB, kA).liveness = Liveness::suspect;
    publish(kB);
    EXPECT_TRUE(refused());
    peer(kB, kA).liveness = Liveness::alive;
    peer(kB, kA).actor = 99;
    publish(kB);
    EXPECT_TRUE(refused());
    peer(kB, kA).actor = actor_of(kA);
    const auto ours = ring_;
    ring_ = std::make_shared<const RingTable>(*begin_join(ours->state(), {4, "here", "r", 16}));
    publish(kB);
    EXPECT_TRUE(refused());
    ring_ = ours;
    publish(kB);
    EXPECT_FALSE(refused());
}

TEST_F(TakeOverTest, WhatWasCededIsForgottenWithItsClaimerOrWhenGossipHasHadItsTime) {
    claim();
    EXPECT_EQ(ceded(kB, kA), kShards);
    peer(kB, kA).liveness = Liveness::suspect;
    publish(kB);
    tick(kB);
    EXPECT_EQ(ceded(kB, kA), 0u);
    EXPECT_EQ(ceded(kC, kA), kShards);
    now_ += 10'000, tick(kC);
    EXPECT_EQ(ceded(kC, kA), 0u);
}

TEST_F(TakeOverTest, ALaterClaimReplacesAnEarlierOneAndAnEarlierOneDoesNothing) {
    settle(kA);
    tick(kA);
    const std::string all = last_;
    at(kA).core.unsettle_all();
    at(kA).core.settle(9);
    now_ += 10, tick(kA);
    EXPECT_EQ(ceded(kB, kA), 1u);
    at(kB).take_over.on_message(kA, all, now_);
    pump(kB);
    EXPECT_EQ(ceded(kB, kA), 1u);
}

TEST_F(TakeOverTest, MalformedMessagesDoNothing) {
    settle(kA);
    tick(kA);
    const std::string good = last_;
    at(kA).core.unsettle_all();
    const size_t before = sent_;
    for (size_t size = 0; size < good.size(); ++size) {
        at(kC).take_over.on_message(kB, std::string_view(good).substr(0, size), now_);
        pump(kC);
    }
    at(kC).take_over.on_message(kB, good + "x", now_);
    at(kC).take_over.on_message(kB, "\3" + good.substr(1), now_);
    pump(kC);
    EXPECT_EQ(ceded(kC, kB), 0u);
    EXPECT_EQ(sent_, before);
}

TEST_F(TakeOverTest, AloneNobodyIsAsked) {
    ring_ = std::make_shared<const RingTable>(found_ring(8, 3, {kA, "here", "r", 16}));
    publish(kA);
    settle(kA);
    tick(kA);
    EXPECT_EQ(taken(kA), kShards);
    EXPECT_EQ(sent_, 0u);
}

}  // namespace
}  // namespace torc
