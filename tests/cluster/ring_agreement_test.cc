#include "cluster/ring_agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/agreement_message.h"
#include "tests/cluster/agreement_cluster.h"

namespace torc {
namespace {

using testing::HasSubstr;
using Kind = RingAgreement::Event::Kind;
using Message = AgreementMessage;
using Cluster = AgreementCluster;

Message::Kind kind_of(const std::string& payload) {
    const auto message = decode_agreement_message(payload);
    EXPECT_TRUE(message) << message.error().message;
    return message->kind;
}

TEST(RingAgreement, FoundsARingThatSurvivesARestart) {
    Cluster cluster(1);
    cluster.start(1);
    EXPECT_EQ(cluster.ring(1), RingState{});
    ASSERT_TRUE(cluster.core(1).found(Cluster::member(1), 3));
    const RingState ring = cluster.ring(1);
    EXPECT_NE(ring.cluster_id, 0u);
    EXPECT_EQ(ring.epoch, 1u);
    EXPECT_EQ(cluster.core(1).take_events().size(), 1u);
    EXPECT_EQ(cluster.core(1).found(Cluster::member(1), 3).error().kind, ErrorKind::refused);
    cluster.crash(1);
    cluster.start(1);
    EXPECT_EQ(cluster.ring(1), ring);
}

TEST(RingAgreement, FoundsNothingThatCouldNotBeRead) {
    Cluster cluster(1);
    cluster.start(1);
    RingMember wrong = Cluster::member(1);
    wrong.vnodes = 0;
    EXPECT_FALSE(cluster.core(1).found(wrong, 3));
    wrong = Cluster::member(1);
    wrong.rack = std::string(kMaxPlaceName + 1, 'r');
    EXPECT_FALSE(cluster.core(1).found(wrong, 3));
    EXPECT_FALSE(cluster.core(1).found(Cluster::member(2), 3));
    EXPECT_FALSE(cluster.core(1).found(Cluster::member(1), 0));
    EXPECT_EQ(cluster.nodes[1].storage.saves, 0u);
}

TEST(RingAgreement, AJoinerLearnsTheRingThatNamesItAndVotesOnceItHasJoined) {
    Cluster cluster(2);
    cluster.gossips = false;
    cluster.form(1);
    cluster.start(2);
    EXPECT_EQ(cluster.wish(2, Cluster::join(3)).kind, Kind::refused) << "it has no ring";
    EXPECT_EQ(cluster.wish(1, Cluster::join(2)).kind, Kind::done);
    cluster.run(50);
    EXPECT_EQ(cluster.ring(2), cluster.ring(1));
    EXPECT_EQ(cluster.ring(2).move->subject, 2u);
    // Not a voter of its own join: it finishes without being asked.
    cluster.nodes[2].side = 1;
    EXPECT_EQ(cluster.wish(1, cluster.finish(1)).kind, Kind::done);
    // Now it is one.
    const auto ended = cluster.wish(1, Cluster::join(3));
    EXPECT_EQ(ended.kind, Kind::gave_up);
    EXPECT_THAT(ended.text, HasSubstr("1 of 2"));
    EXPECT_THAT(ended.text, HasSubstr("may still"));
}

// The proposer's promise, the voters', its acceptance and theirs: one sync after the other.
TEST(RingAgreement, SyncsMayBeSlow) {
    for (const int64_t sync_ms : {150, 400}) {
        Cluster cluster(8);
        cluster.form(2);
        for (const NodeId id : {1, 2, 3})
            cluster.nodes[id].storage.on_save = [&] { cluster.now_ms += sync_ms; };
        cluster.start(3);
        const auto ended = cluster.wish(1, Cluster::join(3));
        EXPECT_EQ(ended.kind, Kind::done) << sync_ms << ": " << ended.text;
    }
}

TEST(RingAgreement, AJoinerThatDiesCanBeGivenUpByARingOfOne) {
    Cluster cluster(3);
    cluster.form(1);
    EXPECT_EQ(cluster.wish(1, Cluster::join(2)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, cluster.abort(1)).kind, Kind::done);
    EXPECT_EQ(cluster.ring(1).members.size(), 1u);
}

TEST(RingAgreement, AJoinerItselfMayFinishItsJoin) {
    Cluster cluster(4);
    cluster.form(3);
    cluster.start(4);
    EXPECT_EQ(cluster.wish(2, Cluster::join(4)).kind, Kind::done);
    cluster.run(100);
    EXPECT_EQ(cluster.wish(4, cluster.finish(4)).kind, Kind::done);
    EXPECT_FALSE(cluster.ring(4).move);
}

TEST(RingAgreement, ANodeWithoutARingTakesNoneThatDoesNotNameIt) {
    Cluster cluster(5);
    cluster.form(2);
    cluster.start(9);
    Message announce{Message::Kind::announce, cluster.ring(1).cluster_id, {cluster.ring(1).epoch, {}}, {}, {},
                     cluster.ring(1)};
    cluster.core(9).on_message(1, encode_agreement_message(announce), cluster.now_ms);
    EXPECT_EQ(cluster.ring(9).cluster_id, 0u);
    cluster.run(1000);
    EXPECT_EQ(cluster.ring(9).cluster_id, 0u) << "gossip tells it of a ring that isn't its own";
}

TEST(RingAgreement, OtherClustersAreIgnored) {
    Cluster cluster(6);
    cluster.form(2);
    Cluster stranger(77);
    stranger.form(2, 1234);
    const RingState before = cluster.ring(1);
    const uint64_t saves = cluster.nodes[1].storage.saves;
    stranger.core(1).take_outgoing();
    stranger.core(1).propose(Cluster::join(5), stranger.now_ms);
    for (const Outgoing& out : stranger.core(1).take_outgoing())
        cluster.core(1).on_message(2, out.payload, cluster.now_ms);
    const RingState& theirs = stranger.ring(1);
    Message announce{Message::Kind::announce, theirs.cluster_id, {theirs.epoch, {}}, {}, {}, theirs};
    cluster.core(1).on_message(2, encode_agreement_message(announce), cluster.now_ms);
    cluster.core(1).on_epoch_heard(2, theirs.cluster_id, 1000, cluster.now_ms);
    EXPECT_EQ(cluster.ring(1), before);
    EXPECT_EQ(cluster.nodes[1].storage.saves, saves);
    EXPECT_TRUE(cluster.core(1).take_outgoing().empty());
}

TEST(RingAgreement, AStragglerIsAnsweredWithTheNewerRing) {
    Cluster cluster(7);
    cluster.form(3);
    cluster.gossips = false;
    cluster.nodes[3].side = 1;
    EXPECT_EQ(cluster.wish(1, Cluster::replication(2)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, Cluster::replication(1)).kind, Kind::done);
    cluster.nodes[3].side = 0;
    EXPECT_EQ(cluster.ring(3).replication_factor, 3u);
    EXPECT_EQ(cluster.wish(3, Cluster::replication(5)).kind, Kind::done);
    EXPECT_EQ(cluster.ring(3).epoch, cluster.ring(1).epoch);
    EXPECT_EQ(cluster.ring(1).replication_factor, 5u);
}

TEST(RingAgreement, AVoterThatIsBehindCatchesUpAndVotes) {
    Cluster cluster(8);
    cluster.form(3);
    cluster.gossips = false;
    cluster.nodes[3].side = 1;
    EXPECT_EQ(cluster.wish(1, Cluster::replication(2)).kind, Kind::done);
    cluster.nodes[3].side = 0;
    cluster.nodes[2].side = 1;
    EXPECT_EQ(cluster.wish(1, Cluster::replication(1)).kind, Kind::done) << "with the vote of 3";
}

TEST(RingAgreement, AMinorityMakesNoStepAndLearnsWhenHealed) {
    Cluster cluster(9);
    cluster.form(5);
    for (const NodeId id : {1, 2}) cluster.nodes[id].side = 1;
    const uint64_t minority = cluster.propose(1, Cluster::leave(3));
    EXPECT_EQ(cluster.wish(4, Cluster::replication(2)).kind, Kind::done);
    cluster.run(15'000);  // the last round is let end
    ASSERT_TRUE(cluster.nodes[1].wishes[minority]);
    EXPECT_EQ(cluster.nodes[1].wishes[minority]->kind, Kind::gave_up);
    EXPECT_EQ(cluster.ring(1).replication_factor, 3u);
    cluster.heal();
    cluster.run(2000);
    EXPECT_EQ(cluster.ring(1), cluster.ring(4));
}

TEST(RingAgreement, OfTwoWithOneDeadNeitherStepsWithoutForce) {
    Cluster cluster(10);
    cluster.form(2);
    cluster.crash(2);
    const RingState before = cluster.ring(1);
    for (const RingStep& step :
         {Cluster::leave(2), Cluster::replace(3, 2), Cluster::join(3), Cluster::remove(2)})
        EXPECT_EQ(cluster.wish(1, step).kind, Kind::gave_up);
    EXPECT_EQ(cluster.ring(1), before);
    ASSERT_TRUE(cluster.core(1).force(Cluster::remove(2)));
    cluster.collect(1);
    EXPECT_EQ(cluster.ring(1).epoch, before.epoch + 1);
    EXPECT_EQ(cluster.ring(1).member(2), nullptr);
    EXPECT_EQ(cluster.wish(1, Cluster::join(3)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, cluster.finish(1)).kind, Kind::done);
    // Whoever was removed hears of it, and may never come back under its id.
    cluster.start(2);
    cluster.run(1000);
    EXPECT_EQ(cluster.ring(2).member(2), nullptr);
    EXPECT_EQ(cluster.wish(1, Cluster::join(2)).kind, Kind::refused);
}

TEST(RingAgreement, ForceTakesOnlyWhatTakesAway) {
    Cluster cluster(11);
    cluster.start(1);
    EXPECT_EQ(cluster.core(1).force(Cluster::remove(2)).error().kind, ErrorKind::refused) << "no ring";
    ASSERT_TRUE(cluster.core(1).found(Cluster::member(1), 3));
    EXPECT_EQ(cluster.core(1).force(Cluster::join(2)).error().kind, ErrorKind::invalid);
    EXPECT_EQ(cluster.core(1).force(Cluster::remove(1)).error().kind, ErrorKind::invalid);
    EXPECT_FALSE(cluster.core(1).force(Cluster::remove(2)));
    EXPECT_FALSE(cluster.core(1).force(cluster.abort(1)));
    EXPECT_EQ(cluster.ring(1).epoch, 1u);
}

TEST(RingAgreement, AForcedStepThatCannotBeSavedDidNotHappen) {
    Cluster cluster(12);
    cluster.form(2);
    auto& storage = cluster.nodes[1].storage;
    storage.fail_at = storage.saves + 1;
    EXPECT_EQ(cluster.core(1).force(Cluster::remove(2)).error().kind, ErrorKind::io);
    EXPECT_NE(cluster.ring(1).member(2), nullptr);
    EXPECT_TRUE(cluster.core(1).take_outgoing().empty());
}

/// Five nodes, three dead for good; two operators remove them from both sides of the same link.
void force_from_two_sides(uint64_t seed, std::vector<NodeId> by_one, std::vector<NodeId> by_two, bool cut) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Cluster cluster(seed);
    cluster.form(5);
    for (const NodeId dead : {3, 4, 5}) cluster.crash(dead);
    cluster.forced = true;
    cluster.faults = {20, 20, 50};
    if (cut) cluster.nodes[2].side = 1;
    for (size_t i = 0; i < std::max(by_one.size(), by_two.size()); ++i) {
        if (i < by_one.size()) (void)cluster.core(1).force(Cluster::remove(by_one[i]));
        if (i < by_two.size()) (void)cluster.core(2).force(Cluster::remove(by_two[i]));
        for (const NodeId id : {1, 2}) cluster.collect(id);
        if (seed % 2 == 0) cluster.run(200);
    }
    cluster.run(3000);
    cluster.nodes[2].side = 0;
    cluster.faults = {};
    cluster.run(3000);
    EXPECT_EQ(cluster.ring(1), cluster.ring(2));
    // Removals that gave way are asked for once more; then the two that are left agree as ever.
    for (const NodeId dead : {3, 4, 5}) EXPECT_TRUE(cluster.core(1).force(Cluster::remove(dead)));
    cluster.collect(1);
    EXPECT_EQ(cluster.wish(2, Cluster::replication(2)).kind, Kind::done);
    cluster.run(500);
    EXPECT_EQ(cluster.ring(1), cluster.ring(2));
    EXPECT_EQ(cluster.ring(1).members.size(), 2u);
}

TEST(RingAgreement, TwoOperatorsWhoForceEndWithOneRing) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        force_from_two_sides(seed, {3, 4, 5}, {3, 4, 5}, false);
        force_from_two_sides(seed, {3, 4, 5}, {5, 4, 3}, false);
        force_from_two_sides(seed, {3}, {5, 4}, false);
        force_from_two_sides(seed, {3, 4}, {5, 4, 3}, true);
    }
}

