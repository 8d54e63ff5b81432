#include "repl/decimal.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace torc {
namespace {

constexpr size_t kMaxWholeDigits = 37;  // 10^37 - 1 fits with its carry

// The longest printed long double has 4951 characters; a longer text is no number to the commands either.
constexpr size_t kMaxNumberText = 5119;

}  // namespace

bool add_decimal(Decimal& to, const Decimal& amount) {
    to.fraction += amount.fraction;
    const bool carry = to.fraction >= Decimal::kOne;
    if (carry) to.fraction -= Decimal::kOne;
    return !__builtin_add_overflow(to.whole, amount.whole, &to.whole) &&
           !__builtin_add_overflow(to.whole, static_cast<__int128>(carry), &to.whole);
}

bool subtract_decimal(Decimal& from, const Decimal& amount) {
    const bool borrow = from.fraction < amount.fraction;
    if (borrow) from.fraction += Decimal::kOne;
    from.fraction -= amount.fraction;
    return !__builtin_sub_overflow(from.whole, amount.whole, &from.whole) &&
           !__builtin_sub_overflow(from.whole, static_cast<__int128>(borrow), &from.whole);
}

std::optional<Decimal> parse_decimal(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const size_t point = text.find('.');
    const std::string_view before = text.substr(0, point);
    if (before.empty() || before.size() > kMaxWholeDigits) return std::nullopt;
    Decimal decimal;
    for (const char c : before) {
        if (c < '0' || c > '9') return std::nullopt;
        decimal.whole = decimal.whole * 10 + (c - '0');
    }
    if (point != std::string_view::npos) {
        const std::string_view after = text.substr(point + 1);
        if (after.empty() || after.size() > Decimal::kDigits) return std::nullopt;
        uint64_t unit = Decimal::kOne;
        for (const char c : after) {
            if (c < '0' || c > '9') return std::nullopt;
            unit /= 10;
            decimal.fraction += static_cast<uint64_t>(c - '0') * unit;
        }
    }
    if (!negative) return decimal;
    Decimal zero;
    subtract_decimal(zero, decimal);
    return zero;
}

std::optional<Decimal> decimal_of(long double number) {
    if (!std::isfinite(number) || std::fabs(number) >= 1e37L) return std::nullopt;
    char text[64];
    const int length = std::snprintf(text, sizeof text, "%.17Lf", number);
    return parse_decimal({text, static_cast<size_t>(length)});
}

long double approximate(const Decimal& decimal) {
    return static_cast<long double>(decimal.whole) +
           static_cast<long double>(decimal.fraction) / static_cast<long double>(Decimal::kOne);
}

void append_decimal(std::string& to, const Decimal& decimal) {
    // The magnitude in unsigned arithmetic: the lowest whole number has no positive counterpart.
    auto whole = static_cast<unsigned __int128>(decimal.whole);
    uint64_t fraction = decimal.fraction;
    if (decimal.whole < 0) {
        to += '-';
        whole = 0 - whole;
        if (fraction != 0) {
            --whole;
            fraction = Decimal::kOne - fraction;
        }
    }
    char digits[64];
    char* const end = digits + sizeof digits;
    char* at = end;
    do {
        *--at = static_cast<char>('0' + static_cast<int>(whole % 10));
        whole /= 10;
    } while (whole != 0);
    to.append(at, end);
    if (fraction == 0) return;
    to += '.';
    for (uint64_t unit = Decimal::kOne / 10; fraction != 0; fraction %= unit, unit /= 10) {
        to += static_cast<char>('0' + fraction / unit);
        if (unit == 1) break;
    }
}

std::optional<long double> parse_approximate(std::string_view text) {
    if (text.empty() || text.size() > kMaxNumberText) return std::nullopt;
    if (std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
    const std::string terminated(text);
    char* end = nullptr;
    errno = 0;
    const long double number = std::strtold(terminated.c_str(), &end);
    if (end != terminated.c_str() + text.size() || !std::isfinite(number)) return std::nullopt;
    if (errno == ERANGE && number == 0) return std::nullopt;
    return number;
}

void append_approximate(std::string& to, long double number) {
    if (!std::isfinite(number)) {
        to += number < 0 ? "-inf" : "inf";
        return;
    }
    std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, "%.17Lf", number)), '\0');
    std::snprintf(text.data(), text.size() + 1, "%.17Lf", number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    to += text == "-0" ? "0" : text;
}

}  // namespace torc
