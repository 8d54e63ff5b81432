#include "cluster/shard_set.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(ShardSetBytes, StandBitByBitLowestFirst) {
    ShardSet shards;
    for (const size_t shard : {0, 9, 15, 1023}) shards.set(shard);
    const std::string bytes = shard_set_bytes(shards);
    ASSERT_EQ(bytes.size(), 128u);
    EXPECT_EQ(bytes[0], '\x01');
    EXPECT_EQ(bytes[1], '\x82');
    EXPECT_EQ(bytes[2], '\0');
    EXPECT_EQ(bytes[127], '\x80');
}

TEST(ShardSetBytes, EachShardComesBack) {
    for (size_t shard = 0; shard < kShards; ++shard) {
        ShardSet shards;
        shards.set(shard);
        EXPECT_EQ(shard_set_of(shard_set_bytes(shards)), shards) << shard;
    }
    EXPECT_TRUE(shard_set_of(std::string(kShardSetBytes, '\xff')).all());
}

TEST(ShardSetBytes, OfAnotherLengthAreTheEmptySet) {
    EXPECT_TRUE(shard_set_of("").none());
    EXPECT_TRUE(shard_set_of(std::string(kShardSetBytes - 1, '\xff')).none());
    EXPECT_TRUE(shard_set_of(std::string(kShardSetBytes + 1, '\xff')).none());
}

}  // namespace
}  // namespace torc
