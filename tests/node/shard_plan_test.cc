#include "node/shard_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RingMember member(NodeId id, const std::string& datacenter) {
    return {id, datacenter, "r", 16};
}

/// Node 1 is this one, in "here"; the others' datacenters as given.
class Plan : public testing::Test {
  protected:
    Plan() : cluster_(1, 500, "here"), ring_(found_ring(9, 3, member(1, "here"))) {
        for (unsigned shard = 0; shard < kShards; ++shard) settle(static_cast<ShardId>(shard));
    }
    void join(NodeId id, const std::string& datacenter = "here", bool finished = true) {
        ring_ = *begin_join(ring_, member(id, datacenter));
        if (finished) ring_ = *finish_move(ring_);
        Peer peer;
        peer.id = id;
        peer.liveness = Liveness::alive;
        peers_.push_back(peer);
    }
    void settle(ShardId shard) {
        cluster_.settle(shard);
        cluster_.take(shard, 1, cluster_.unsettle_count());
    }
    Peer& peer(NodeId id) { return *std::ranges::find(peers_, id, &Peer::id); }
    ShardPlan make(ShardId shard) {
        Topology topology;
        topology.version = 4;
        topology.ring = std::make_shared<const RingTable>(ring_);
        topology.peers = peers_;
        std::ranges::sort(topology.peers, {}, &Peer::id);
        ShardPlan plan;
        make_shard_plan(plan, topology, cluster_, shard);
        return plan;
    }
    /// A shard whose first owner is this one.
    ShardId first_of(NodeId id) {
        const RingTable table(ring_);
        for (unsigned shard = 0; shard < kShards; ++shard)
            if (table.owners(static_cast<ShardId>(shard)).front() == id) return static_cast<ShardId>(shard);
        ADD_FAILURE();
        return 0;
    }
    NodeId coordinator(ShardId shard) {
        const ShardPlan plan = make(shard);
        const int place = plan.coordinator();
        return place < 0 ? 0 : plan.replicas[static_cast<size_t>(place)].id;
    }

    ClusterCore cluster_;
    RingState ring_;
    std::vector<Peer> peers_;
};

TEST_F(Plan, NamesOwnersInOrderAndWhoIsLeftAsFallbacks) {
    for (const NodeId id : {2, 3, 4, 5}) join(id);
    const RingTable table(ring_);
    for (unsigned s = 0; s < kShards; ++s) {
        const auto shard = static_cast<ShardId>(s);
        const ShardPlan plan = make(shard);
        EXPECT_EQ(plan.version, 4u);
        ASSERT_EQ(plan.owners, 3u);
        ASSERT_EQ(plan.replicas.size(), 3u);
        for (size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(plan.replicas[i].id, table.owners(shard)[i]);
            EXPECT_TRUE(plan.replicas[i].owner && plan.replicas[i].next_owner && plan.replicas[i].local);
            EXPECT_EQ(plan.replicas[i].self, plan.replicas[i].id == 1);
        }
        EXPECT_EQ(plan.self_owns(), table.owns(1, shard));
        EXPECT_EQ(plan.fallbacks.size(), 2u);
        for (const NodeId id : plan.fallbacks) EXPECT_FALSE(table.owns(id, shard));
    }
}

TEST_F(Plan, FallbacksAreUsableMembersOnly) {
    for (const NodeId id : {2, 3, 4, 5}) join(id);
    const ShardId shard = first_of(2);
    const std::vector<NodeId> all = make(shard).fallbacks;
    ASSERT_EQ(all.size(), 2u);
    for (const NodeId id : all) {
        if (id == 1) continue;
        peer(id).liveness = Liveness::suspect;
        EXPECT_EQ(make(shard).fallbacks, all);
        for (const Liveness gone : {Liveness::down, Liveness::left}) {
            peer(id).liveness = gone;
            EXPECT_EQ(make(shard).fallbacks.size(), 1u);
        }
        peer(id).liveness = Liveness::alive;
    }
}

TEST_F(Plan, WithoutARingThereIsNobody) {
    ring_ = RingState{};
    const ShardPlan plan = make(7);
    EXPECT_THAT(plan.replicas, IsEmpty());
    EXPECT_EQ(plan.coordinator(), -1);
    EXPECT_EQ(plan.self, -1);
    EXPECT_FALSE(plan.self_owns());
    EXPECT_EQ(plan.usable_owners(), 0u);
}

