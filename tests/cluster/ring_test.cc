#include "cluster/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/coding.h"
#include "base/rng.h"
#include "cluster/token_allocator.h"

namespace torc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RingMember node(NodeId id, const std::string& datacenter = "dc", const std::string& rack = "r") {
    return {id, datacenter, rack, 16};
}

RingState ring_of(std::initializer_list<NodeId> ids, uint32_t replication_factor = 3) {
    RingState ring;
    for (const NodeId id : ids)
        ring = ring.epoch == 0 ? found_ring(77, replication_factor, node(id))
                               : *finish_move(*begin_join(ring, node(id)));
    return ring;
}

std::vector<NodeId> ids_of(const RingState& ring) {
    std::vector<NodeId> ids;
    for (const RingMember& member : ring.members) ids.push_back(member.id);
    return ids;
}

std::set<NodeId> owners_in(const std::vector<Token>& tokens) {
    std::set<NodeId> owners;
    for (const Token& token : tokens) owners.insert(token.owner);
    return owners;
}

void expect_refused(const Result<RingState>& step, ErrorKind kind, const std::string& why) {
    ASSERT_FALSE(step.has_value());
    EXPECT_EQ(step.error().kind, kind);
    EXPECT_THAT(step.error().message, HasSubstr(why));
}

// ---- steps

TEST(Ring, AFounderHasItAll) {
    const RingState ring = found_ring(77, 3, node(5));
    EXPECT_EQ(ring.cluster_id, 77u);
    EXPECT_EQ(ring.epoch, 1u);
    EXPECT_EQ(ring.replication_factor, 3u);
    const RingTable table(ring);
    for (unsigned shard = 0; shard < kShards; ++shard)
        EXPECT_THAT(table.owners(ShardId(shard)), ElementsAre(5));
}

TEST(Ring, EveryStepIsOneEpoch) {
    RingState ring = found_ring(77, 3, node(5));
    uint64_t epoch = 1;
    const auto step = [&](const Result<RingState>& next) {
        ASSERT_TRUE(next.has_value());
        ring = *next;
        EXPECT_EQ(ring.epoch, ++epoch);
        EXPECT_EQ(ring.cluster_id, 77u);
    };
    step(begin_join(ring, node(3)));
    step(abort_move(ring));
    step(begin_join(ring, node(4)));
    step(finish_move(ring));
    step(begin_replace(ring, node(6), 4));
    step(finish_move(ring));
    step(begin_leave(ring, 6));
    step(finish_move(ring));
    step(begin_join(ring, node(7)));
    step(force_remove(ring, 7));
    EXPECT_THAT(ids_of(ring), ElementsAre(5));
}

TEST(Ring, AJoinerIsAMemberFromTheBeginAndOwnsAtTheEnd) {
    const RingState before = ring_of({4, 6, 8, 10});
    const RingState moving = *begin_join(before, node(7));
    EXPECT_THAT(ids_of(moving), ElementsAre(4, 6, 7, 8, 10));
    EXPECT_EQ(moving.tokens, before.tokens);
    const RingTable table(moving);
    const RingTable old_table(before);
    const RingTable new_table(*finish_move(moving));
    std::vector<ShardId> gained;
    for (unsigned i = 0; i < kShards; ++i) {
        const auto shard = static_cast<ShardId>(i);
        EXPECT_TRUE(std::ranges::equal(table.owners(shard), old_table.owners(shard)));
        EXPECT_TRUE(std::ranges::equal(table.next_owners(shard), new_table.owners(shard)));
        EXPECT_FALSE(table.owns(7, shard));
        if (table.will_own(7, shard)) gained.push_back(shard);
    }
    EXPECT_FALSE(gained.empty());
    EXPECT_EQ(table.gained(7), gained);
    EXPECT_TRUE(table.is_member(7));
    EXPECT_FALSE(table.is_member(9));
}

