// What counters add up: fixed-point numbers with 17 decimals, the digits that INCRBYFLOAT shows. Exact, so
// that sums don't depend on their order, and so that what was added before a DEL leaves no rounding behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace torc {

/// whole + fraction / kOne; the fraction is never negative: -0.25 is whole -1, fraction 0.75 * kOne.
struct Decimal {
    static constexpr uint64_t kOne = 100'000'000'000'000'000;
    static constexpr int kDigits = 17;

    __int128 whole = 0;
    uint64_t fraction = 0;  // below kOne
    friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// `to` is unspecified when false: the result has more than 127 bits before the point.
bool add_decimal(Decimal& to, const Decimal& amount);
bool subtract_decimal(Decimal& from, const Decimal& amount);

/// Digits with a minus sign and a point or not, up to 17 decimals and 37 digits before them; else nothing.
std::optional<Decimal> parse_decimal(std::string_view text);
/// Rounded to 17 decimals. Nothing for what has more than 37 digits before the point, or is no number.
std::optional<Decimal> decimal_of(long double number);
long double approximate(const Decimal& decimal);
/// Without trailing zeros, never an exponent.
void append_decimal(std::string& to, const Decimal& decimal);

/// Whatever INCRBYFLOAT takes for a number; for what a Decimal can't hold.
std::optional<long double> parse_approximate(std::string_view text);
void append_approximate(std::string& to, long double number);

}  // namespace torc
