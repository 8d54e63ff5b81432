#include "cluster/member_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cluster/shard_set.h"

namespace torc {
namespace {

using Merged = MemberTable::Merged;
using Kind = MemberUpdate::Kind;
constexpr Membership::Now kNow{1000, 2000};

MemberFacts facts_of(NodeId id, uint64_t incarnation = 5, uint64_t version = 1) {
    MemberFacts facts;
    facts.id = id;
    facts.incarnation = incarnation;
    facts.version = version;
    facts.cluster_id = 7;
    return facts;
}

MemberUpdate says(Kind kind, NodeId id, uint64_t incarnation, NodeId voter = 0) {
    return {kind, facts_of(id, incarnation), voter};
}

class MemberTableTest : public testing::Test {
  protected:
    MemberTableTest() {
        EXPECT_EQ(table.merge(says(Kind::facts, 2, 5), 3, kNow), Merged::greeted);
        table.find(2)->contacted = true;
        table.take_events();
        table.take_self_changed();
    }
    Liveness liveness() { return table.find(2)->member.liveness; }

    MemberTable table{facts_of(1, 9)};
};

TEST_F(MemberTableTest, TheHigherIncarnationThenVersionWins) {
    MemberUpdate update = says(Kind::facts, 2, 5);
    update.facts.rack = "same number, other words";
    EXPECT_EQ(table.merge(update, 3, kNow), Merged::nothing);
    update.facts.version = 2;
    EXPECT_EQ(table.merge(update, 3, kNow), Merged::news);
    EXPECT_EQ(table.find(2)->member.facts.rack, update.facts.rack);
    ASSERT_EQ(table.take_events().size(), 1u);
    EXPECT_EQ(table.merge({Kind::facts, facts_of(2, 6, 1), 0}, 3, kNow), Merged::news);
    EXPECT_EQ(table.find(2)->member.facts.rack, "");
    EXPECT_EQ(table.merge({Kind::facts, facts_of(2, 5, 99), 0}, 3, kNow), Merged::nothing);
}

TEST_F(MemberTableTest, WhoDoesNotKnowItsAddressIsWhereItWas) {
    MemberUpdate update{Kind::facts, facts_of(2, 6), 0};
    update.facts.bus = {"10.0.0.2", 17000};
    update.facts.client = {"10.0.0.2", 7000};
    EXPECT_EQ(table.merge(update, 3, kNow), Merged::news);
    update.facts.incarnation = 7;
    update.facts.bus = {"", 17001};
    update.facts.client = {"", 7001};
    EXPECT_EQ(table.merge(update, 3, kNow), Merged::news);
    EXPECT_EQ(table.find(2)->member.facts.bus, (Endpoint{"10.0.0.2", 17001}));
    EXPECT_EQ(table.find(2)->member.facts.client, (Endpoint{"10.0.0.2", 7001}));
    update.facts.version = 2;
    update.facts.bus.host = "10.0.0.9";
    EXPECT_EQ(table.merge(update, 3, kNow), Merged::news);
    EXPECT_EQ(table.find(2)->member.facts.bus.host, "10.0.0.9");
}

TEST_F(MemberTableTest, AnAccusationIsForOneIncarnation) {
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 4, 3), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 5, 3), 3, kNow), Merged::accused);
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 5, 3), 3, kNow), Merged::nothing) << "nobody votes twice";
    EXPECT_EQ(table.find(2)->votes.size(), 1u);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 6), 3, kNow), Merged::news);
    EXPECT_TRUE(table.find(2)->votes.empty());
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 8, 3), 3, kNow), Merged::accused) << "look, but count nothing";
    EXPECT_TRUE(table.find(2)->votes.empty());
}

TEST_F(MemberTableTest, VotesAreBoundedAndNobodysOwn) {
    for (NodeId voter = 10; voter < 40; ++voter) table.merge(says(Kind::vote, 2, 5, voter), voter, kNow);
    EXPECT_EQ(table.find(2)->votes.size(), MemberTable::kMaxVotes);
    table.find(2)->votes.clear();
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 5, 1), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::vote, 2, 5, 2), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::vote, 99, 5, 3), 3, kNow), Merged::nothing);
}

TEST_F(MemberTableTest, HearsayTakesDownOnlyWhomWeNeverReached) {
    EXPECT_EQ(table.merge(says(Kind::down, 2, 5, 3), 3, kNow), Merged::accused);
    EXPECT_EQ(liveness(), Liveness::alive);
    EXPECT_TRUE(table.find(2)->votes.at(0).confirmed);
    table.merge(says(Kind::facts, 4, 5), 3, kNow);
    EXPECT_EQ(table.merge(says(Kind::down, 4, 5, 3), 3, kNow), Merged::news);
    EXPECT_EQ(table.find(4)->member.liveness, Liveness::down);
    EXPECT_EQ(table.merge(says(Kind::facts, 4, 5), 3, kNow), Merged::nothing) << "old news refutes nothing";
    EXPECT_EQ(table.merge(says(Kind::facts, 4, 6), 3, kNow), Merged::news);
    EXPECT_EQ(table.find(4)->member.liveness, Liveness::alive);
}

TEST_F(MemberTableTest, LeftIsFinalUntilAHigherIncarnation) {
    EXPECT_EQ(table.merge(says(Kind::left, 2, 4), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::left, 2, 5), 3, kNow), Merged::news);
    EXPECT_EQ(table.merge(says(Kind::left, 2, 5), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::down, 2, 5, 3), 3, kNow), Merged::nothing);
    EXPECT_EQ(liveness(), Liveness::left);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 6), 3, kNow), Merged::news);
    EXPECT_EQ(liveness(), Liveness::alive);
}

