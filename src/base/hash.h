// Hashes: XXH3 (xxHash, Yann Collet) for index and checksums.
#pragma once

#include <cstdint>
#include <string_view>

namespace torc {

/// 64 bits of XXH3 under a seed.
uint64_t hash64(std::string_view bytes, uint64_t seed);

struct Hash128 {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const Hash128&, const Hash128&) = default;
};
Hash128 hash128(std::string_view bytes, uint64_t seed);

/// A 32-bit checksum: XXH3 folded. Not cryptographic.
uint32_t checksum32(std::string_view bytes, uint64_t seed = 0);

}  // namespace torc
