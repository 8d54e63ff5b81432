#include "cluster/membership.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cluster/membership_message.h"
#include "tests/cluster/fake_members.h"

namespace torc {
namespace {

using Kind = MembershipEvent::Kind;

MemberFacts facts_of(NodeId id, uint64_t cluster_id = 7) {
    MemberFacts facts;
    facts.id = id;
    facts.cluster_id = cluster_id;
    facts.bus = {"10.0.0.1", 16379};
    return facts;
}

TEST(Membership, OneContactMakesAllKnowAll) {
    FakeMembers members(1);
    for (int i = 0; i < 8; ++i) members.add();
    for (size_t i = 1; i < 8; ++i) members.meet(i - 1, i);
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 3000)) << members.story();
    EXPECT_EQ(members.events(Kind::joined).size(), 8u * 7);
    const auto list = members.at(3).members();
    ASSERT_EQ(list.size(), 7u);
    for (size_t i = 1; i < list.size(); ++i) EXPECT_LT(list[i - 1]->facts.id, list[i]->facts.id);
    EXPECT_EQ(members.view(0, 5)->facts.bus, (Endpoint{"10.0.0.5", 16379}));
    EXPECT_EQ(members.view(0, 5)->facts.vnodes, 16u);
}

TEST(Membership, TheNewestFactsReachEverybody) {
    FakeMembers members(2);
    members.form(6);
    MemberFacts changed = members.at(2).self();
    changed.ring_epoch = 42;
    changed.rack = "r9";
    changed.unsettled = std::string(128, '\x11');
    changed.id = 999;  // not the owner's to change
    changed.incarnation = 0;
    changed.version = 0;
    members.at(2).update_self(changed);
    EXPECT_TRUE(members.run_until(
        [&] {
            for (const size_t of : {0, 1, 3, 4, 5}) {
                if (members.view(of, 2)->facts.ring_epoch != 42) return false;
            }
            return true;
        },
        1000));
    EXPECT_EQ(members.view(5, 2)->facts.rack, "r9");
    EXPECT_EQ(members.view(5, 2)->facts.unsettled, changed.unsettled);
    EXPECT_EQ(members.events(Kind::facts_changed).size(), 5u);
    EXPECT_EQ(members.at(2).self().id, FakeMembers::id_of(2));
    const uint64_t version = members.at(2).self().version;
    members.at(2).update_self(changed);
    EXPECT_EQ(members.at(2).self().version, version) << "nothing changed";
}

TEST(Membership, NothingThatIsNoLongerSaidIsLeftInTheQueue) {
    MemberFacts facts = facts_of(1);
    facts.bus.host.clear();
    Membership membership(facts, {}, 1);
    membership.on_tick({1000, 2000});
    (void)membership.take_outgoing();
    // A link is up: now it's known where this node is reached, before anything is sent on it.
    facts.bus.host = "10.0.0.1";
    membership.update_self(facts);
    membership.remember(facts_of(2), {1001, 2001});
    membership.on_contact(2, {1001, 2001});
    size_t told = 0;
    for (const Outgoing& outgoing : membership.take_outgoing()) {
        MembershipMessage message;
        ASSERT_TRUE(decode_message(outgoing.payload, message));
        for (const MemberUpdate& update : message.updates) {
            if (update.kind != MemberUpdate::Kind::facts || update.facts.id != 1) continue;
            EXPECT_EQ(update.facts.bus.host, "10.0.0.1");
            ++told;
        }
    }
    EXPECT_GT(told, 0u);
}

TEST(Membership, FactsGetThroughHeavyLoss) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        FakeMembers members(seed);
        members.form(16);
        members.net.loss_percent = 30;
        MemberFacts changed = members.at(0).self();
        changed.ring_epoch = 2;
        members.at(0).update_self(changed);
        EXPECT_TRUE(members.run_until(
            [&] {
                for (size_t of = 1; of < 16; ++of) {
                    if (members.view(of, 0)->facts.ring_epoch != 2) return false;
                }
                return true;
            },
            3000))
            << "seed " << seed;
    }
}

TEST(Membership, TwoClustersThatMeetDontMix) {
    FakeMembers members(3);
    for (int i = 0; i < 3; ++i) members.add(7);
    for (int i = 0; i < 3; ++i) members.add(8);
    members.meet(0, 1);
    members.meet(0, 2);
    members.meet(3, 4);
    members.meet(3, 5);
    members.run(2000);
    members.meet(1, 4);
    // Somebody who belongs to none talks to both, and carries nothing over.
    const size_t between = members.add(0);
    members.meet(between, 2);
    members.meet(between, 5);
    members.run(5000);
    for (size_t a = 0; a < 3; ++a) {
        for (size_t b = 3; b < 6; ++b) {
            EXPECT_EQ(members.view(a, b), nullptr);
            EXPECT_EQ(members.view(b, a), nullptr);
        }
        EXPECT_NE(members.view(a, between), nullptr);
        EXPECT_EQ(members.at(a).members().size(), 3u);
    }
    EXPECT_EQ(members.at(between).members().size(), 6u);
    // It joins one: the other's members are strangers from now on, and it is one to them.
    MemberFacts joined = members.at(between).self();
    joined.cluster_id = 8;
    members.at(between).update_self(joined);
    members.run(2000);
    EXPECT_EQ(members.at(between).members().size(), 3u);
    EXPECT_TRUE(members.sees(3, between, Liveness::alive));
}

