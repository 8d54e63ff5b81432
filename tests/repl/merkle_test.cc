#include "repl/merkle.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/rng.h"
#include "cluster/slots.h"

namespace torc {
namespace {

void put(MerkleForest& forest, const std::string& key, uint64_t before, uint64_t after) {
    forest.update(key_slot(key), key, before == 0 ? 0 : entry_hash(key, before),
                  after == 0 ? 0 : entry_hash(key, after));
}

TEST(Merkle, EmptyIsZeroEverywhere) {
    const MerkleForest forest;
    for (unsigned shard = 0; shard < kShards; ++shard)
        ASSERT_EQ(forest.root(static_cast<ShardId>(shard)), 0u);
}

TEST(Merkle, EachLevelIsTheXorOfTheOneBelow) {
    MerkleForest forest;
    for (int i = 0; i < 20'000; ++i) put(forest, "key:" + std::to_string(i), 0, 1 + static_cast<uint64_t>(i));
    for (unsigned shard = 0; shard < kShards; ++shard) {
        uint64_t of_slots = 0;
        for (unsigned i = 0; i < kSlotsPerShard; ++i) {
            const auto slot = static_cast<SlotId>(shard * kSlotsPerShard + i);
            uint64_t of_leaves = 0;
            for (const uint64_t leaf : forest.leaves(slot)) of_leaves ^= leaf;
            ASSERT_EQ(forest.slot_hash(slot), of_leaves);
            of_slots ^= of_leaves;
        }
        ASSERT_EQ(forest.root(static_cast<ShardId>(shard)), of_slots);
        ASSERT_NE(of_slots, 0u);
    }
}

// Whatever way two copies came to the same keys, their trees are the same; and no other copy's is.
TEST(Merkle, DependsOnWhatIsThereAlone) {
    constexpr uint64_t kSeed = 3;
    Rng rng(kSeed);
    MerkleForest walked, straight;
    std::map<std::string, uint64_t> model;
    for (int i = 0; i < 50'000; ++i) {
        const std::string key = "{one shard}" + std::to_string(rng.below(500));
        uint64_t& digest = model[key];
        const uint64_t next = rng.one_in(3) ? 0 : 1 + rng.below(10);
        put(walked, key, digest, next);
        digest = next;
    }
    for (const auto& [key, digest] : model) put(straight, key, 0, digest);
    const SlotId slot = key_slot("{one shard}");
    EXPECT_EQ(walked.root(shard_of(slot)), straight.root(shard_of(slot)));
    EXPECT_EQ(walked.leaves(slot), straight.leaves(slot));

    put(straight, "{one shard}1", model["{one shard}1"], 77);
    EXPECT_NE(walked.root(shard_of(slot)), straight.root(shard_of(slot)));
    unsigned different = 0;
    for (unsigned i = 0; i < kLeavesPerSlot; ++i)
        different += walked.leaves(slot)[i] != straight.leaves(slot)[i];
    EXPECT_EQ(different, 1u);
}

TEST(Merkle, TwoKeysThatSwapTheirDigestsAreADifference) {
    MerkleForest one, other;
    put(one, "{t}a", 0, 1), put(one, "{t}b", 0, 2);
    put(other, "{t}a", 0, 2), put(other, "{t}b", 0, 1);
    const ShardId shard = shard_of(key_slot("{t}"));
    EXPECT_NE(one.root(shard), other.root(shard));
}

TEST(Merkle, ClearsOneShard) {
    MerkleForest forest;
    for (int i = 0; i < 20'000; ++i) put(forest, "key:" + std::to_string(i), 0, 5);
    const uint64_t before = forest.root(6), after = forest.root(8);
    forest.clear(7);
    EXPECT_EQ(forest.root(7), 0u);
    EXPECT_EQ(forest.root(6), before);
    EXPECT_EQ(forest.root(8), after);
}

TEST(Merkle, LeavesFillEvenly) {
    std::array<int, kLeavesPerSlot> count{};
    for (int i = 0; i < 16'000; ++i) ++count[leaf_of_key("{tag}" + std::to_string(i))];
    for (const int n : count) EXPECT_NEAR(n, 1000, 200);
}

// All nodes must agree on these, whatever they were built with.
TEST(Merkle, HashesAreFixedForEver) {
    EXPECT_EQ(merkle_key_hash("key:1"), 13775787143713575802ULL);
    EXPECT_EQ(entry_hash("key:1", 42), 6722982843819502242ULL);
    EXPECT_EQ(leaf_of_key("key:1"), merkle_key_hash("key:1") >> 60);
    EXPECT_NE(entry_hash("key:1", 42), entry_hash("key:1", 43));
    EXPECT_NE(entry_hash("key:1", 42), entry_hash("key:2", 42));
    EXPECT_NE(entry_hash("", 0), 0u);
}

}  // namespace
}  // namespace torc
