#include "cluster/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/rng.h"
#include "cluster/token_allocator.h"

namespace torc {
namespace {

RingMember node(NodeId id, const std::string& rack = "r", const std::string& datacenter = "dc") {
    return {id, datacenter, rack, 16};
}

std::vector<NodeId> list_of(const std::vector<RingMember>& members, const std::vector<Token>& tokens,
                            unsigned shard, uint32_t replication_factor, bool whole_walk = false) {
    std::vector<NodeId> list = {99};
    preference_list(members, tokens, static_cast<ShardId>(shard), replication_factor, whole_walk, list);
    return list;
}

/// The rule of ring.h for one datacenter, word for word.
std::vector<NodeId> by_definition(const std::vector<RingMember>& members, const std::vector<Token>& tokens,
                                  unsigned shard, uint32_t replication_factor) {
    std::map<NodeId, std::string> rack_of;
    for (const RingMember& member : members) rack_of[member.id] = member.rack;
    std::vector<NodeId> met;
    for (unsigned step = 0; step < kShards; ++step)
        for (const Token& token : tokens)
            if (token.shard == (shard + step) % kShards && std::ranges::find(met, token.owner) == met.end())
                met.push_back(token.owner);
    std::vector<NodeId> list;
    std::set<std::string> racks;
    for (const NodeId id : met)
        if (list.size() < replication_factor && racks.insert(rack_of[id]).second) list.push_back(id);
    for (const NodeId id : met)
        if (list.size() < replication_factor && std::ranges::find(list, id) == list.end()) list.push_back(id);
    return list;
}

TEST(Placement, ListsAreWhatAClockwiseWalkMeets) {
    const std::vector<RingMember> members = {node(1), node(2), node(3), node(4)};
    const std::vector<Token> tokens = {{10, 1}, {20, 2}, {30, 2}, {40, 3}, {50, 4}};
    EXPECT_EQ(list_of(members, tokens, 10, 3), (std::vector<NodeId>{1, 2, 3}));
    EXPECT_EQ(list_of(members, tokens, 11, 3), (std::vector<NodeId>{2, 3, 4}));
    EXPECT_EQ(list_of(members, tokens, 45, 3), (std::vector<NodeId>{4, 1, 2}));
    EXPECT_EQ(list_of(members, tokens, 11, 2, true), (std::vector<NodeId>{2, 3, 4, 1}));
}

// riak_core #970: a walk that starts near the end of the circle must not meet a node twice.
TEST(Placement, NoNodeHoldsARangeTwiceWhereTheRingWraps) {
    const std::vector<RingMember> members = {node(1), node(2), node(3)};
    const std::vector<Token> tokens = {{0, 1}, {1, 2}, {1021, 3}, {1022, 1}, {1023, 1}};
    EXPECT_EQ(list_of(members, tokens, 1022, 3), (std::vector<NodeId>{1, 2, 3}));
    EXPECT_EQ(list_of(members, tokens, 1023, 3), (std::vector<NodeId>{1, 2, 3}));
    EXPECT_EQ(list_of(members, tokens, 2, 3), (std::vector<NodeId>{3, 1, 2}));
}

TEST(Placement, FewerNodesThanReplicasHoldEverythingOnce) {
    const std::vector<RingMember> members = {node(1), node(2)};
    const std::vector<Token> tokens = {{0, 1}, {512, 2}};
    EXPECT_EQ(list_of(members, tokens, 1, 3), (std::vector<NodeId>{2, 1}));
    EXPECT_EQ(list_of(members, {}, 1, 3), (std::vector<NodeId>{}));
}

TEST(Placement, RacksComeFirstWhileThereAreRacksLeft) {
    const std::vector<RingMember> members = {node(1, "a"), node(2, "a"), node(3, "a"), node(4, "b")};
    const std::vector<Token> tokens = {{10, 1}, {20, 2}, {30, 3}, {40, 4}};
    EXPECT_EQ(list_of(members, tokens, 5, 3), (std::vector<NodeId>{1, 4, 2}));
    EXPECT_EQ(list_of(members, tokens, 35, 3), (std::vector<NodeId>{4, 1, 2}));
    EXPECT_EQ(list_of(members, tokens, 5, 1), (std::vector<NodeId>{1}));
    EXPECT_EQ(list_of(members, tokens, 5, 2, true), (std::vector<NodeId>{1, 4, 2, 3}));
}

TEST(Placement, EachDatacenterHasItsOwnReplicas) {
    const std::vector<RingMember> members = {node(1, "r", "east"), node(2, "r", "east"), node(3, "r", "west"),
                                             node(4, "r", "west"), node(5, "r", "west")};
    // Two datacenters may have tokens on one shard.
    const std::vector<Token> tokens = {{10, 1}, {10, 3}, {20, 2}, {20, 4}, {30, 5}};
    EXPECT_EQ(list_of(members, tokens, 4, 2), (std::vector<NodeId>{1, 3, 2, 4}));
    EXPECT_EQ(list_of(members, tokens, 5, 2), (std::vector<NodeId>{3, 1, 4, 2}));
    EXPECT_EQ(list_of(members, tokens, 4, 3), (std::vector<NodeId>{1, 3, 2, 4, 5}));
    EXPECT_EQ(list_of(members, tokens, 4, 1, true), (std::vector<NodeId>{1, 3, 2, 4, 5}));
}

TEST(Placement, MembersWithoutTokensEndTheWalk) {
    const std::vector<RingMember> members = {node(1), node(2), node(3, "r", "elsewhere"), node(4)};
    const std::vector<Token> tokens = {{0, 4}, {512, 2}};
    EXPECT_EQ(list_of(members, tokens, 1, 1, true), (std::vector<NodeId>{2, 4, 1, 3}));
    EXPECT_EQ(list_of(members, tokens, 1, 3), (std::vector<NodeId>{2, 4}));
}

TEST(Placement, RandomCirclesAgreeWithTheDefinition) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        const uint64_t nodes = 1 + rng.below(9);
        const uint64_t racks = 1 + rng.below(5);
        const auto replication_factor = static_cast<uint32_t>(1 + rng.below(7));
        std::vector<RingMember> members;
        for (NodeId id = 1; id <= nodes; ++id) members.push_back(node(id, std::to_string(rng.below(racks))));
        std::vector<Token> tokens;
        const uint64_t rarity = 1 + rng.below(60);
        for (unsigned shard = 0; shard < kShards; ++shard)
            if (rng.one_in(rarity)) tokens.push_back({static_cast<ShardId>(shard), 1 + rng.below(nodes)});
        for (int look = 0; look < 20; ++look) {
            const auto shard = static_cast<unsigned>(rng.below(kShards));
            ASSERT_EQ(list_of(members, tokens, shard, replication_factor),
                      by_definition(members, tokens, shard, replication_factor));
        }
    }
}

}  // namespace
}  // namespace torc
