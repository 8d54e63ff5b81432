#include "cluster/token_allocator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/rng.h"
#include "cluster/ring.h"

namespace torc {
namespace {

struct Change {
    RingState ring;
    double moved_over_ideal = 0;
};

size_t replicas_gained(const RingState& moving) {
    const RingTable table(moving);
    size_t all = 0;
    for (const RingMember& member : moving.members) all += table.gained(member.id).size();
    return all;
}

std::map<NodeId, unsigned> loads(const RingState& ring) {
    const RingTable table(ring);
    std::map<NodeId, unsigned> held;
    for (unsigned shard = 0; shard < kShards; ++shard)
        for (const NodeId id : table.owners(static_cast<ShardId>(shard))) ++held[id];
    return held;
}

double primaries_over_mean(const RingState& ring) {
    const RingTable table(ring);
    std::map<NodeId, unsigned> first;
    unsigned most = 0;
    for (unsigned shard = 0; shard < kShards; ++shard)
        most = std::max(most, ++first[table.owners(static_cast<ShardId>(shard)).front()]);
    return most * static_cast<double>(ring.members.size()) / kShards;
}

/// No repeats, N of each datacenter, as many racks as can be, and tokens in order, one a shard and
/// datacenter.
void expect_well_placed(const RingState& ring) {
    std::map<std::string, std::set<std::string>> racks;
    std::map<std::string, size_t> nodes;
    for (const RingMember& member : ring.members) {
        racks[member.datacenter].insert(member.rack);
        ++nodes[member.datacenter];
    }
    const RingTable table(ring);
    for (unsigned shard = 0; shard < kShards; ++shard) {
        const auto owners = table.owners(static_cast<ShardId>(shard));
        std::map<std::string, std::set<NodeId>> here;
        std::map<std::string, std::set<std::string>> racks_here;
        for (const NodeId id : owners) {
            const RingMember& member = *ring.member(id);
            ASSERT_TRUE(here[member.datacenter].insert(id).second) << "twice on shard " << shard;
            racks_here[member.datacenter].insert(member.rack);
        }
        for (const auto& [datacenter, count] : nodes) {
            const size_t replicas = std::min<size_t>(count, ring.replication_factor);
            ASSERT_EQ(here[datacenter].size(), replicas) << shard;
            ASSERT_EQ(racks_here[datacenter].size(), std::min(replicas, racks[datacenter].size())) << shard;
        }
    }
    for (size_t i = 1; i < ring.tokens.size(); ++i)
        ASSERT_TRUE(token_before(ring.tokens[i - 1], ring.tokens[i]));
    const auto decoded = decode_ring(encode_ring(ring));
    ASSERT_TRUE(decoded.has_value());
    ASSERT_EQ(*decoded, ring);
}

RingState join(const RingState& ring, const RingMember& joiner) {
    const auto moving = begin_join(ring, joiner);
    EXPECT_TRUE(moving.has_value());
    return *finish_move(*moving);
}

RingState leave(const RingState& ring, NodeId leaver) {
    const auto moving = begin_leave(ring, leaver);
    EXPECT_TRUE(moving.has_value());
    return *finish_move(*moving);
}

RingMember equal_node(Rng& rng) {
    return {rng.next() | 1, "dc1", "rack1", 16};
}

void check_bars(const RingState& before, const RingState& moving, const RingState& after) {
    const auto most = static_cast<double>(std::max(before.members.size(), after.members.size()));
    const size_t bigger = std::max(before.members.size(), after.members.size());
    if (bigger > 3) {
        const double ideal = 3.0 * kShards / most;
        EXPECT_LE(static_cast<double>(replicas_gained(moving)), 1.15 * ideal) << bigger;
    }
    if (after.members.size() < 3 || after.members.size() > 32) return;
    EXPECT_LE(balance_of(after).worst_over_mean, 1.05) << after.members.size();
    EXPECT_LE(primaries_over_mean(after), 1.10) << after.members.size();
}

RingState checked_join(const RingState& ring, const RingMember& joiner) {
    const RingState moving = *begin_join(ring, joiner);
    const RingState after = *finish_move(moving);
    check_bars(ring, moving, after);
    return after;
}

RingState checked_leave(const RingState& ring, NodeId leaver) {
    const RingState moving = *begin_leave(ring, leaver);
    const RingState after = *finish_move(moving);
    check_bars(ring, moving, after);
    return after;
}

TEST(TokenAllocator, GrowingToThirtyTwoNodesStaysWithinTheBars) {
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Rng rng(seed);
        RingState ring = found_ring(1, 3, equal_node(rng));
        while (ring.members.size() < 32) ring = checked_join(ring, equal_node(rng));
        expect_well_placed(ring);
        while (ring.members.size() > 1)
            ring = checked_leave(ring, ring.members[rng.below(ring.members.size())].id);
    }
}

TEST(TokenAllocator, AnyOrderOfJoinsAndLeavesStaysWithinTheBars) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Rng rng(seed);
        const size_t least = 3 + rng.below(4);
        const size_t most = least + 1 + rng.below(33 - least - 1);
        RingState ring = found_ring(1, 3, equal_node(rng));
        bool grow = true;
        for (int step = 0; step < 80 && !HasFailure(); ++step) {
            SCOPED_TRACE(fmt::format("step {}", step));
            if (ring.members.size() <= least) grow = true;
            if (ring.members.size() >= most) grow = false;
            // Long rises and falls with steps back among them.
            const bool up = ring.members.size() < 3 || (ring.members.size() < 32 && grow != rng.one_in(4));
            ring = up ? checked_join(ring, equal_node(rng))
                      : checked_leave(ring, ring.members[rng.below(ring.members.size())].id);
        }
        expect_well_placed(ring);
    }
}

