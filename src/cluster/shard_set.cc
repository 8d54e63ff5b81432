#include "cluster/shard_set.h"

namespace torc {

std::string shard_set_bytes(const ShardSet& shards) {
    std::string bytes(kShardSetBytes, '\0');
    for (size_t shard = 0; shard < kShards; ++shard)
        if (shards[shard]) bytes[shard / 8] = static_cast<char>(bytes[shard / 8] | 1 << (shard % 8));
    return bytes;
}

ShardSet shard_set_of(std::string_view bytes) {
    ShardSet shards;
    if (bytes.size() != kShardSetBytes) return shards;
    for (size_t shard = 0; shard < kShards; ++shard)
        shards[shard] = (bytes[shard / 8] >> (shard % 8) & 1) != 0;
    return shards;
}

}  // namespace torc