TEST_F(MemberTableTest, WhatIsSaidOfOurselvesIsOutbid) {
    const uint64_t born = table.self().incarnation;
    table.merge(says(Kind::vote, 1, born - 1, 3), 3, kNow);
    EXPECT_FALSE(table.take_self_changed()) << "an old rumour";
    table.merge(says(Kind::vote, 1, born, 3), 3, kNow);
    EXPECT_EQ(table.self().incarnation, born + 1);
    table.merge(says(Kind::down, 1, born + 10, 3), 3, kNow);
    EXPECT_EQ(table.self().incarnation, born + 11);
    table.merge(says(Kind::left, 1, born + 11), 3, kNow);
    EXPECT_EQ(table.self().incarnation, born + 12);
    EXPECT_TRUE(table.take_self_changed());
    table.leave();
    table.merge(says(Kind::left, 1, born + 12), 3, kNow);
    EXPECT_EQ(table.self().incarnation, born + 12) << "true this time";
}

TEST_F(MemberTableTest, AnEarlierRunUnderTheSameNumberIsOutbid) {
    MemberFacts other = table.self();
    EXPECT_EQ(table.merge({Kind::facts, other, 0}, 3, kNow), Merged::nothing);
    EXPECT_FALSE(table.take_self_changed()) << "that's us";
    other.actor = 4711;
    table.merge({Kind::facts, other, 0}, 3, kNow);
    EXPECT_GT(table.self().incarnation, other.incarnation);
    EXPECT_EQ(table.find(1), nullptr);
}

TEST_F(MemberTableTest, TheHashShowsMembersFactsAndDeathsAndNoSuspicion) {
    MemberTable other(facts_of(2, 4));  // 5 once it runs
    MemberFacts mine = table.self();
    other.merge({Kind::facts, mine, 0}, 1, kNow);
    table.merge({Kind::facts, other.self(), 0}, 2, kNow);
    EXPECT_EQ(table.hash(), other.hash());
    table.change_liveness(*table.find(2), Liveness::suspect, kNow, "");
    EXPECT_EQ(table.hash(), other.hash());
    table.change_liveness(*table.find(2), Liveness::down, kNow, "");
    EXPECT_NE(table.hash(), other.hash());
}

TEST_F(MemberTableTest, DescriptionsTellAllThatIsKnown) {
    const auto described = [&](NodeId id) {
        std::vector<std::string> updates;
        table.describe(id, updates);
        std::string bytes = encode_message({});
        for (const std::string& update : updates) bytes += update;
        MembershipMessage read;
        EXPECT_TRUE(decode_message(bytes, read));
        return read.updates;
    };
    EXPECT_EQ(described(2).size(), 1u);
    EXPECT_TRUE(described(77).empty());
    for (const auto& [liveness, kind] :
         {std::pair(Liveness::suspect, Kind::vote), std::pair(Liveness::down, Kind::down),
          std::pair(Liveness::left, Kind::left)}) {
        table.change_liveness(*table.find(2), liveness, kNow, "");
        const auto updates = described(2);
        ASSERT_EQ(updates.size(), 2u);
        EXPECT_EQ(updates[0].kind, Kind::facts);
        EXPECT_EQ(updates[1].kind, kind);
        EXPECT_EQ(updates[1].facts.incarnation, 5u);
    }
    table.leave();
    EXPECT_EQ(described(1).back().kind, Kind::left);
}

// What it says with its refutation is what others choose their coordinators by.
TEST_F(MemberTableTest, WhoWasTakenForDeadCallsNoShardSettled) {
    EXPECT_EQ(table.merge(says(Kind::down, 1, table.self().incarnation, 3), 3, kNow), Merged::nothing);
    EXPECT_TRUE(shard_set_of(table.self().unsettled).all());
    MemberFacts proven = table.self();
    proven.unsettled.clear();
    table.update_self(proven);
    EXPECT_TRUE(table.self().unsettled.empty());
}

TEST_F(MemberTableTest, ForgettingIsBounded) {
    table.forget(2);
    EXPECT_EQ(table.find(2), nullptr);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 5), 3, kNow), Merged::nothing);
    for (NodeId id = 1000; id < 1000 + MemberTable::kMaxForgotten; ++id) table.forget(id);
    EXPECT_FALSE(table.forgotten(2, 5));
    EXPECT_TRUE(table.forgotten(1000, 0));
    table.forget(1);
    EXPECT_FALSE(table.forgotten(1, 0)) << "nobody forgets himself";
}

TEST_F(MemberTableTest, WhoWasForgottenIsHeardOfWhenItIsStartedAnew) {
    table.forget(2);
    EXPECT_EQ(table.merge(says(Kind::down, 2, 5, 4), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 5), 3, kNow), Merged::nothing);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 6), 3, kNow), Merged::greeted);
    EXPECT_NE(table.find(2), nullptr);
    // And when somebody says that it's welcome.
    table.forget(2);
    EXPECT_TRUE(table.forgotten(2, 6));
    table.welcome(2);
    EXPECT_EQ(table.merge(says(Kind::facts, 2, 6), 3, kNow), Merged::greeted);
}

}  // namespace
}  // namespace torc
