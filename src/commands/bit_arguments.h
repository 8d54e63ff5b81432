// The offset argument of the bit commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/call.h"
#include "commands/string_value.h"

namespace torc {

/// A bit's position, or with width > 0 also `#n`: n fields of that width. Null, with the error replied, when
/// it's none or lies behind the longest string.
inline std::optional<uint64_t> bit_offset_argument(Call& call, std::string_view word, int64_t width = 0) {
    const bool in_fields = width > 0 && word.starts_with('#');
    auto offset = parse_integer(in_fields ? word.substr(1) : word);
    if (offset && in_fields && __builtin_mul_overflow(*offset, width, &*offset)) offset.reset();
    if (offset && *offset >= 0 && *offset / 8 < call.max_string_bytes) return static_cast<uint64_t>(*offset);
    call.reply.error("ERR bit offset is not an integer or out of range");
    return std::nullopt;
}

}  // namespace torc