TEST(Ring, ALeaverOwnsUntilTheEndAndIsGoneThen) {
    const RingState before = ring_of({4, 6, 8, 10});
    const RingState moving = *begin_leave(before, 6);
    const RingTable table(moving);
    for (unsigned i = 0; i < kShards; ++i) {
        const auto shard = static_cast<ShardId>(i);
        EXPECT_FALSE(table.will_own(6, shard));
        EXPECT_EQ(table.next_owners(shard).size(), 3u);
        // What stays where it is and what comes is all there is.
        for (const NodeId id : table.owners(shard)) EXPECT_TRUE(id == 6 || table.will_own(id, shard));
    }
    EXPECT_FALSE(RingTable(before).gained(6).size());
    const RingState after = *finish_move(moving);
    EXPECT_THAT(ids_of(after), ElementsAre(4, 8, 10));
    EXPECT_FALSE(after.move.has_value());
}

TEST(Ring, FewerNodesThanReplicasIsNoReasonToStay) {
    const RingState moving = *begin_leave(ring_of({4, 6, 8}), 6);
    const RingTable after(*finish_move(moving));
    for (unsigned shard = 0; shard < kShards; ++shard) EXPECT_EQ(after.owners(ShardId(shard)).size(), 2u);
    for (const RingMember& member : moving.members)
        EXPECT_THAT(RingTable(moving).gained(member.id), IsEmpty());
}

TEST(Ring, AReplacementTakesExactlyTheDeadNodesTokens) {
    const RingState before = ring_of({4, 6, 8, 10});
    const RingState moving = *begin_replace(before, node(1), 8);
    EXPECT_EQ(moving.move->replaced, 8u);
    const RingTable table(moving);
    for (unsigned i = 0; i < kShards; ++i) {
        const auto shard = static_cast<ShardId>(i);
        std::vector<NodeId> expected(table.owners(shard).begin(), table.owners(shard).end());
        std::ranges::replace(expected, NodeId{8}, NodeId{1});
        EXPECT_TRUE(std::ranges::equal(table.next_owners(shard), expected));
    }
    const RingState after = *finish_move(moving);
    EXPECT_THAT(ids_of(after), ElementsAre(1, 4, 6, 10));
    EXPECT_EQ(owners_in(after.tokens), (std::set<NodeId>{1, 4, 6, 10}));
}

TEST(Ring, AbortIsAsIfNothingHadBegun) {
    const RingState before = ring_of({4, 6, 8, 10});
    for (const auto& moving :
         {begin_join(before, node(7)), begin_leave(before, 6), begin_replace(before, node(1), 8)}) {
        RingState after = *abort_move(*moving);
        EXPECT_EQ(after.epoch, before.epoch + 2);
        after.epoch = before.epoch;
        EXPECT_EQ(after, before);
    }
}

TEST(Ring, AnAbortedJoinerMayTryAgain) {
    const RingState before = ring_of({4, 6});
    EXPECT_TRUE(begin_join(*abort_move(*begin_join(before, node(7))), node(7)).has_value());
}

TEST(Ring, OneMoveAtATime) {
    const RingState before = ring_of({4, 6, 8});
    for (const auto& moving :
         {begin_join(before, node(7)), begin_leave(before, 6), begin_replace(before, node(1), 8)}) {
        expect_refused(begin_join(*moving, node(9)), ErrorKind::refused, "one change at a time");
        expect_refused(begin_leave(*moving, 4), ErrorKind::refused, "one change at a time");
        expect_refused(begin_replace(*moving, node(9), 4), ErrorKind::refused, "one change at a time");
    }
}

