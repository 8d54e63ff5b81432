// A set of shards, and its bytes in messages: kShards / 8 of them (128), shard s as bit s % 8 of byte s / 8.
// Thread-safe: free functions over values.
#pragma once

#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/types.h"

namespace torc {

using ShardSet = std::bitset<kShards>;

inline constexpr size_t kShardSetBytes = kShards / 8;

std::string shard_set_bytes(const ShardSet& shards);
/// Of bytes of any other length (of none, above all): the empty set.
ShardSet shard_set_of(std::string_view bytes);

/// The same set, 64 shards to a word, the lowest in the lowest bit.
using ShardSetWords = std::array<uint64_t, kShards / 64>;
static_assert(sizeof(ShardSet) == sizeof(ShardSetWords));

/// Calls what(ShardId) for each that is in the set, in ascending order.
template <typename What>
void for_each_shard(const ShardSet& shards, What&& what) {
    const auto words = std::bit_cast<ShardSetWords>(shards);
    for (size_t i = 0; i < words.size(); ++i)
        for (uint64_t rest = words[i]; rest != 0; rest &= rest - 1)
            what(static_cast<ShardId>(i * 64 + static_cast<size_t>(std::countr_zero(rest))));
}

}  // namespace torc
