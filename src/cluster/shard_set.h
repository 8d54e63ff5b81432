// A set of shards, and its bytes in messages: kShards / 8 of them (128), shard s as bit s % 8 of byte s / 8.
// Thread-safe: free functions over values.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/types.h"

namespace torc {

using ShardSet = std::bitset<kShards>;

inline constexpr size_t kShardSetBytes = kShards / 8;

std::string shard_set_bytes(const ShardSet& shards);
/// Of bytes of any other length (of none, above all): the empty set.
ShardSet shard_set_of(std::string_view bytes);

}  // namespace torc