TEST_F(Plan, TheFirstAliveAndSettledOwnerCoordinates) {
    join(2), join(3);
    const ShardId shard = first_of(2);
    const ShardPlan plan = make(shard);
    const NodeId second = plan.replicas[1].id, third = plan.replicas[2].id;
    EXPECT_EQ(coordinator(shard), 2u);
    peer(2).unsettled.set(shard);
    EXPECT_EQ(coordinator(shard), second);
    peer(2).unsettled.reset(shard);
    peer(2).liveness = Liveness::suspect;
    EXPECT_EQ(coordinator(shard), second);
    // Alive counts for more than settled, and nobody who is down counts at all.
    const auto set_settled = [&](NodeId id, bool settled) {
        if (id == 1)
            settled ? settle(shard) : cluster_.unsettle(shard);
        else
            peer(id).unsettled.set(shard, !settled);
    };
    set_settled(second, false);
    set_settled(third, false);
    EXPECT_EQ(coordinator(shard), second);
    set_settled(third, true);
    EXPECT_EQ(coordinator(shard), third);
    peer(2).liveness = Liveness::down;
    const NodeId other = second == 1 ? third : second;
    peer(other).liveness = Liveness::down;
    EXPECT_EQ(coordinator(shard), 1u);
    EXPECT_EQ(make(shard).usable_owners(), 1u);
}

TEST_F(Plan, NobodyCoordinatesWhenAllOwnersAreDown) {
    for (const NodeId id : {2, 3, 4, 5, 6}) join(id);
    const RingTable table(ring_);
    ShardId shard = 0;
    while (table.owns(1, shard)) ++shard;
    for (const NodeId id : table.owners(shard)) peer(id).liveness = Liveness::down;
    EXPECT_EQ(coordinator(shard), 0u);
    EXPECT_EQ(make(shard).usable_owners(), 0u);
    // A member that the gossip hasn't named yet is no help either.
    std::erase_if(peers_, [&](const Peer& p) { return p.id == table.owners(shard)[0]; });
    EXPECT_EQ(coordinator(shard), 0u);
}

TEST_F(Plan, TheLocalDatacenterGoesFirst) {
    join(2, "there"), join(3, "there"), join(4, "here");
    for (unsigned s = 0; s < kShards; ++s) {
        const auto shard = static_cast<ShardId>(s);
        const NodeId chosen = coordinator(shard);
        EXPECT_TRUE(chosen == 1 || chosen == 4) << s;
    }
    const ShardId shard = first_of(make(0).replicas[0].id);
    cluster_.unsettle(shard);
    peer(4).liveness = Liveness::down;
    EXPECT_EQ(coordinator(shard), 1u);
    const ShardPlan plan = make(shard);
    ASSERT_EQ(plan.owners, 4u);
    for (const Replica& replica : plan.replicas) {
        EXPECT_EQ(replica.local, replica.id == 1 || replica.id == 4);
        EXPECT_EQ(replica.datacenter == plan.replicas[0].datacenter, replica.local == plan.replicas[0].local);
    }
}

TEST_F(Plan, WhileTheRingMovesThoseToComeAreReplicasButDoNotCoordinate) {
    join(2), join(3), join(4, "here", false);
    const RingTable table(ring_);
    const std::vector<ShardId> gained = table.gained(4);
    ASSERT_FALSE(gained.empty());
    const ShardPlan plan = make(gained.front());
    EXPECT_EQ(plan.owners, 3u);
    ASSERT_EQ(plan.replicas.size(), 4u);
    EXPECT_EQ(plan.replicas[3].id, 4u);
    EXPECT_FALSE(plan.replicas[3].owner);
    EXPECT_TRUE(plan.replicas[3].next_owner);
    EXPECT_EQ(std::ranges::count_if(plan.replicas, [](const Replica& r) { return r.owner && !r.next_owner; }),
              1);
    EXPECT_THAT(plan.fallbacks, IsEmpty());
    for (const NodeId id : {2, 3}) peer(id).liveness = Liveness::down;
    EXPECT_NE(coordinator(gained.front()), 4u);
}

// ---- quorums

/// Replicas as letters: 'o' an owner, 'n' one to come, 'b' both; upper case: in another datacenter.
ShardPlan plan_of(const std::string& replicas) {
    ShardPlan plan;
    for (const char kind : replicas) {
        Replica replica;
        const char lower = static_cast<char>(kind | 0x20);
        replica.owner = lower == 'o' || lower == 'b';
        replica.next_owner = lower == 'n' || lower == 'b';
        replica.local = kind == lower;
        replica.datacenter = replica.local ? 0 : 1;
        plan.replicas.push_back(replica);
        plan.owners += replica.owner ? 1 : 0;
    }
    return plan;
}

/// Is it met by exactly these places?
bool met_by(const std::string& replicas, Consistency level, bool writes,
            std::initializer_list<size_t> places) {
    Quorum quorum(plan_of(replicas), level, writes);
    for (const size_t place : places) quorum.count(place);
    return quorum.met();
}

