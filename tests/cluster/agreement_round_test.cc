#include "cluster/agreement_round.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

RingState ring_with(uint32_t factor) {
    RingState ring;
    ring.replication_factor = factor;
    return ring;
}

TEST(AgreementRound, CountsEachVoterOnceAndNobodyElse) {
    AgreementRound round({1, 1}, {1, 2, 3}, ring_with(2));
    round.on_promise(2, std::nullopt);
    round.on_promise(2, std::nullopt);
    round.on_promise(9, std::nullopt);
    EXPECT_FALSE(round.has_majority());
    EXPECT_TRUE(round.has_answered(2));
    round.on_promise(3, std::nullopt);
    EXPECT_TRUE(round.has_majority());
}

TEST(AgreementRound, HalfIsNoMajority) {
    AgreementRound round({1, 1}, {1, 2}, ring_with(2));
    round.on_promise(1, std::nullopt);
    EXPECT_FALSE(round.has_majority());
}

TEST(AgreementRound, ProposesWhatWasAcceptedUnderTheHighestBallot) {
    AgreementRound round({9, 1}, {1, 2, 3, 4, 5}, ring_with(7));
    round.on_promise(1, AcceptedRing{{4, 2}, ring_with(4)});
    round.on_promise(2, AcceptedRing{{6, 1}, ring_with(6)});
    round.on_promise(3, AcceptedRing{{5, 9}, ring_with(5)});
    ASSERT_TRUE(round.begin_accepting());
    EXPECT_EQ(round.value(), ring_with(6));
    EXPECT_FALSE(round.has_majority()) << "answers of the first phase are none of the second";
    round.on_promise(4, AcceptedRing{{8, 9}, ring_with(1)});
    EXPECT_EQ(round.value(), ring_with(6)) << "too late";
    for (const NodeId id : {3, 4, 5}) round.on_accepted(id);
    EXPECT_TRUE(round.has_majority());
}

TEST(AgreementRound, WithoutAnythingToProposeItEnds) {
    AgreementRound round({1, 1}, {1}, std::nullopt);
    round.on_promise(1, std::nullopt);
    EXPECT_FALSE(round.begin_accepting());
}

TEST(AgreementRound, AnAcceptanceBeforeItsPhaseIsNone) {
    AgreementRound round({1, 1}, {1, 2, 3}, ring_with(2));
    round.on_accepted(1);
    round.on_accepted(2);
    EXPECT_FALSE(round.has_majority());
}

}  // namespace
}  // namespace torc