TEST(RingAgreement, AForcedRingWinsOverOneThatAMajorityChoseForTheSameEpoch) {
    Cluster cluster(13);
    cluster.form(3);
    cluster.nodes[1].side = 1;
    EXPECT_EQ(cluster.wish(2, Cluster::replication(2)).kind, Kind::done);
    cluster.forced = true;
    ASSERT_TRUE(cluster.core(1).force(Cluster::remove(3)));
    cluster.collect(1);
    ASSERT_EQ(cluster.ring(1).epoch, cluster.ring(2).epoch);
    cluster.heal();
    cluster.run(3000);
    for (const NodeId id : {2, 3}) EXPECT_EQ(cluster.ring(id), cluster.ring(1));
    EXPECT_EQ(cluster.ring(2).replication_factor, 3u);
}

TEST(RingAgreement, WishesThatAreTrueAlreadyAreDone) {
    Cluster cluster(14);
    cluster.form(3);
    EXPECT_EQ(cluster.wish(1, Cluster::join(2)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, Cluster::replication(3)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, Cluster::leave(3)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(2, Cluster::leave(3)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, Cluster::join(4)).kind, Kind::refused) << "one move at a time";
    const RingStep finish = cluster.finish(1);
    EXPECT_EQ(cluster.wish(1, finish).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, finish).kind, Kind::refused) << "an epoch that was past when it was wished";
    EXPECT_EQ(cluster.wish(1, Cluster::leave(9)).kind, Kind::refused);
    RingStep future = finish;
    future.of_epoch = 1000;
    EXPECT_EQ(cluster.wish(1, future).kind, Kind::refused);
    EXPECT_EQ(cluster.wish(1, cluster.finish(1)).kind, Kind::refused) << "no move";
}