TEST(TokenAllocator, UpToThreeNodesOnlyTheNewcomerGains) {
    Rng rng(1);
    RingState ring = found_ring(1, 3, equal_node(rng));
    for (int nodes = 2; nodes <= 3; ++nodes) {
        const RingState moving = *begin_join(ring, equal_node(rng));
        EXPECT_EQ(replicas_gained(moving), kShards);
        ring = *finish_move(moving);
        EXPECT_LE(primaries_over_mean(ring), 1.01);
    }
    EXPECT_EQ(replicas_gained(*begin_leave(ring, ring.members[0].id)), 0u);
}

TEST(TokenAllocator, UpToThreeNodesShardsLieInRunsAndADeadNodesFallToAllOthers) {
    RingState ring = found_ring(1, 3, {11, "dc1", "rack1", 16});
    ring = *finish_move(*begin_join(ring, {12, "dc1", "rack1", 16}));
    ring = *finish_move(*begin_join(ring, {13, "dc1", "rack1", 16}));
    const RingTable table(ring);
    std::map<std::pair<NodeId, NodeId>, unsigned> heirs;
    unsigned runs = 1;
    for (unsigned shard = 0; shard < kShards; ++shard) {
        const auto owners = table.owners(static_cast<ShardId>(shard));
        ++heirs[{owners[0], owners[1]}];
        if (shard != 0) runs += table.owners(static_cast<ShardId>(shard - 1))[0] != owners[0];
    }
    EXPECT_EQ(runs, 48u);
    ASSERT_EQ(heirs.size(), 6u);
    for (const auto& [pair, shards] : heirs)
        EXPECT_NEAR(shards, kShards / 6, kShards / 40) << pair.first << " then " << pair.second;
}

TEST(TokenAllocator, TheSameArgumentsGiveTheSameTokens) {
    Rng rng(7);
    RingState ring = found_ring(1, 3, equal_node(rng));
    for (int i = 0; i < 9; ++i) ring = join(ring, equal_node(rng));
    const RingMember joiner = equal_node(rng);
    EXPECT_EQ(begin_join(ring, joiner)->move->tokens, begin_join(ring, joiner)->move->tokens);
    EXPECT_EQ(begin_leave(ring, ring.members[3].id)->move->tokens,
              begin_leave(ring, ring.members[3].id)->move->tokens);
}

TEST(TokenAllocator, HeavierNodesHoldMore) {
    Rng rng(3);
    RingState ring = found_ring(1, 3, equal_node(rng));
    for (int i = 1; i < 12; ++i) {
        RingMember member = equal_node(rng);
        member.vnodes = i % 3 == 0 ? 32 : i % 3 == 1 ? 16 : 8;
        ring = join(ring, member);
    }
    expect_well_placed(ring);
    EXPECT_LE(balance_of(ring).worst_over_mean, 1.10);
    ring = leave(ring, ring.members[5].id);
    expect_well_placed(ring);
    EXPECT_LE(balance_of(ring).worst_over_mean, 1.10);
}

TEST(TokenAllocator, TheLightestNodeAmongTheHeaviestHasATokenToo) {
    for (const uint32_t replication_factor : {1u, 3u, 7u}) {
        Rng rng(3);
        RingState ring = found_ring(1, replication_factor, {rng.next(), "dc1", "rack1", kMaxVnodes});
        for (int i = 1; i < 9; ++i) {
            RingMember member = equal_node(rng);
            member.vnodes = i == 4 ? 1 : kMaxVnodes;
            ring = join(ring, member);
            expect_well_placed(ring);
        }
        while (ring.members.size() > 1) {
            const size_t heavy = ring.members[0].vnodes == 1 ? 1 : 0;
            ring = leave(ring, ring.members[heavy].id);
            expect_well_placed(ring);
        }
    }
}

