// EX, PX, EXAT and PXAT with their number, as SET and its kin take them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/string_value.h"

namespace torc {

enum class ExpiryUnit : uint8_t { none, seconds, milliseconds, at_seconds, at_milliseconds };

inline bool is_absolute(ExpiryUnit unit) {
    return unit == ExpiryUnit::at_seconds || unit == ExpiryUnit::at_milliseconds;
}

/// `none` for any other word.
inline ExpiryUnit expiry_unit(std::string_view word) {
    if (word_is(word, "ex")) return ExpiryUnit::seconds;
    if (word_is(word, "px")) return ExpiryUnit::milliseconds;
    if (word_is(word, "exat")) return ExpiryUnit::at_seconds;
    if (word_is(word, "pxat")) return ExpiryUnit::at_milliseconds;
    return ExpiryUnit::none;
}

/// The absolute time that an expiry argument means. Null, with the error replied.
inline std::optional<int64_t> expiry_time(Call& call, std::string_view word, ExpiryUnit unit) {
    const auto number = integer_argument(call, word);
    if (!number) return std::nullopt;
    int64_t at_ms = *number;
    const bool in_seconds = unit == ExpiryUnit::seconds || unit == ExpiryUnit::at_seconds;
    bool valid = at_ms > 0 && !(in_seconds && __builtin_mul_overflow(at_ms, 1000, &at_ms));
    if (valid && !is_absolute(unit)) valid = !__builtin_add_overflow(at_ms, call.now_ms, &at_ms);
    if (valid) return at_ms;
    call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.spec.name));
    return std::nullopt;
}

}  // namespace torc
