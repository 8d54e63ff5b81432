#include "commands/cluster_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_cluster.h"

namespace torc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<NodeId> ids(const std::vector<const ClusterNode*>& nodes) {
    std::vector<NodeId> ids;
    for (const ClusterNode* node : nodes) ids.push_back(node->id);
    return ids;
}

class ClusterMapTest : public ::testing::Test {
  protected:
    ClusterMapTest() { fill_with_three_nodes(cluster); }
    ClusterNode& node(NodeId id) { return cluster.node(id); }
    FakeCluster cluster;
    ClusterPicture& picture = cluster.shown;
};

TEST_F(ClusterMapTest, TheFirstOwnerIsTheMasterAndTheOthersAreReplicas) {
    const ClusterMap map(picture);
    ASSERT_EQ(map.ranges().size(), 3u);
    EXPECT_EQ(map.ranges()[1].slots, (SlotRange{6000, 11999}));
    EXPECT_EQ(map.ranges()[1].master->id, 2u);
    EXPECT_THAT(ids(map.ranges()[1].replicas), ElementsAre(3, 1));
    EXPECT_THAT(map.slots_of(3), ElementsAre(SlotRange{12000, 16383}));
    EXPECT_THAT(ids(map.replicas_of(3)), ElementsAre(1, 2));
}

TEST_F(ClusterMapTest, ADeadFirstOwnerGivesWayToTheNextLiveOne) {
    node(2).liveness = Liveness::down;
    const ClusterMap map(picture);
    EXPECT_EQ(map.ranges()[1].master->id, 3u);
    EXPECT_THAT(ids(map.ranges()[1].replicas), ElementsAre(2, 1));
    EXPECT_THAT(map.slots_of(2), IsEmpty());
    EXPECT_THAT(map.slots_of(3), ElementsAre(SlotRange{6000, 16383}));
}

TEST_F(ClusterMapTest, ASuspectIsMasterOnlyWhereNobodyIsAlive) {
    node(2).liveness = Liveness::suspect;
    EXPECT_EQ(ClusterMap(picture).ranges()[1].master->id, 3u);
    node(3).liveness = Liveness::down;
    node(1).liveness = Liveness::down;
    EXPECT_EQ(ClusterMap(picture).ranges()[1].master->id, 2u);
    EXPECT_EQ(ClusterMap(picture).ranges()[2].master->id, 2u);
    node(2).liveness = Liveness::down;
    EXPECT_EQ(ClusterMap(picture).ranges()[2].master->id, 3u);
}

TEST_F(ClusterMapTest, EachSlotIsOnExactlyOneNode) {
    for (const Liveness second : {Liveness::alive, Liveness::suspect, Liveness::down}) {
        node(2).liveness = second;
        const ClusterMap map(picture);
        std::vector<int> shown(kSlots);
        for (const ClusterNode* node : map.nodes())
            for (const SlotRange& slots : map.slots_of(node->id))
                for (unsigned slot = slots.first; slot <= slots.last; ++slot) ++shown[slot];
        EXPECT_EQ(shown, std::vector<int>(kSlots, 1));
    }
}

TEST_F(ClusterMapTest, MastersFirstShowsEachOnceAloneAndThenAllTheRest) {
    picture.ranges = {{{0, 0}, {2, 1}}, {{1, 99}, {1, 2}}, {{100, 199}, {2, 1}}, {{200, 16383}, {1, 2, 3}}};
    node(3).liveness = Liveness::down;
    const auto shown = ClusterMap(picture).masters_first();
    const auto slots = [&](size_t i) { return shown.at(i).slots; };
    ASSERT_EQ(shown.size(), 5u);
    EXPECT_EQ(slots(0), (SlotRange{0, 0}));  // all that there is of it
    EXPECT_EQ(slots(1), (SlotRange{1, 1}));
    EXPECT_EQ(slots(2), (SlotRange{2, 99}));
    EXPECT_EQ(slots(3), (SlotRange{100, 199}));
    EXPECT_EQ(slots(4), (SlotRange{200, 16383}));
    for (const size_t i : {0, 1}) EXPECT_THAT(shown[i].replicas, IsEmpty());
    EXPECT_EQ(shown[0].master->id, 2u);
    EXPECT_EQ(shown[1].master->id, 1u);
    EXPECT_THAT(ids(shown[2].replicas), ElementsAre(2));
    EXPECT_THAT(ids(shown[4].replicas), ElementsAre(2, 3));
}

TEST_F(ClusterMapTest, RangesWithTheSameListAreOneShard) {
    picture.ranges = {{{0, 15}, {1, 2}}, {{16, 31}, {2, 1}}, {{32, 47}, {1, 2}}, {{48, 16383}, {1, 2}}};
    const ClusterMap map(picture);
    const auto shards = map.shards();
    ASSERT_EQ(shards.size(), 3u);
    EXPECT_THAT(shards[0].slots, ElementsAre(SlotRange{0, 15}, SlotRange{32, 16383}));
    EXPECT_EQ(shards[0].master->id, 1u);
    EXPECT_THAT(ids(shards[0].replicas), ElementsAre(2));
    EXPECT_THAT(shards[1].slots, ElementsAre(SlotRange{16, 31}));
    // Node 3 owns nothing: a shard of its own.
    EXPECT_EQ(shards[2].master->id, 3u);
    EXPECT_THAT(shards[2].slots, IsEmpty());
}

TEST_F(ClusterMapTest, OwnersThatNobodyHasHeardOfAreLeftOut) {
    picture.ranges = {{{0, 99}, {9, 2}}, {{100, 16383}, {9}}};
    const ClusterMap map(picture);
    ASSERT_EQ(map.ranges().size(), 1u);
    EXPECT_EQ(map.ranges()[0].master->id, 2u);
    EXPECT_THAT(map.ranges()[0].replicas, IsEmpty());
}

TEST_F(ClusterMapTest, NodesThatHaveLeftAreNotShown) {
    node(3).liveness = Liveness::left;
    picture.ranges = {{{0, 16383}, {1, 2}}};
    const ClusterMap map(picture);
    EXPECT_THAT(ids(map.nodes()), ElementsAre(1, 2));
    EXPECT_EQ(map.find(node_name(3)), nullptr);
    EXPECT_EQ(map.find(node_name(2)), picture.node(2));
    EXPECT_EQ(map.find("nobody"), nullptr);
    EXPECT_EQ(map.find(""), nullptr);
}

TEST_F(ClusterMapTest, WithoutARingThereAreNodesOnly) {
    picture.ranges.clear();
    const ClusterMap map(picture);
    EXPECT_THAT(map.ranges(), IsEmpty());
    EXPECT_EQ(map.shards().size(), 3u);
}

}  // namespace
}  // namespace torc::testing
