// What an allocation really costs: the size classes that mimalloc and jemalloc share. Multiples of 16 up to
// 128 bytes, then four classes per power of two. Memory is accounted and index arrays are sized by it, so
// that used_bytes() follows the resident set and no class is left half empty.
#pragma once

#include <bit>
#include <cstddef>

namespace torc {

inline constexpr size_t allocation_size(size_t bytes) {
    if (bytes <= 128) return bytes == 0 ? 16 : (bytes + 15) & ~size_t{15};
    const size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
}
static_assert(allocation_size(129) == 160 && allocation_size(256) == 256 && allocation_size(6273) == 7168);

}  // namespace torc