TEST(Ring, StepsThatMakeNoSenseAreRefused) {
    const RingState ring = ring_of({4, 6});
    expect_refused(begin_join({}, node(7)), ErrorKind::refused, "no ring");
    expect_refused(begin_join(ring, node(4)), ErrorKind::refused, "member already");
    expect_refused(begin_join(ring, node(0)), ErrorKind::invalid, "can't be a member");
    expect_refused(begin_join(ring, {7, "dc", "r", 0}), ErrorKind::invalid, "can't be a member");
    expect_refused(begin_join(ring, {7, "dc", "r", kMaxVnodes + 1}), ErrorKind::invalid, "can't be a member");
    expect_refused(begin_join(ring, node(7, std::string(kMaxPlaceName + 1, 'd'))), ErrorKind::invalid,
                   "can't be");
    expect_refused(begin_join(ring, node(7, "d", std::string(kMaxPlaceName + 1, 'r'))), ErrorKind::invalid,
                   "can't be");
    expect_refused(begin_leave(ring, 7), ErrorKind::not_found, "no member");
    expect_refused(begin_leave(ring_of({4}), 4), ErrorKind::refused, "last node");
    expect_refused(begin_replace(ring, node(8), 7), ErrorKind::not_found, "no member");
    expect_refused(begin_replace(ring, node(6), 4), ErrorKind::refused, "member already");
    expect_refused(begin_replace(ring, node(4), 4), ErrorKind::refused, "member already");
    expect_refused(begin_replace(ring, node(8, "elsewhere"), 4), ErrorKind::refused, "datacenter");
    expect_refused(begin_replace({}, node(8), 4), ErrorKind::refused, "no ring");
    expect_refused(finish_move(ring), ErrorKind::refused, "no node is on the move");
    expect_refused(abort_move(ring), ErrorKind::refused, "no node is on the move");
    expect_refused(force_remove(ring, 7), ErrorKind::not_found, "no member");
    expect_refused(force_remove(ring_of({4}), 4), ErrorKind::refused, "last node");
}

TEST(Ring, MembersHaveABound) {
    RingState ring = found_ring(1, 3, node(1));
    while (ring.members.size() < kMaxRingMembers) {
        const NodeId id = ring.members.size() + 1;
        ring.members.push_back(node(id));
        ring.tokens[id].owner = id;
    }
    expect_refused(begin_join(ring, node(1000)), ErrorKind::refused, "most there may be");
    EXPECT_EQ(*decode_ring(encode_ring(ring)), ring);
}

// ---- removal by force

TEST(Ring, ARemovedNodeIsOutAtOnceAndForEver) {
    const RingState after = *force_remove(ring_of({4, 6, 8, 10}), 6);
    EXPECT_THAT(ids_of(after), ElementsAre(4, 8, 10));
    EXPECT_EQ(owners_in(after.tokens), (std::set<NodeId>{4, 8, 10}));
    EXPECT_FALSE(after.move.has_value());
    EXPECT_THAT(after.barred, ElementsAre(6));
    expect_refused(begin_join(after, node(6)), ErrorKind::refused, "may not come back");
    expect_refused(begin_replace(after, node(6), 4), ErrorKind::refused, "may not come back");
    expect_refused(force_remove(after, 6), ErrorKind::not_found, "no member");
    EXPECT_THAT(force_remove(after, 4)->barred, ElementsAre(4, 6));
}

TEST(Ring, RemovingWhoIsOnTheMoveAbortsTheMove) {
    const RingState before = ring_of({4, 6, 8, 10});
    const RingState joiner_gone = *force_remove(*begin_join(before, node(7)), 7);
    EXPECT_EQ(joiner_gone.tokens, before.tokens);
    EXPECT_EQ(joiner_gone.members, before.members);
    EXPECT_THAT(joiner_gone.barred, ElementsAre(7));
    EXPECT_FALSE(joiner_gone.move.has_value());

    const RingState leaver_gone = *force_remove(*begin_leave(before, 6), 6);
    EXPECT_THAT(ids_of(leaver_gone), ElementsAre(4, 8, 10));
    EXPECT_FALSE(leaver_gone.move.has_value());

    const RingState replacement_gone = *force_remove(*begin_replace(before, node(1), 8), 1);
    EXPECT_EQ(replacement_gone.tokens, before.tokens);
    EXPECT_EQ(replacement_gone.members, before.members);

    const RingState replaced_gone = *force_remove(*begin_replace(before, node(1), 8), 8);
    EXPECT_THAT(ids_of(replaced_gone), ElementsAre(4, 6, 10));
    EXPECT_EQ(owners_in(replaced_gone.tokens), (std::set<NodeId>{4, 6, 10}));
}

