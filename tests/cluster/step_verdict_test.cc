#include "cluster/step_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cluster/agreement_cluster.h"

namespace torc {
namespace {

using testing::ElementsAre;
using Cluster = AgreementCluster;
using Kind = StepVerdict::Kind;

StepVerdict judge(const RingState& ring, const RingStep& step) {
    WishMemory memory;
    memory.note(ring, step);
    return judge_step(ring, step, memory);
}

RingState then(const RingState& ring, const RingStep& step) {
    const StepVerdict verdict = judge(ring, step);
    EXPECT_EQ(verdict.kind, Kind::possible) << verdict.text;
    EXPECT_EQ(verdict.next.epoch, ring.epoch + 1);
    return verdict.next;
}

RingStep finish_of(const RingState& ring) {
    return {RingStep::Kind::finish, {}, 0, ring.epoch, 0};
}
RingStep abort_of(const RingState& ring) {
    return {RingStep::Kind::abort, {}, 0, ring.epoch, 0};
}

TEST(RingVoters, AreTheMembersButNotOneThatIsStillArriving) {
    const RingState three = Cluster::formed(3);
    EXPECT_THAT(ring_voters(three), ElementsAre(1, 2, 3));
    const RingState joining = then(three, Cluster::join(4));
    EXPECT_THAT(ring_voters(joining), ElementsAre(1, 2, 3));
    EXPECT_THAT(ring_voters(then(joining, finish_of(joining))), ElementsAre(1, 2, 3, 4));
    const RingState leaving = then(three, Cluster::leave(2));
    EXPECT_THAT(ring_voters(leaving), ElementsAre(1, 2, 3)) << "until it has left";
    const RingState replacing = then(three, Cluster::replace(4, 3));
    EXPECT_THAT(ring_voters(replacing), ElementsAre(1, 2, 3));
    EXPECT_THAT(ring_voters(then(replacing, finish_of(replacing))), ElementsAre(1, 2, 4));
    EXPECT_THAT(ring_voters({}), ElementsAre());
}

TEST(RingVoters, MajorityIsMoreThanHalf) {
    EXPECT_EQ(majority_of(1), 1u);
    EXPECT_EQ(majority_of(2), 2u);
    EXPECT_EQ(majority_of(3), 2u);
    EXPECT_EQ(majority_of(4), 3u);
}

TEST(JudgeStep, WhatIsTrueIsDone) {
    const RingState three = Cluster::formed(3);
    EXPECT_EQ(judge(three, Cluster::join(2)).kind, Kind::done);
    EXPECT_EQ(judge(then(three, Cluster::join(4)), Cluster::join(4)).kind, Kind::done);
    EXPECT_EQ(judge(then(three, Cluster::leave(3)), Cluster::leave(3)).kind, Kind::done);
    const RingState replacing = then(three, Cluster::replace(4, 3));
    EXPECT_EQ(judge(replacing, Cluster::replace(4, 3)).kind, Kind::done);
    EXPECT_EQ(judge(then(replacing, finish_of(replacing)), Cluster::replace(4, 3)).kind, Kind::done);
    EXPECT_EQ(judge(then(three, Cluster::remove(3)), Cluster::remove(3)).kind, Kind::done);
    EXPECT_EQ(judge(three, Cluster::replication(3)).kind, Kind::done);
}

TEST(JudgeStep, WhatALaterRingMayAllowIsNoFinalRefusal) {
    const RingState three = Cluster::formed(3);
    const RingState joining = then(three, Cluster::join(4));
    for (const RingStep& step :
         {Cluster::join(5), Cluster::leave(1), Cluster::replace(5, 1), Cluster::replication(2),
          Cluster::replace(4, 3), Cluster::leave(9), Cluster::remove(9)}) {
        const StepVerdict verdict = judge(joining, step);
        EXPECT_EQ(verdict.kind, Kind::refused);
        EXPECT_FALSE(verdict.final) << verdict.text;
        EXPECT_FALSE(verdict.text.empty());
    }
    RingStep future = finish_of(joining);
    ++future.of_epoch;
    EXPECT_FALSE(judge(joining, future).final);
}

TEST(JudgeStep, WhatNoRingAllowsIsRefusedAtOnce) {
    const RingState three = Cluster::formed(3);
    const RingState without = then(three, Cluster::remove(3));
    RingStep past = finish_of(three);
    --past.of_epoch;
    RingStep nobody = Cluster::join(4);
    nobody.member.vnodes = 0;
    for (const RingStep& step :
         {Cluster::replication(0), Cluster::replication(kMaxReplicationFactor + 1), past, nobody})
        EXPECT_TRUE(judge(three, step).final);
    EXPECT_TRUE(judge(without, Cluster::join(3)).final) << "barred";
    EXPECT_TRUE(judge(without, Cluster::replace(3, 1)).final);
    EXPECT_TRUE(judge(three, finish_of(three)).final) << "no move in this epoch, ever";
}

TEST(JudgeStep, AnEndIsToldFromTheOtherEndOfTheMove) {
    const RingState three = Cluster::formed(3);
    for (const RingStep& begin : {Cluster::join(4), Cluster::leave(3), Cluster::replace(4, 3)}) {
        const RingState moving = then(three, begin);
        for (const bool finishes : {true, false}) {
            const RingStep wish = finishes ? finish_of(moving) : abort_of(moving);
            WishMemory memory;
            memory.note(moving, wish);
            const RingState finished = *finish_move(moving);
            const RingState aborted = *abort_move(moving);
            EXPECT_EQ(judge_step(finished, wish, memory).kind, finishes ? Kind::done : Kind::refused);
            EXPECT_EQ(judge_step(aborted, wish, memory).kind, finishes ? Kind::refused : Kind::done);
        }
    }
}

TEST(JudgeStep, AnEndMeansTheRingThatWasLookedAt) {
    const RingState joining = then(Cluster::formed(3), Cluster::join(4));
    const RingStep wish = finish_of(joining);
    WishMemory memory;
    memory.note(joining, wish);
    RingState later = joining;  // as a removal of a third would leave it
    ++later.epoch;
    const StepVerdict verdict = judge_step(later, wish, memory);
    EXPECT_EQ(verdict.kind, Kind::refused);
    EXPECT_THAT(verdict.text, testing::HasSubstr("goes on"));
}

TEST(JudgeStep, ALeaveThatOthersBroughtAboutIsDone) {
    const RingState three = Cluster::formed(3);
    WishMemory memory;
    memory.note(three, Cluster::leave(3));
    const RingState leaving = *begin_leave(three, 3);
    const RingState left = *finish_move(leaving);
    EXPECT_EQ(judge_step(left, Cluster::leave(3), memory).kind, Kind::done);
    EXPECT_EQ(judge(left, Cluster::leave(3)).kind, Kind::refused) << "never was a member since the wish";
}

}  // namespace
}  // namespace torc
