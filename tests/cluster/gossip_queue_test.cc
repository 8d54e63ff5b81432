#include "cluster/gossip_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace torc {
namespace {

MemberUpdate news(MemberUpdate::Kind kind, NodeId id, uint64_t incarnation, NodeId voter = 0) {
    MemberUpdate update;
    update.kind = kind;
    update.facts.id = id;
    update.facts.incarnation = incarnation;
    update.voter = voter;
    return update;
}

constexpr auto kFacts = MemberUpdate::Kind::facts;
constexpr auto kVote = MemberUpdate::Kind::vote;

TEST(GossipQueue, APieceIsSentOftenEnoughAndThenNoMore) {
    for (const size_t members : {1, 3, 32, 1000}) {
        GossipQueue queue;
        queue.add(news(kFacts, 1, 1));
        size_t sent = 0;
        while (!queue.empty()) {
            std::string message;
            queue.fill(message, 10'000, members);
            ASSERT_FALSE(message.empty());
            ++sent;
        }
        size_t log2 = 0;
        while ((size_t{1} << log2) < members + 1) ++log2;
        EXPECT_GE(sent, 2 * log2) << members;
        EXPECT_LE(sent, 4 * log2 + 4) << members;
    }
}

TEST(GossipQueue, TheLeastSentGoesFirstWhereRoomIsShort) {
    GossipQueue queue;
    queue.add(news(kVote, 1, 1, 9));
    const std::string first = encode_update(news(kVote, 1, 1, 9)),
                      second = encode_update(news(kVote, 2, 1, 9));
    std::string message;
    queue.fill(message, first.size(), 8);
    EXPECT_EQ(message, first);
    queue.add(news(kVote, 2, 1, 9));
    message = "head";
    queue.fill(message, 4 + second.size(), 8);
    EXPECT_EQ(message, "head" + second);
    message.assign(50, 'x');
    queue.fill(message, 50, 8);
    EXPECT_EQ(message, std::string(50, 'x'));
}

TEST(GossipQueue, NewerReplacesOlderAndVotesOfSeveralStand) {
    GossipQueue queue;
    queue.add(news(kFacts, 1, 1));
    queue.add(news(kFacts, 1, 2));
    EXPECT_EQ(queue.size(), 1u);
    std::string message;
    queue.fill(message, 10'000, 8);
    EXPECT_EQ(message, encode_update(news(kFacts, 1, 2)));
    queue.add(news(kVote, 1, 2, 8));
    queue.add(news(kVote, 1, 2, 9));
    queue.add(news(MemberUpdate::Kind::down, 1, 2, 9));
    queue.add(news(MemberUpdate::Kind::down, 1, 2, 8));
    EXPECT_EQ(queue.size(), 4u);
    queue.refuted(1, 2);
    EXPECT_EQ(queue.size(), 4u) << "they are against this very incarnation";
    queue.refuted(1, 3);
    EXPECT_EQ(queue.size(), 1u);
    queue.add(news(kVote, 2, 2, 9));
    queue.forget(1);
    EXPECT_EQ(queue.size(), 1u);
    queue.forget(2);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace torc
