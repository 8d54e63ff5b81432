// Numbers as Redis reads and prints them in commands and replies: strict on the way in (no spaces, no plus
// sign, no superfluous zeros), shortest on the way out.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace torc {

inline constexpr size_t kMaxIntegerChars = 20;
inline constexpr size_t kMaxDoubleChars = 32;

/// Accepts exactly what format_integer() can print, so that a string which parses is its number's only form.
inline std::optional<int64_t> parse_integer(std::string_view text) {
    if (text.empty() || text.size() > kMaxIntegerChars) return std::nullopt;
    const bool negative = text[0] == '-';
    const char* at = text.data() + negative;
    const char* const end = text.data() + text.size();
    if (at == end) return std::nullopt;
    if (*at == '0') {
        if (text.size() != 1) return std::nullopt;
        return 0;
    }
    uint64_t value = 0;
    for (; at != end; ++at) {
        const auto digit = static_cast<unsigned char>(*at - '0');
        if (digit > 9) return std::nullopt;
        // 19 digits always fit; the 20th of an unsigned value may not.
        if (value > std::numeric_limits<uint64_t>::max() / 10) return std::nullopt;
        value *= 10;
        if (value > std::numeric_limits<uint64_t>::max() - digit) return std::nullopt;
        value += digit;
    }
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (negative) {
        if (value > kMax + 1) return std::nullopt;
        return static_cast<int64_t>(~value + 1);
    }
    if (value > kMax) return std::nullopt;
    return static_cast<int64_t>(value);
}

/// Writes at most kMaxIntegerChars and returns how many.
inline size_t format_integer(char* to, int64_t value) {
    return static_cast<size_t>(std::to_chars(to, to + kMaxIntegerChars, value).ptr - to);
}

/// Decimal or hexadecimal, `inf` and `infinity` with a sign or not; no NaN, nothing around it, and no
/// overflow or underflow to zero.
std::optional<double> parse_double(std::string_view text);
std::optional<long double> parse_long_double(std::string_view text);

/// The shortest digits that read back as `value`, laid out as Redis 7.2 does: `3`, `0.1`, `1e+21`, `inf`,
/// `nan`. Writes at most kMaxDoubleChars and returns how many.
size_t format_double(char* to, double value);

/// 17 decimals without trailing zeros, never an exponent: how INCRBYFLOAT stores its result.
std::string format_long_double(long double value);

}  // namespace torc