TEST(Membership, ARestartIsANewIncarnation) {
    FakeMembers members(4);
    members.form(4);
    const MemberFacts before = members.view(0, 2)->facts;
    members.restart(2, 1);
    EXPECT_TRUE(members.run_until(
        [&] {
            for (const size_t of : {0, 1, 3}) {
                if (members.view(of, 2)->facts.actor == before.actor) return false;
            }
            return members.all_alive();
        },
        2000))
        << members.story();
    EXPECT_GT(members.view(0, 2)->facts.incarnation, before.incarnation);
    EXPECT_EQ(members.at(2).members().size(), 3u);
    EXPECT_TRUE(members.events(Kind::suspected).empty()) << members.story();
}

TEST(Membership, ARestartUnderAClockThatWentBackCatchesUp) {
    FakeMembers members(5);
    members.form(4);
    const MemberFacts before = members.view(0, 2)->facts;
    members.shift_wall(2, -3'600'000);
    members.restart(2, 1);
    EXPECT_TRUE(members.run_until(
        [&] {
            for (const size_t of : {0, 1, 3}) {
                if (members.view(of, 2)->facts.actor != members.at(2).self().actor) return false;
            }
            return true;
        },
        3000))
        << members.story();
    EXPECT_GT(members.at(2).self().incarnation, before.incarnation);
}

TEST(Membership, ADeadNodeThatRestartsIsAliveAgain) {
    FakeMembers members(6);
    members.form(5);
    members.crash(3);
    members.run(4000);
    ASSERT_TRUE(members.sees(0, 3, Liveness::down)) << members.story();
    members.restart(3, 4);
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 2000)) << members.story();
    EXPECT_EQ(members.events(Kind::alive_again).size(), 4u) << members.story();
}

TEST(Membership, ARememberedMemberIsDownUntilHeard) {
    FakeMembers members(7);
    members.form(3);
    std::vector<MemberFacts> file;
    for (const Member* member : members.at(0).members()) file.push_back(member->facts);
    members.crash(2);
    members.run(3000);
    members.restart(0, 0);  // knows nobody
    for (const MemberFacts& facts : file) members.at(0).remember(facts, members.now_at(0));
    members.at(0).remember(members.at(0).self(), members.now_at(0));
    EXPECT_EQ(members.at(0).members().size(), 2u);
    EXPECT_TRUE(members.sees(0, 1, Liveness::down));
    EXPECT_FALSE(members.view(0, 1)->reachable);
    members.clear_events();
    // Without any contact: it asks those whom it remembers.
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 1, Liveness::alive); }, 2000))
        << members.story();
    members.run(3000);
    EXPECT_TRUE(members.sees(1, 0, Liveness::alive));
    EXPECT_TRUE(members.sees(0, 2, Liveness::down));
}

TEST(Membership, ALeaverIsNotSuspected) {
    FakeMembers members(8);
    members.form(5);
    members.at(4).leave(members.now_at(4));
    EXPECT_TRUE(members.run_until(
        [&] {
            for (size_t of = 0; of < 4; ++of) {
                if (!members.sees(of, 4, Liveness::left)) return false;
            }
            return true;
        },
        1000))
        << members.story();
    members.run(1000);
    members.crash(4);
    members.run(5000);
    EXPECT_TRUE(members.events(Kind::suspected).empty()) << members.story();
    EXPECT_TRUE(members.sees(0, 4, Liveness::left));
    EXPECT_EQ(members.events(Kind::left).size(), 4u);
    members.restart(4, 0);
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 2000)) << members.story();
}

TEST(Membership, AForgottenMemberStaysAwayUntilItIsStartedAnew) {
    FakeMembers members(9);
    members.form(4);
    for (size_t of = 0; of < 3; ++of) members.at(of).forget(FakeMembers::id_of(3), members.now_at(of));
    members.run(5000);
    members.meet(3, 0);
    members.at(0).remember(members.at(3).self(), members.now_at(0));
    members.run(2000);
    for (size_t of = 0; of < 3; ++of) EXPECT_EQ(members.view(of, 3), nullptr) << of;
    EXPECT_TRUE(members.events(Kind::joined).empty());
    members.restart(3, 0);
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 5000)) << members.story();
}

