#include "cluster/agreement_acceptor.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/cluster/agreement_cluster.h"

namespace torc {
namespace {

class AgreementAcceptorTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(acceptor.open());
        ASSERT_TRUE(acceptor.adopt(ring, {}));
    }
    RingState after(uint32_t factor) const {
        RingState next = ring;
        ++next.epoch;
        next.replication_factor = factor;
        return next;
    }
    static ErrorKind kind(const Result<void>& result) { return result.error().kind; }

    const RingState ring = AgreementCluster::formed(3);
    AgreementStorage storage;
    AgreementAcceptor acceptor{1, storage};
};

TEST_F(AgreementAcceptorTest, PromisesNeverGoBack) {
    EXPECT_TRUE(acceptor.promise({5, 2}));
    EXPECT_EQ(kind(acceptor.promise({4, 9})), ErrorKind::refused);
    EXPECT_EQ(kind(acceptor.promise({5, 1})), ErrorKind::refused);
    EXPECT_EQ(kind(acceptor.accept({5, 1}, after(2))), ErrorKind::refused);
    EXPECT_TRUE(acceptor.accept({5, 2}, after(2)));
    EXPECT_TRUE(acceptor.accept({7, 1}, after(1))) << "an acceptance needs no promise of its own";
    EXPECT_EQ(acceptor.promised(), (Ballot{7, 1}));
    EXPECT_EQ(kind(acceptor.promise({6, 9})), ErrorKind::refused);
}

TEST_F(AgreementAcceptorTest, ARepeatedMessageIsAnsweredWithoutASave) {
    ASSERT_TRUE(acceptor.promise({5, 2}));
    ASSERT_TRUE(acceptor.accept({5, 2}, after(2)));
    const uint64_t saves = storage.saves;
    EXPECT_TRUE(acceptor.promise({5, 2}));
    EXPECT_TRUE(acceptor.accept({5, 2}, after(2)));
    EXPECT_EQ(storage.saves, saves);
    EXPECT_EQ(kind(acceptor.promise_anew({5, 2})), ErrorKind::refused) << "a ballot is used once";
}

TEST_F(AgreementAcceptorTest, AcceptsOnlyTheNextRingOfItsCluster) {
    RingState wrong = after(2);
    ++wrong.epoch;
    EXPECT_EQ(kind(acceptor.accept({1, 1}, wrong)), ErrorKind::refused);
    wrong = after(2);
    ++wrong.cluster_id;
    EXPECT_EQ(kind(acceptor.accept({1, 1}, wrong)), ErrorKind::refused);
    EXPECT_FALSE(acceptor.accepted());
}

TEST_F(AgreementAcceptorTest, AdoptsOnlyWhatIsFurther) {
    EXPECT_EQ(kind(acceptor.adopt(ring, {})), ErrorKind::refused);
    RingState other = ring;
    ++other.cluster_id;
    other.epoch += 10;
    EXPECT_EQ(kind(acceptor.adopt(other, {})), ErrorKind::refused);
    EXPECT_TRUE(acceptor.adopt(ring, {ring.epoch, 2})) << "the same epoch by force";
    EXPECT_EQ(kind(acceptor.adopt(ring, {ring.epoch, 1})), ErrorKind::refused);
    EXPECT_TRUE(acceptor.adopt(after(2), {}));
}

TEST_F(AgreementAcceptorTest, ANewRingEndsTheVotesForIt) {
    ASSERT_TRUE(acceptor.promise({5, 2}));
    ASSERT_TRUE(acceptor.accept({5, 2}, after(2)));
    ASSERT_TRUE(acceptor.adopt(after(1), {}));
    EXPECT_EQ(acceptor.promised(), Ballot{});
    EXPECT_FALSE(acceptor.accepted());
}

TEST_F(AgreementAcceptorTest, AClusterThatWasLeftIsJoinedOnlyByALaterRing) {
    ASSERT_TRUE(acceptor.leave_cluster());
    EXPECT_EQ(acceptor.ring(), RingState{});
    EXPECT_EQ(kind(acceptor.adopt(ring, {})), ErrorKind::refused);
    RingState later = after(2);
    std::erase_if(later.members, [](const RingMember& member) { return member.id == 1; });
    EXPECT_EQ(kind(acceptor.adopt(later, {})), ErrorKind::refused) << "this node isn't in it";
    EXPECT_TRUE(acceptor.adopt(after(2), {}));
}

TEST_F(AgreementAcceptorTest, TheOldestOfManyLeftClustersIsForgotten) {
    for (uint64_t i = 0; i < AgreementState::kMaxLeft + 5; ++i) {
        ASSERT_TRUE(acceptor.leave_cluster());
        RingState next = ring;
        next.cluster_id = 100 + i;
        ASSERT_TRUE(acceptor.adopt(next, {}));
    }
    const auto state = decode_agreement_state(storage.bytes);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->left.size(), AgreementState::kMaxLeft);
}

TEST_F(AgreementAcceptorTest, EveryChangeIsSavedAndAFailedSaveChangesNothing) {
    const std::vector<std::function<Result<void>()>> changes = {
        [&] { return acceptor.promise({5, 2}); },      [&] { return acceptor.accept({5, 2}, after(2)); },
        [&] { return acceptor.promise_anew({6, 1}); }, [&] { return acceptor.adopt(after(2), {}); },
        [&] { return acceptor.leave_cluster(); },
    };
    const auto look = [](const AgreementAcceptor& a) {
        AgreementState state;
        state.ring = a.ring();
        state.fork = a.position().fork;
        state.promised = a.promised();
        state.accepted = a.accepted();
        return state;
    };
    for (size_t i = 0; i < changes.size(); ++i) {
        const AgreementState before = look(acceptor);
        storage.fail_at = storage.saves + 1;
        EXPECT_EQ(kind(changes[i]()), ErrorKind::io) << i;
        EXPECT_EQ(look(acceptor), before) << i;
        EXPECT_TRUE(changes[i]()) << i;
        EXPECT_NE(look(acceptor), before) << i;
        AgreementAcceptor restarted(1, storage);
        ASSERT_TRUE(restarted.open());
        EXPECT_EQ(look(restarted), look(acceptor)) << i;
    }
}

}  // namespace
}  // namespace torc
