#include "node/actor_history.h"

#include <gmock/gmock.h>

namespace torc {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(ActorHistory, KnowsNothingBeforeItHasLookedOnForLongEnough) {
    ActorHistory actors;
    EXPECT_EQ(actors.at_work(5'000, 0), std::nullopt);
    actors.see(std::vector<ActorId>{1, 2}, 10'000);
    EXPECT_EQ(actors.at_work(10'999, 1'000), std::nullopt);
    EXPECT_THAT(actors.at_work(11'000, 1'000), Optional(ElementsAre(1, 2)));
}

TEST(ActorHistory, WhoWasThereAMomentAgoStillCounts) {
    ActorHistory actors;
    actors.see(std::vector<ActorId>{9, 2}, 0);
    actors.see(std::vector<ActorId>{9, 3}, 5'000);
    EXPECT_THAT(actors.at_work(5'999, 1'000), Optional(ElementsAre(2, 3, 9)));
    EXPECT_THAT(actors.at_work(6'000, 1'000), Optional(ElementsAre(3, 9)));
}

TEST(ActorHistory, AskedForLongerThanItHasKeptItKnowsNothing) {
    ActorHistory actors;
    actors.see(std::vector<ActorId>{1, 2}, 0);
    actors.see(std::vector<ActorId>{1}, 1'000);
    EXPECT_THAT(actors.at_work(10'000, 2'000), Optional(ElementsAre(1)));
    EXPECT_EQ(actors.at_work(10'000, 5'000), std::nullopt);
    EXPECT_THAT(actors.at_work(14'000, 5'000), Optional(ElementsAre(1)));
}

TEST(ActorHistory, WhoIsThereAgainHasNotLeft) {
    ActorHistory actors;
    actors.see(std::vector<ActorId>{1, 2}, 0);
    actors.see(std::vector<ActorId>{1}, 1'000);
    actors.see(std::vector<ActorId>{1, 2}, 2'000);
    EXPECT_THAT(actors.at_work(60'000, 1'000), Optional(ElementsAre(1, 2)));
}

}  // namespace
}  // namespace torc
