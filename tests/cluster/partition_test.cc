// Cuts of every shape, and nodes that stand still: PITFALLS 14.
#include <gtest/gtest.h>

#include <string>

#include "tests/cluster/fake_members.h"

namespace torc {
namespace {

using Kind = MembershipEvent::Kind;

TEST(Partition, OneWayCutsAreRelayedAround) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        FakeMembers members(seed);
        members.form(3 + seed % 4);
        members.cut(0, 2);
        members.run(20'000);
        EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << "seed " << seed << "\n"
                                                                  << members.story();
        EXPECT_FALSE(members.view(0, 2)->reachable) << "seed " << seed;
        EXPECT_TRUE(members.view(1, 2)->reachable) << "seed " << seed;
        members.heal();
        members.run(5000);
        EXPECT_TRUE(members.view(0, 2)->reachable) << "seed " << seed;
        EXPECT_TRUE(members.all_alive());
    }
}

TEST(Partition, WhoReachesItThroughAnotherNeverAccusesIt) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        FakeMembers members(seed);
        members.form(3);
        members.cut_both(0, 2);
        members.run(30'000);
        EXPECT_TRUE(members.events(Kind::suspected).empty()) << "seed " << seed << "\n" << members.story();
        EXPECT_FALSE(members.view(0, 2)->reachable);
        EXPECT_FALSE(members.view(2, 0)->reachable);
    }
}

// Two halves that share nothing but one node: whoever it reaches is not down, for anybody.
TEST(Partition, ABridgeKeepsBothHalvesAlive) {
    for (const size_t count : {5, 9, 17}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            FakeMembers members(seed * 100 + count);
            members.form(count);
            for (size_t a = 1; a <= count / 2; ++a) {
                for (size_t b = count / 2 + 1; b < count; ++b) members.cut_both(a, b);
            }
            members.run(60'000);
            EXPECT_TRUE(members.events(Kind::confirmed_down).empty())
                << count << " nodes, seed " << seed << "\n"
                << members.story();
            // Once a way round is known it's used: no flapping.
            members.clear_events();
            members.run(60'000);
            EXPECT_LE(members.events(Kind::suspected).size(), count) << members.story();
            members.heal();
            EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 5000)) << members.story();
        }
    }
}

// Their own pause makes them forget what they had heard of others, and nobody has anything new to tell.
TEST(Partition, ADeathIsFoundThoughAllWhoSuspectedItStoodStill) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        FakeMembers members(seed * 7);
        members.form(3);
        members.crash(2);
        ASSERT_TRUE(members.run_until(
            [&] { return members.sees(0, 2, Liveness::suspect) && members.sees(1, 2, Liveness::suspect); },
            5000));
        members.run(200);
        for (const size_t survivor : {0, 1}) members.pause(survivor);
        members.run(700);
        for (const size_t survivor : {0, 1}) members.resume(survivor);
        for (const size_t survivor : {0, 1})
            EXPECT_TRUE(members.run_until([&] { return members.sees(survivor, 2, Liveness::down); }, 20'000))
                << members.story();
    }
}

TEST(Partition, ADeathBehindABridgeIsStillFound) {
    FakeMembers members(77);
    members.form(5);
    for (const size_t a : {1, 2}) {
        for (const size_t b : {3, 4}) members.cut_both(a, b);
    }
    members.run(5000);
    members.crash(4);
    EXPECT_TRUE(members.run_until(
        [&] {
            for (const size_t of : {0, 1, 2, 3}) {
                if (!members.sees(of, 4, Liveness::down)) return false;
            }
            return true;
        },
        10'000))
        << members.story();
    for (const size_t of : {0, 1, 2}) EXPECT_TRUE(members.sees(of, 3, Liveness::alive)) << members.story();
}

TEST(Partition, TheLastOneInTouchOutvotesAll) {
    // Everybody but node 1 has lost node 2.
    FakeMembers members(5);
    members.form(8);
    for (const size_t other : {0, 3, 4, 5, 6, 7}) members.cut_both(other, 2);
    members.run(30'000);
    EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << members.story();
    members.cut_both(1, 2);
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 2, Liveness::down); }, 4000))
        << members.story();
}

