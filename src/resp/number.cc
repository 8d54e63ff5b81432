#include "resp/number.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace torc {
namespace {

// The C parser wants a terminated string. The longest of ours, the largest long double, has 4951 characters.
constexpr size_t kMaxFloatText = 5119;

template <class Float, class Parse>
std::optional<Float> parse_float(std::string_view text, Parse parse) {
    if (text.empty() || text.size() > kMaxFloatText) return std::nullopt;
    if (std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
    char terminated[kMaxFloatText + 1];
    std::memcpy(terminated, text.data(), text.size());
    terminated[text.size()] = '\0';
    char* end = nullptr;
    errno = 0;
    const Float value = parse(terminated, &end);
    if (end != terminated + text.size()) return std::nullopt;
    if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
    if (std::isnan(value)) return std::nullopt;
    return value;
}

size_t copy(char* to, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    return text.size();
}

// Integers up to here are printed with all their digits.
constexpr double kExactInteger = 4503599627370496.0;  // 2^52

}  // namespace

std::optional<double> parse_double(std::string_view text) {
    return parse_float<double>(text, std::strtod);
}

std::optional<long double> parse_long_double(std::string_view text) {
    return parse_float<long double>(text, std::strtold);
}

size_t format_double(char* to, double value) {
    if (std::isnan(value)) return copy(to, "nan");
    if (std::isinf(value)) return copy(to, value < 0 ? "-inf" : "inf");
    if (value == 0) return copy(to, std::signbit(value) ? "-0" : "0");
    if (value > -kExactInteger && value < kExactInteger && std::trunc(value) == value)
        return format_integer(to, static_cast<int64_t>(value));

    // d.ddde[+-]xx: take the digits and the exponent apart and lay them out again.
    char scientific[kMaxDoubleChars];
    const auto printed = std::to_chars(scientific, scientific + sizeof scientific, std::abs(value),
                                       std::chars_format::scientific);
    const std::string_view text(scientific, printed.ptr - scientific);
    const size_t e = text.find('e');
    char digits[kMaxDoubleChars];
    size_t count = 0;
    for (const char c : text.substr(0, e))
        if (c != '.') digits[count++] = c;
    const char* exponent_at = text.data() + e + 1 + (text[e + 1] == '+');
    int exponent = 0;
    std::from_chars(exponent_at, printed.ptr, exponent);

    char* at = to;
    if (value < 0) *at++ = '-';
    const int length = static_cast<int>(count);
    const int scale = exponent - (length - 1);  // value = digits * 10^scale
    if (scale >= 0 && exponent < length + 7) {
        at += copy(at, {digits, count});
        for (int i = 0; i < scale; ++i) *at++ = '0';
    } else if (scale < 0 && (scale > -7 || std::abs(exponent) < 4)) {
        if (exponent < 0) {
            at += copy(at, "0.");
            for (int i = -1; i > exponent; --i) *at++ = '0';
            at += copy(at, {digits, count});
        } else {
            at += copy(at, {digits, static_cast<size_t>(exponent) + 1});
            *at++ = '.';
            at += copy(at, {digits + exponent + 1, count - exponent - 1});
        }
    } else {
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            at += copy(at, {digits + 1, count - 1});
        }
        *at++ = 'e';
        *at++ = exponent < 0 ? '-' : '+';
        at += format_integer(at, std::abs(exponent));
    }
    return static_cast<size_t>(at - to);
}

std::string format_long_double(long double value) {
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, "%.17Lf", value)), '\0');
    std::snprintf(text.data(), text.size() + 1, "%.17Lf", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text == "-0" ? "0" : text;
}

}  // namespace torc