TEST(Membership, AJumpOfOnesClockDoesntMoveTheOthers) {
    FakeMembers members(10);
    members.form(5);
    members.run(3000);
    const auto near = [](int64_t value, int64_t expected) {
        return value >= expected - 20 && value <= expected + 20;
    };
    for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(near(members.at(i).cluster_clock_offset_ms(), 0)) << i;
    for (const int64_t jump : {3'600'000, -7'200'000}) {
        members.shift_wall(2, jump);
        members.run(60);  // one tick: no message is needed to notice the own jump
        EXPECT_TRUE(near(members.at(2).cluster_clock_offset_ms(), jump == 3'600'000 ? -jump : 3'600'000))
            << members.at(2).cluster_clock_offset_ms();
        for (int look = 0; look < 20; ++look) {
            for (const size_t i : {0, 1, 3, 4})
                EXPECT_TRUE(near(members.at(i).cluster_clock_offset_ms(), 0))
                    << i << ": " << members.at(i).cluster_clock_offset_ms();
            members.run(200);
        }
        EXPECT_TRUE(members.view(0, 2)->clock_known);
        EXPECT_TRUE(near(members.view(0, 2)->clock_offset_ms, jump == 3'600'000 ? jump : -3'600'000));
    }
    EXPECT_TRUE(members.events(Kind::suspected).empty()) << members.story();
}

// Else all that has a time to live would end with the cut.
TEST(Membership, WhoIsCutOffKeepsToTheClocksItKnew) {
    FakeMembers members(12);
    members.form(3);
    members.shift_wall(0, 3'600'000);
    members.run(3000);
    members.cut_both(0, 1), members.cut_both(0, 2);
    EXPECT_TRUE(members.run_until(
        [&] { return members.sees(0, 1, Liveness::down) && members.sees(0, 2, Liveness::down); }, 20'000));
    const auto offset = [&] { return static_cast<double>(members.at(0).cluster_clock_offset_ms()); };
    EXPECT_NEAR(offset(), -3'600'000, 20);
    members.shift_wall(0, 1000);
    members.run(10'000);
    EXPECT_NEAR(offset(), -3'601'000, 20);
    members.at(1).leave(members.now_at(1)), members.at(2).leave(members.now_at(2));
    members.heal();
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 2, Liveness::left); }, 5000));
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 1, Liveness::left); }, 5000));
    EXPECT_EQ(offset(), 0) << "who has left for good doesn't count";
}

TEST(Membership, OfTwoClocksTheEarlierCounts) {
    FakeMembers members(11);
    members.form(2);
    members.shift_wall(1, 60'000);
    members.run(2000);
    EXPECT_NEAR(static_cast<double>(members.at(0).cluster_clock_offset_ms()), 0, 20);
    EXPECT_NEAR(static_cast<double>(members.at(1).cluster_clock_offset_ms()), -60'000, 20);
}

TEST(Membership, AThousandMembersFitIntoThePayloads) {
    Membership a(facts_of(1), {}, 1);
    Membership b(facts_of(2), {}, 2);
    const Membership::Now now{1000, 1'700'000'000'000};
    const auto carry = [&](Membership& from, NodeId from_id, Membership& to) {
        size_t carried = 0;
        for (const Outgoing& out : from.take_outgoing()) {
            EXPECT_LE(out.payload.size(), Membership::kMaxPayload);
            if (out.to != to.self().id) continue;
            to.on_message(from_id, out.payload, now);
            ++carried;
        }
        return carried;
    };
    a.on_tick(now);
    b.on_tick(now);
    // More members than there may be, with facts as long as they get.
    for (NodeId id = 10; id < 10 + Membership::kMaxMembers + 50; ++id) {
        MemberFacts facts = facts_of(id);
        facts.incarnation = facts.version = 1;
        facts.hostname = facts.rack = facts.datacenter = facts.bus.host = facts.client.host =
            std::string(300, 'x');
        facts.unsettled = std::string(128, 'u');
        MembershipMessage message;
        message.cluster_id = 7;
        a.on_message(id, encode_message(message) + encode_update({MemberUpdate::Kind::facts, facts, 0}), now);
        for (const Outgoing& out : a.take_outgoing()) EXPECT_LE(out.payload.size(), Membership::kMaxPayload);
    }
    EXPECT_EQ(a.members().size(), Membership::kMaxMembers);
    a.take_outgoing();
    b.on_contact(1, now);
    for (int round = 0; round < 4; ++round) {
        carry(b, 2, a);
        carry(a, 1, b);
    }
    EXPECT_EQ(b.members().size(), Membership::kMaxMembers);
    EXPECT_EQ(b.members().back()->facts.hostname.size(), 255u);
    for (int tick = 1; tick < 40; ++tick) {
        const Membership::Now later{1000 + tick * 50, 1'700'000'000'000 + tick * 50};
        a.on_tick(later);
        for (const Outgoing& out : a.take_outgoing()) EXPECT_LE(out.payload.size(), Membership::kMaxPayload);
    }
}

TEST(Membership, NothingIsSentToNobody) {
    Membership alone(facts_of(1), {}, 1);
    for (int tick = 0; tick < 100; ++tick) alone.on_tick({tick * 50, tick * 50});
    EXPECT_TRUE(alone.take_outgoing().empty());
    EXPECT_EQ(alone.cluster_clock_offset_ms(), 0);
    EXPECT_EQ(alone.find(1), nullptr);
    alone.on_contact(1, {6000, 6000});
    alone.on_contact(0, {6000, 6000});
    EXPECT_TRUE(alone.take_outgoing().empty());
}

}  // namespace
}  // namespace torc