TEST(Partition, HalvesConfirmEachOtherAndMeetAgain) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        FakeMembers members(seed);
        members.form(6);
        for (const size_t a : {0, 1, 2}) {
            for (const size_t b : {3, 4, 5}) members.cut_both(a, b);
        }
        members.run(12'000);
        for (const size_t a : {0, 1, 2}) {
            for (const size_t b : {3, 4, 5}) {
                EXPECT_TRUE(members.sees(a, b, Liveness::down)) << "seed " << seed << "\n" << members.story();
                EXPECT_TRUE(members.sees(b, a, Liveness::down)) << "seed " << seed << "\n" << members.story();
            }
        }
        EXPECT_TRUE(members.sees(0, 1, Liveness::alive));
        members.heal();
        EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 3000)) << "seed " << seed << "\n"
                                                                                  << members.story();
        members.clear_events();
        members.run(10'000);
        EXPECT_TRUE(members.events(Kind::suspected).empty()) << "seed " << seed << "\n" << members.story();
    }
}

TEST(Partition, AnIsolatedNodesWordCountsForNothing) {
    FakeMembers members(8);
    members.form(5);
    for (const size_t other : {0, 1, 2, 3}) members.cut_both(4, other);
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 4, Liveness::down); }, 3000))
        << members.story();
    EXPECT_TRUE(members.events(Kind::confirmed_down).front().by != 4) << members.story();
    EXPECT_GT(members.at(4).health_score(), 0u) << "silence all around: perhaps it is the node itself";
    // It confirms the others in the end, since it hears nobody whom it could ask.
    EXPECT_TRUE(members.run_until([&] { return members.sees(4, 0, Liveness::down); }, 60'000))
        << members.story();
    members.heal();
    members.clear_events();
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 3000)) << members.story();
    for (const auto& seen : members.events(Kind::confirmed_down)) EXPECT_EQ(seen.by, 4u) << members.story();
}

TEST(Partition, OneOfTwoIsConfirmedThoughNobodyElseCanBeAsked) {
    FakeMembers members(9);
    members.form(2);
    members.crash(1);
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 1, Liveness::suspect); }, 1000))
        << members.story();
    EXPECT_TRUE(members.run_until([&] { return members.sees(0, 1, Liveness::down); }, 3000))
        << members.story();
}

TEST(Partition, TheLastOfThreeFindsBothOthersDead) {
    FakeMembers members(10);
    members.form(3);
    members.crash(1);
    members.crash(2);
    EXPECT_TRUE(members.run_until(
        [&] { return members.sees(0, 1, Liveness::down) && members.sees(0, 2, Liveness::down); }, 15'000))
        << members.story();
}

TEST(Partition, OfTwoWhoseMessagesArriveOneWayNobodyConfirms) {
    FakeMembers members(11);
    members.form(2);
    members.cut(0, 1);
    members.run(20'000);
    EXPECT_TRUE(members.sees(0, 1, Liveness::suspect)) << members.story();  // it hears it, and isn't heard
    EXPECT_TRUE(members.sees(1, 0, Liveness::down)) << members.story();
    members.heal();
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 3000)) << members.story();
}

TEST(Partition, ANodeThatStoodStillRefutesAndAccusesNobody) {
    for (const size_t count : {2, 3, 5, 16}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            FakeMembers members(seed * 100 + count);
            members.form(count);
            const size_t sleeper = seed % count;
            members.pause(sleeper);
            members.run(20'000);
            for (size_t of = 0; of < count; ++of) {
                if (of != sleeper) {
                    EXPECT_TRUE(members.sees(of, sleeper, Liveness::down)) << members.story();
                }
            }
            const uint64_t incarnation = members.at(sleeper).self().incarnation;
            members.clear_events();
            members.resume(sleeper);
            EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 2000))
                << count << " nodes, seed " << seed << "\n"
                << members.story();
            members.run(10'000);
            EXPECT_GT(members.at(sleeper).self().incarnation, incarnation);
            EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << members.story();
            EXPECT_TRUE(members.events(Kind::suspected).empty()) << members.story();
            EXPECT_NEAR(static_cast<double>(members.at(sleeper).cluster_clock_offset_ms()), 0, 50)
                << "read from messages that had waited";
        }
    }
}

TEST(Partition, ShortStutteringIsForgiven) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        FakeMembers members(seed);
        members.form(5);
        for (int stop = 0; stop < 40; ++stop) {
            members.pause(2);
            members.run(700);
            members.resume(2);
            members.run(900);
        }
        EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << "seed " << seed << "\n"
                                                                  << members.story();
        EXPECT_LE(members.at(2).health_score(), 8u);
        members.run(10'000);
        EXPECT_EQ(members.at(2).health_score(), 0u);
    }
}

TEST(Partition, SlowLinksAreNotDeath) {
    FakeMembers members(12);
    members.net.delay_min_ms = 50;
    members.net.delay_max_ms = 120;
    members.form(6);
    members.net.delay_min_ms = 50;
    members.run(600'000);
    EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << members.story();
}

}  // namespace
}  // namespace torc
