#include "cluster/fair_share.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/types.h"

namespace torc {
namespace {

/// Shares in whole shards, rounded.
std::vector<int64_t> replicas(const std::vector<uint16_t>& racks, const std::vector<uint32_t>& weights,
                              uint32_t replication_factor) {
    std::vector<int64_t> shards;
    for (const FairShare& share : fair_shares(racks, weights, replication_factor))
        shards.push_back((share.replicas + kShareUnit / 2) / kShareUnit);
    return shards;
}

using Shards = std::vector<int64_t>;

TEST(FairShare, EqualNodesShareAlike) {
    EXPECT_EQ(replicas({0, 0, 0, 0}, {16, 16, 16, 16}, 3), (Shards{768, 768, 768, 768}));
    EXPECT_EQ(fair_shares(std::vector<uint16_t>{0, 0}, std::vector<uint32_t>{1, 1}, 3)[0].primaries,
              512 * kShareUnit);
}

TEST(FairShare, WeightsCountUntilANodeHoldsEverything) {
    EXPECT_EQ(replicas({0, 0, 0}, {1, 1, 2}, 1), (Shards{256, 256, 512}));
    EXPECT_EQ(replicas({0, 0, 0}, {1, 1, 200}, 2), (Shards{512, 512, 1024}));
    EXPECT_EQ(replicas({0, 0}, {1, 200}, 3), (Shards{1024, 1024}));
}

TEST(FairShare, ARackHoldsAShardOnceWhenThereAreRacksEnough) {
    EXPECT_EQ(replicas({0, 0, 1, 2}, {16, 16, 16, 16}, 3), (Shards{512, 512, 1024, 1024}));
    EXPECT_EQ(replicas({0, 0, 0, 0, 1, 2, 3}, {1, 1, 1, 1, 1, 1, 1}, 2),
              (Shards{256, 256, 256, 256, 341, 341, 341}));
}

TEST(FairShare, WithFewRacksEachHoldsEverything) {
    EXPECT_EQ(replicas({0, 0, 0, 0, 1}, {1, 1, 1, 1, 1}, 3), (Shards{512, 512, 512, 512, 1024}));
    EXPECT_EQ(replicas({0, 0, 0, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, 3), (Shards{512, 512, 512, 512, 512, 512}));
    EXPECT_EQ(replicas({0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 3),
              (Shards{256, 256, 256, 256, 256, 256, 256, 256, 512, 512}));
}

}  // namespace
}  // namespace torc