TEST(Ring, RemovingABystanderLetsTheMoveGoOn) {
    const RingState before = ring_of({4, 6, 8, 10, 12});
    const RingState joining = *force_remove(*begin_join(before, node(7)), 6);
    EXPECT_THAT(ids_of(joining), ElementsAre(4, 7, 8, 10, 12));
    EXPECT_EQ(owners_in(joining.tokens), (std::set<NodeId>{4, 8, 10, 12}));
    EXPECT_EQ(owners_in(joining.move->tokens), (std::set<NodeId>{4, 7, 8, 10, 12}));

    const RingState leaving = *force_remove(*begin_leave(before, 10), 6);
    EXPECT_EQ(owners_in(leaving.tokens), (std::set<NodeId>{4, 8, 10, 12}));
    EXPECT_EQ(owners_in(leaving.move->tokens), (std::set<NodeId>{4, 8, 12}));

    const RingState replacing = *force_remove(*begin_replace(before, node(1), 8), 6);
    EXPECT_EQ(owners_in(replacing.tokens), (std::set<NodeId>{4, 8, 10, 12}));
    EXPECT_EQ(owners_in(replacing.move->tokens), (std::set<NodeId>{1, 4, 10, 12}));
    for (const RingState& ring : {joining, leaving, replacing}) {
        EXPECT_EQ(*decode_ring(encode_ring(ring)), ring);
        EXPECT_TRUE(finish_move(ring).has_value());
    }
}

TEST(Ring, RemovalNeverLeavesARingThatNobodyHolds) {
    // The joiner has nothing yet, so it can't be the one that is left.
    expect_refused(force_remove(*begin_join(ring_of({4}), node(7)), 4), ErrorKind::refused, "holds data");
    expect_refused(force_remove(*begin_replace(ring_of({4}), node(7), 4), 4), ErrorKind::refused,
                   "holds data");
    // The leaver that alone is left stays.
    const RingState stays = *force_remove(*begin_leave(ring_of({4, 6}), 4), 6);
    EXPECT_FALSE(stays.move.has_value());
    EXPECT_THAT(ids_of(stays), ElementsAre(4));
    EXPECT_EQ(owners_in(stays.tokens), (std::set<NodeId>{4}));
}

// ---- the table

TEST(RingTable, WithoutARingNobodyOwnsAnything) {
    const RingTable table(RingState{});
    EXPECT_EQ(table.epoch(), 0u);
    EXPECT_THAT(table.owners(0), IsEmpty());
    EXPECT_THAT(table.next_owners(1023), IsEmpty());
    EXPECT_THAT(table.walk(5), IsEmpty());
    EXPECT_FALSE(table.owns(1, 0));
}

TEST(RingTable, TheFirstOwnerIsOneOfTheDatacenterThatLooks) {
    RingState ring = found_ring(77, 2, node(1, "east"));
    for (const NodeId id : {2, 3, 4})
        ring = *finish_move(*begin_join(ring, node(id, id % 2 == 0 ? "west" : "east")));
    const RingTable table(ring);
    for (unsigned s = 0; s < kShards; ++s) {
        const ShardId shard(s);
        const auto owners = table.owners(shard);
        ASSERT_EQ(owners.size(), 4u);
        const NodeId east = table.first_owner(shard, "east"), west = table.first_owner(shard, "west");
        EXPECT_EQ(east, owners[0] % 2 == 1 ? owners[0] : owners[1]);
        EXPECT_EQ(west, owners[0] % 2 == 0 ? owners[0] : owners[1]);
        EXPECT_EQ(table.first_owner(shard, "elsewhere"), owners[0]);
    }
    EXPECT_EQ(RingTable(RingState()).first_owner(0, "east"), 0u);
}