TEST(TokenAllocator, ThreeEqualRacksAreBalancedWithinEach) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Rng rng(seed);
        RingState ring = found_ring(1, 3, {rng.next(), "dc1", "rack0", 16});
        for (uint64_t i = 1; i < 24; ++i) {
            ring = join(ring, {rng.next(), "dc1", fmt::format("rack{}", i % 3), 16});
            expect_well_placed(ring);
            if (i % 3 == 2) {
                EXPECT_LE(balance_of(ring).worst_over_mean, 1.08) << i;
            }
        }
    }
}

TEST(TokenAllocator, UnevenRacksArePlacedRightAndEachRackIsEven) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Rng rng(seed);
        const uint64_t racks = 1 + rng.below(6);
        const auto replication_factor = static_cast<uint32_t>(1 + rng.below(5));
        const auto newcomer = [&] {
            // The last rack is rare.
            const uint64_t rack = rng.one_in(6) ? racks - 1 : rng.below(racks);
            return RingMember{rng.next() | 1, "dc1", fmt::format("rack{}", rack), 16};
        };
        RingState ring = found_ring(1, replication_factor, newcomer());
        for (int step = 0; step < 22 && !HasFatalFailure(); ++step) {
            const bool up = ring.members.size() < 2 || !rng.one_in(3);
            ring = up ? join(ring, newcomer()) : leave(ring, ring.members[rng.below(ring.members.size())].id);
            expect_well_placed(ring);
        }
        // Within a rack the load is even, whatever the racks' sizes.
        std::map<std::string, std::pair<double, double>> of_rack;
        auto held = loads(ring);
        for (const RingMember& member : ring.members) {
            of_rack[member.rack].first += held[member.id];
            of_rack[member.rack].second += 1;
        }
        for (const RingMember& member : ring.members) {
            const auto& [sum, count] = of_rack[member.rack];
            EXPECT_LE(held[member.id], 1.15 * sum / count + 2) << member.rack << " of " << racks;
        }
    }
}

TEST(TokenAllocator, DatacentersDontMoveEachOther) {
    Rng rng(5);
    RingState ring = found_ring(1, 3, {rng.next(), "east", "rack1", 16});
    for (int i = 1; i < 14; ++i) {
        const std::string datacenter = i % 3 == 0 ? "west" : i % 3 == 1 ? "east" : "north";
        const RingState moving =
            *begin_join(ring, {rng.next(), datacenter, fmt::format("rack{}", i % 2), 16});
        const RingTable table(moving);
        for (const RingMember& member : moving.members)
            EXPECT_TRUE(member.datacenter == datacenter || table.gained(member.id).empty());
        ring = *finish_move(moving);
        expect_well_placed(ring);
    }
    EXPECT_LE(balance_of(ring).worst_over_mean, 1.05);
    while (ring.members.size() > 1) {
        const RingMember leaver = ring.members[rng.below(ring.members.size())];
        const RingState moving = *begin_leave(ring, leaver.id);
        const RingTable table(moving);
        for (const RingMember& member : moving.members)
            EXPECT_TRUE(member.datacenter == leaver.datacenter || table.gained(member.id).empty());
        ring = *finish_move(moving);
        expect_well_placed(ring);
    }
}

TEST(TokenAllocator, SparseTokensOfOthersMakingAreTakenAsTheyAre) {
    RingState ring = found_ring(1, 3, {1, "dc", "r", 16});
    ring.members.clear();
    ring.tokens.clear();
    for (NodeId id = 1; id <= 5; ++id) {
        ring.members.push_back({id, "dc", "r", 16});
        for (unsigned token = 0; token < 16; ++token)
            ring.tokens.push_back({static_cast<ShardId>(token * 64 + id * 7), id});
    }
    std::ranges::sort(ring.tokens, token_before);
    const RingState after = join(ring, {6, "dc", "r", 16});
    expect_well_placed(after);
    EXPECT_LE(balance_of(after).worst_over_mean, 1.05);
}

TEST(TokenAllocator, BalanceOfLooksAtWhoHoldsMost) {
    RingState ring = found_ring(1, 1, {1, "dc", "r", 16});
    EXPECT_DOUBLE_EQ(balance_of(ring).worst_over_mean, 1.0);
    EXPECT_DOUBLE_EQ(balance_of(ring).mean_shards, 1024);
    ring.members.push_back({2, "dc", "r", 16});
    ring.tokens = {{255, 1}, {1023, 2}};
    EXPECT_DOUBLE_EQ(balance_of(ring).worst_over_mean, 1.5);
    EXPECT_DOUBLE_EQ(balance_of(ring).mean_shards, 512);
    ring.members[1].vnodes = 48;
    EXPECT_DOUBLE_EQ(balance_of(ring).worst_over_mean, 1.0);
    EXPECT_DOUBLE_EQ(balance_of({}).worst_over_mean, 0);
}

}  // namespace
}  // namespace torc