TEST(RingAgreement, OfRivalFinishesAndAbortsEachLearnsWhatBecameOfItsMove) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Cluster cluster(seed);
        cluster.form(4);
        EXPECT_EQ(cluster.wish(1, Cluster::replace(5, 4)).kind, Kind::done);
        cluster.run(100);
        std::map<NodeId, uint64_t> finishes{{1, cluster.propose(1, cluster.finish(1))},
                                            {2, cluster.propose(2, cluster.finish(2))}};
        const uint64_t abort = cluster.propose(3, cluster.abort(3));
        cluster.run(12'000);
        const bool finished = cluster.ring(1).member(5) != nullptr;
        EXPECT_FALSE(cluster.ring(1).move);
        for (const auto& [id, wish] : finishes) {
            ASSERT_TRUE(cluster.nodes[id].wishes[wish]);
            EXPECT_EQ(cluster.nodes[id].wishes[wish]->kind, finished ? Kind::done : Kind::refused);
        }
        ASSERT_TRUE(cluster.nodes[3].wishes[abort]);
        EXPECT_EQ(cluster.nodes[3].wishes[abort]->kind, finished ? Kind::refused : Kind::done);
    }
}

TEST(RingAgreement, ManyRivalsAllComeToAnEnd) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Cluster cluster(seed);
        cluster.form(5);
        std::map<NodeId, uint64_t> wishes;
        for (NodeId id = 1; id <= 5; ++id)
            wishes[id] = cluster.propose(id, Cluster::replication(static_cast<uint32_t>(id % 2 + 1)));
        cluster.run(9000);
        for (const auto& [id, wish] : wishes) {
            ASSERT_TRUE(cluster.nodes[id].wishes[wish]) << "node " << id;
            EXPECT_EQ(cluster.nodes[id].wishes[wish]->kind, Kind::done);
        }
    }
}

