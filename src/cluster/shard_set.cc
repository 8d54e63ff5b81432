#include "cluster/shard_set.h"

#include <cstring>

namespace torc {

// Both standard libraries keep a bitset's bits in words, the lowest first; on a little-endian machine these are
// the bytes of the message.
static_assert(std::endian::native == std::endian::little);

std::string shard_set_bytes(const ShardSet& shards) {
    std::string bytes(kShardSetBytes, '\0');
    std::memcpy(bytes.data(), &shards, kShardSetBytes);
    return bytes;
}

ShardSet shard_set_of(std::string_view bytes) {
    ShardSet shards;
    if (bytes.size() == kShardSetBytes) std::memcpy(&shards, bytes.data(), kShardSetBytes);
    return shards;
}

}  // namespace torc
