// Replies that the tests of many commands expect.
#pragma once

#include <string>
#include <string_view>

namespace torc::testing {

inline constexpr std::string_view kOk = "+OK\r\n";
inline constexpr std::string_view kNull = "$-1\r\n";
inline constexpr std::string_view kSyntaxError = "-ERR syntax error\r\n";
inline constexpr std::string_view kWrongTypeError =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
inline constexpr std::string_view kNotIntegerError = "-ERR value is not an integer or out of range\r\n";
inline constexpr std::string_view kTooLongError =
    "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

inline std::string integer(int64_t value) {
    return ":" + std::to_string(value) + "\r\n";
}
inline std::string bulk(std::string_view bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + std::string(bytes) + "\r\n";
}

}  // namespace torc::testing