TEST(QuorumTest, NeedsOfEachLevel) {
    const auto need = [](const std::string& replicas, Consistency level) {
        return Quorum(plan_of(replicas), level, true).need();
    };
    EXPECT_EQ(need("b", Consistency::quorum), 1u);
    EXPECT_EQ(need("bb", Consistency::quorum), 2u);
    EXPECT_EQ(need("bbb", Consistency::one), 1u);
    EXPECT_EQ(need("bbb", Consistency::quorum), 2u);
    EXPECT_EQ(need("bbb", Consistency::all), 3u);
    EXPECT_EQ(need("bbbb", Consistency::quorum), 3u);
    EXPECT_EQ(need("bbbBBB", Consistency::quorum), 4u);
    EXPECT_EQ(need("bbbBBB", Consistency::local_quorum), 2u);
    EXPECT_EQ(need("bbbBBB", Consistency::each_quorum), 2u);
    // Nobody here: a local quorum is one of all.
    EXPECT_EQ(need("BBB", Consistency::local_quorum), 2u);
}

TEST(QuorumTest, CountsEachReplicaOnce) {
    Quorum quorum(plan_of("bbb"), Consistency::quorum, true);
    EXPECT_FALSE(quorum.met());
    quorum.count(1);
    quorum.count(1);
    EXPECT_FALSE(quorum.met());
    EXPECT_EQ(quorum.have(), 1u);
    EXPECT_EQ(quorum.answers(), 1u);
    EXPECT_TRUE(quorum.counted(1));
    EXPECT_FALSE(quorum.counted(0));
    quorum.count(2);
    EXPECT_TRUE(quorum.met());
}

TEST(QuorumTest, SeveralDatacenters) {
    EXPECT_TRUE(met_by("bbbBBB", Consistency::local_quorum, true, {0, 2}));
    EXPECT_FALSE(met_by("bbbBBB", Consistency::local_quorum, true, {0, 3, 4, 5}));
    EXPECT_TRUE(met_by("bbbBBB", Consistency::each_quorum, true, {0, 1, 4, 5}));
    EXPECT_FALSE(met_by("bbbBBB", Consistency::each_quorum, true, {0, 1, 2, 5}));
    EXPECT_TRUE(met_by("bbbBBB", Consistency::quorum, true, {0, 1, 2, 5}));
    EXPECT_FALSE(met_by("bbbBBB", Consistency::quorum, true, {3, 4, 5}));
    // What is told is the group that lacks most.
    Quorum each(plan_of("bbbBBB"), Consistency::each_quorum, true);
    each.count(0);
    each.count(1);
    EXPECT_EQ(each.have(), 0u);
    EXPECT_EQ(each.need(), 2u);
}

TEST(QuorumTest, AMovingRingNeedsBothListsForWritesAndThePresentOneForReads) {
    // A joiner (3) takes over from the owner at 2.
    EXPECT_TRUE(met_by("bbon", Consistency::quorum, true, {0, 1}));
    EXPECT_FALSE(met_by("bbon", Consistency::quorum, true, {0, 2}));
    EXPECT_FALSE(met_by("bbon", Consistency::quorum, true, {0, 3}));
    EXPECT_TRUE(met_by("bbon", Consistency::quorum, true, {0, 2, 3}));
    EXPECT_FALSE(met_by("bbon", Consistency::quorum, true, {2, 3}));
    EXPECT_TRUE(met_by("bbon", Consistency::quorum, false, {0, 2}));
    EXPECT_FALSE(met_by("bbon", Consistency::quorum, false, {0, 3}));
    EXPECT_FALSE(met_by("bbon", Consistency::all, true, {0, 1, 2}));
    EXPECT_TRUE(met_by("bbon", Consistency::all, true, {0, 1, 2, 3}));
    EXPECT_TRUE(met_by("bbon", Consistency::all, false, {0, 1, 2}));
    EXPECT_FALSE(met_by("on", Consistency::one, true, {0}));
    EXPECT_FALSE(met_by("on", Consistency::one, true, {1}));
    EXPECT_TRUE(met_by("on", Consistency::one, true, {0, 1}));
    // The first ring of two: one owner now, two to come.
    EXPECT_FALSE(met_by("bn", Consistency::quorum, true, {0}));
    EXPECT_TRUE(met_by("bn", Consistency::quorum, true, {0, 1}));
    EXPECT_TRUE(met_by("bn", Consistency::quorum, false, {0}));
    // Each list's datacenters on their own.
    EXPECT_FALSE(met_by("bbBon", Consistency::each_quorum, true, {0, 1}));
    EXPECT_TRUE(met_by("bbBon", Consistency::each_quorum, true, {0, 1, 2}));
}

}  // namespace
}  // namespace torc
