// The words that all parts share: sequence numbers, databases, slots, keys, types.
#pragma once

#include <cstdint>
#include <string_view>

namespace torc {

using Lsn = uint64_t;      // log sequence number: hybrid logical clock, 48 bit milliseconds, 16 bit counter
using DbId = uint8_t;      // a physical database; SWAPDB permutes which one a SELECT index means
using SlotId = uint16_t;   // 0 .. 16383, CRC16 of the key or its hash tag
using ShardId = uint16_t;  // 0 .. 1023: 16 consecutive slots

inline constexpr unsigned kSlots = 16384;
inline constexpr unsigned kSlotsPerShard = 16;
inline constexpr unsigned kShards = kSlots / kSlotsPerShard;
inline constexpr ShardId shard_of(SlotId slot) {
    return slot / kSlotsPerShard;
}

inline constexpr int64_t kNoExpiry = -1;  // of an absolute time in milliseconds

/// A key with what finding it needs. The bytes belong to the caller.
struct KeyRef {
    std::string_view bytes;
    uint64_t hash = 0;  // hash64(bytes, the data directory's seed)
    SlotId slot = 0;

    ShardId shard() const { return shard_of(slot); }
};

/// What a value is. The numbers are on disk: never reuse one.
/// `cell`: what a clustered node keeps instead of a bare value (repl/cell.h); its own bytes say of what type.
enum class ValueType : uint8_t { string = 0, list = 1, set = 2, zset = 3, hash = 4, stream = 5, cell = 6 };

}  // namespace torc
