#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace torc {

uint64_t hash64(std::string_view bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 hash128(std::string_view bytes, uint64_t seed) {
    const XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {h.low64, h.high64};
}

uint32_t checksum32(std::string_view bytes, uint64_t seed) {
    const uint64_t h = XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
    return static_cast<uint32_t>(h ^ (h >> 32));
}

}  // namespace torc