TEST(RingAgreement, AValueThatAVoterAcceptedIsCompletedFirst) {
    Cluster cluster(15);
    cluster.form(3);
    cluster.gossips = false;
    // 1 gets its ring accepted by 2, and neither 1 nor its announcement is heard of again.
    cluster.nodes[3].side = 1;
    cluster.intercept = [](NodeId from, NodeId, const std::string& payload) {
        return from == 2 && kind_of(payload) == Message::Kind::accepted;
    };
    cluster.propose(1, Cluster::replication(5));
    cluster.run(100);
    cluster.crash(1);
    cluster.nodes[3].side = 0;
    cluster.intercept = nullptr;
    EXPECT_EQ(cluster.wish(3, Cluster::join(4)).kind, Kind::done);
    EXPECT_EQ(cluster.ring(3).replication_factor, 5u) << "the earlier value came first";
}

TEST(RingAgreement, WhatAProposerLeftHalfDoneIsCompletedWithoutAWish) {
    Cluster cluster(16);
    cluster.form(3);
    cluster.gossips = false;
    cluster.intercept = [](NodeId from, NodeId, const std::string& payload) {
        return from == 2 && kind_of(payload) == Message::Kind::accepted;
    };
    cluster.nodes[3].side = 1;
    cluster.propose(1, Cluster::replication(5));
    cluster.run(100);
    cluster.crash(1);
    cluster.intercept = nullptr;
    cluster.nodes[3].side = 0;
    cluster.run(10'000);
    for (const NodeId id : {2, 3}) EXPECT_EQ(cluster.ring(id).replication_factor, 5u);
}

TEST(RingAgreement, ARingOfOneDissolvesAndALateMessageDoesNotBringItBack) {
    Cluster cluster(17);
    cluster.form(2);
    const RingState old = cluster.ring(1);
    EXPECT_EQ(cluster.core(1).dissolve().error().kind, ErrorKind::refused) << "two members";
    EXPECT_EQ(cluster.wish(1, Cluster::leave(2)).kind, Kind::done);
    EXPECT_EQ(cluster.wish(1, cluster.finish(1)).kind, Kind::done);
    cluster.run(200);
    ASSERT_TRUE(cluster.core(2).dissolve()) << "no member any more";
    ASSERT_TRUE(cluster.core(1).dissolve());
    EXPECT_EQ(cluster.ring(1), RingState{});
    for (const bool restart : {false, true}) {
        if (restart) {
            cluster.crash(1);
            cluster.start(1);
        }
        Message late{Message::Kind::announce, old.cluster_id, {old.epoch, {}}, {}, {}, old};
        cluster.core(1).on_message(2, encode_agreement_message(late), cluster.now_ms);
        EXPECT_EQ(cluster.ring(1).cluster_id, 0u) << "it would vote again where it voted before";
    }
    ASSERT_TRUE(cluster.core(1).dissolve()) << "twice is once";
}

TEST(RingAgreement, ARingOfOneDissolvesIntoAnother) {
    Cluster cluster(18);
    cluster.form(2);
    cluster.start(3);
    ASSERT_TRUE(cluster.core(3).found(Cluster::member(3), 3));
    EXPECT_EQ(cluster.wish(1, Cluster::join(3)).kind, Kind::done);
    cluster.run(500);
    EXPECT_EQ(cluster.ring(3).epoch, 1u) << "its own ring still";
    ASSERT_TRUE(cluster.core(3).dissolve());
    cluster.run(1500);
    EXPECT_EQ(cluster.ring(3), cluster.ring(1)) << "gossip told it whom to ask";
}

TEST(RingAgreement, WithoutASaveThereIsNoAnswer) {
    Cluster cluster(19);
    cluster.form(3);
    cluster.gossips = false;
    for (const NodeId id : {2, 3}) {
        cluster.nodes[id].storage.fail_at = cluster.nodes[id].storage.saves + 1;
        cluster.nodes[id].storage.sticky = true;
    }
    cluster.intercept = [](NodeId, NodeId to, const std::string&) {
        EXPECT_NE(to, 1u) << "an answer of one who saved nothing";
        return false;
    };
    EXPECT_EQ(cluster.wish(1, Cluster::join(4)).kind, Kind::gave_up);
}

TEST(RingAgreement, AProposerThatCannotSaveSaysSo) {
    Cluster cluster(20);
    cluster.form(3);
    cluster.nodes[1].storage.fail_at = 1;
    cluster.nodes[1].storage.sticky = true;
    const auto ended = cluster.wish(1, Cluster::join(4));
    EXPECT_EQ(ended.kind, Kind::gave_up);
    EXPECT_THAT(ended.text, HasSubstr("Input/output error"));
}

TEST(RingAgreement, TooManyWishesAreRefused) {
    Cluster cluster(21);
    cluster.form(3);
    for (const NodeId id : {2, 3}) cluster.crash(id);
    std::vector<uint64_t> wishes;
    for (int i = 0; i < 300; ++i) wishes.push_back(cluster.propose(1, Cluster::join(4)));
    EXPECT_EQ(cluster.nodes[1].wishes[wishes.back()]->kind, Kind::refused);
    cluster.run(14'100);
    for (const uint64_t wish : wishes) ASSERT_TRUE(cluster.nodes[1].wishes[wish]) << wish;
}

TEST(RingAgreement, DamagedMemoryIsAnError) {
    Cluster cluster(22);
    AgreementStorage storage;
    storage.bytes = "\x01nonsense";
    RingAgreement core(1, storage, {}, 1);
    EXPECT_EQ(core.open().error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace torc