TEST(RingTable, AWalkIsTheOwnersAndThenEveryOtherMemberOnce) {
    RingState ring = ring_of({4, 6, 8, 10});
    ring = *finish_move(*begin_join(ring, node(11, "far")));
    ring = *finish_move(*begin_join(ring, node(12, "far")));
    for (const auto& state :
         {Result<RingState>(ring), begin_join(ring, node(7)), begin_join(ring, node(7, "new")),
          begin_leave(ring, 6), begin_replace(ring, node(1), 8)}) {
        const RingTable table(*state);
        for (unsigned i = 0; i < kShards; ++i) {
            const auto walk = table.walk(static_cast<ShardId>(i));
            const auto owners = table.owners(static_cast<ShardId>(i));
            ASSERT_EQ(walk.size(), state->members.size());
            EXPECT_TRUE(std::ranges::equal(walk.first(owners.size()), owners));
            EXPECT_EQ(std::set<NodeId>(walk.begin(), walk.end()).size(), walk.size());
            EXPECT_EQ(owners.size(), 5u);  // three here, both there
        }
    }
}

TEST(RingTable, ListsAreThoseOfTheRule) {
    const RingState ring = *begin_join(ring_of({4, 6, 8, 10}), node(7));
    const RingTable table(ring);
    std::vector<NodeId> list;
    for (unsigned i = 0; i < kShards; i += 31) {
        const auto shard = static_cast<ShardId>(i);
        preference_list(ring.members, ring.tokens, shard, 3, false, list);
        EXPECT_TRUE(std::ranges::equal(table.owners(shard), list));
        preference_list(ring.members, ring.tokens, shard, 3, true, list);
        EXPECT_TRUE(std::ranges::equal(table.walk(shard), list));
        preference_list(ring.members, ring.move->tokens, shard, 3, false, list);
        EXPECT_TRUE(std::ranges::equal(table.next_owners(shard), list));
    }
}

// ---- bytes

std::vector<RingState> some_rings() {
    const RingState four = ring_of({4, 6, 8, 10});
    RingState far = *finish_move(*begin_join(four, node(11, "far", "")));
    return {RingState{},
            found_ring(77, 7, node(5)),
            four,
            far,
            *begin_join(four, node(UINT64_MAX)),
            *begin_leave(far, 11),
            *begin_replace(four, node(1), 8),
            *force_remove(*force_remove(four, 6), 4)};
}

TEST(RingBytes, RingsComeBackAsTheyWere) {
    for (const RingState& ring : some_rings()) {
        const auto decoded = decode_ring(encode_ring(ring));
        ASSERT_TRUE(decoded.has_value());
        EXPECT_EQ(*decoded, ring);
    }
}

TEST(RingBytes, APieceOfARingIsNoRing) {
    for (const RingState& ring : some_rings()) {
        const std::string bytes = encode_ring(ring);
        for (size_t length = 0; length < bytes.size(); length += 1 + length / 40)
            EXPECT_FALSE(decode_ring(bytes.substr(0, length)).has_value()) << length;
        EXPECT_FALSE(decode_ring(bytes.substr(0, bytes.size() - 1)).has_value());
        EXPECT_FALSE(decode_ring(bytes + '\0').has_value());
    }
}

/// Whatever was decoded can be looked up and changed.
void use(const RingState& ring) {
    const RingTable table(ring);
    for (unsigned i = 0; i < kShards; ++i) {
        const auto shard = static_cast<ShardId>(i);
        ASSERT_EQ(table.walk(shard).size(), ring.members.size());
        ASSERT_EQ(table.owners(shard).empty(), ring.members.empty());
        ASSERT_EQ(table.next_owners(shard).empty(), ring.members.empty());
    }
    EXPECT_EQ(*decode_ring(encode_ring(ring)), ring);
}

