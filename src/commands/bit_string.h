// Bits of a string, numbered as in Redis: bit 0 is the highest of the first byte. Bits beyond the end are
// zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace torc::bits {

/// How many of the bits first .. last (inclusive, inside the string) are set.
uint64_t count(std::string_view bytes, uint64_t first, uint64_t last);

/// Where the first bit of this value is among first .. last (inclusive, inside the string).
std::optional<uint64_t> find(std::string_view bytes, bool value, uint64_t first, uint64_t last);

/// An unsigned number of 1 to 64 bits, highest bit first.
uint64_t read(std::string_view bytes, uint64_t offset, unsigned width);
/// The same, stored; it must lie inside.
void write(std::span<char> bytes, uint64_t offset, unsigned width, uint64_t value);

}  // namespace torc::bits