TEST(RingBytes, FlippedBitsAreRefusedOrGiveARingThatWorks) {
    size_t taken = 0;
    for (const RingState& ring : some_rings()) {
        const std::string bytes = encode_ring(ring);
        Rng rng(bytes.size());
        for (int i = 0; i < 400; ++i) {
            std::string flipped = bytes;
            // Every bit of the beginning, and others.
            const size_t at = i < 240 ? static_cast<size_t>(i) / 8 % bytes.size() : rng.below(bytes.size());
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << i % 8));
            const auto decoded = decode_ring(flipped);
            if (!decoded) continue;
            ++taken;
            use(*decoded);
            if (i % 40 != 0 || decoded->members.empty()) continue;
            const NodeId first = decoded->members[0].id;
            for (const auto& step : {begin_join(*decoded, node(999)), begin_leave(*decoded, first),
                                     begin_replace(*decoded, node(999), first), finish_move(*decoded),
                                     abort_move(*decoded), force_remove(*decoded, first)})
                if (step) use(*step);
        }
    }
    EXPECT_GT(taken, 0u);
}

TEST(RingBytes, NoiseIsRefused) {
    Rng rng(1);
    for (int i = 0; i < 20'000; ++i) {
        std::string noise(rng.below(120), '\0');
        for (char& c : noise) c = static_cast<char>(rng.below(rng.one_in(2) ? 3 : 256));
        if (!noise.empty()) noise[0] = 1;
        EXPECT_FALSE(decode_ring(noise).has_value());
    }
}

TEST(RingBytes, RingsThatCannotBeAreRefused) {
    const RingState good = *begin_join(ring_of({4, 6, 8, 10}), node(7));
    const auto refused = [&](auto&& spoil) {
        RingState bad = good;
        spoil(bad);
        return !decode_ring(encode_ring(bad)).has_value();
    };
    EXPECT_FALSE(refused([](RingState&) {}));
    EXPECT_TRUE(refused([](RingState& r) { r.cluster_id = 0; }));
    EXPECT_TRUE(refused([](RingState& r) { r.epoch = 0; }));
    EXPECT_TRUE(refused([](RingState& r) { r.replication_factor = 0; }));
    EXPECT_TRUE(refused([](RingState& r) { r.replication_factor = kMaxReplicationFactor + 1; }));
    EXPECT_TRUE(refused([](RingState& r) { r.members[1].vnodes = 0; }));
    EXPECT_TRUE(refused([](RingState& r) { r.members[1].vnodes = kMaxVnodes + 1; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move.reset(); }));         // the joiner has no tokens
    EXPECT_TRUE(refused([](RingState& r) { r.tokens[0].owner = 7; }));  // the joiner has one already
    EXPECT_TRUE(refused([](RingState& r) { r.tokens[1].shard = 0; }));  // two on one shard
    EXPECT_TRUE(refused([](RingState& r) { r.tokens[9].shard = kShards; }));
    EXPECT_TRUE(refused([](RingState& r) { std::swap(r.tokens[3], r.tokens[4]); }));
    EXPECT_TRUE(refused([](RingState& r) { r.tokens.clear(); }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->tokens.clear(); }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->tokens[0].shard = kShards; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->kind = RingMove::Kind{9}; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->kind = RingMove::Kind::leave; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->kind = RingMove::Kind::replace; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->subject = 99; }));
    EXPECT_TRUE(refused([](RingState& r) { r.move->replaced = 4; }));
    EXPECT_TRUE(refused([](RingState& r) { r.barred = {4}; }));
    EXPECT_TRUE(refused([](RingState& r) { r.barred = {0}; }));
    EXPECT_TRUE(refused([](RingState& r) { r.barred = {3, 2}; }));
    EXPECT_FALSE(refused([](RingState& r) { r.barred = {2, 3}; }));
}

TEST(RingBytes, ACountBeyondTheBytesAllocatesNothing) {
    std::string bytes = encode_ring({});
    store_le(bytes.data() + bytes.size() - 4, uint32_t{0xffffffff});  // barred
    EXPECT_FALSE(decode_ring(bytes).has_value());
    store_le(bytes.data() + 18, uint16_t{0xffff});  // members
    EXPECT_FALSE(decode_ring(bytes).has_value());
}

}  // namespace
}  // namespace torc
