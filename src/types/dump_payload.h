// What DUMP gives and RESTORE takes: a value in Redis' RDB format with a footer, so that values move between
// Torc and redis-server either way.
//
//   [type 1][value][RDB version 2, little-endian][CRC-64 of all before 8, little-endian]
//
// A string (type 0) is a length and its bytes, or one of the special encodings:
//
//   00LLLLLL                      length below 64
//   01LLLLLL LLLLLLLL             length below 16384
//   10000000 + 4 bytes            length, big-endian
//   10000001 + 8 bytes            length, big-endian
//   11000000 + 1, ..01 + 2, ..10 + 4   the digits of a signed integer, little-endian
//   11000011 + two lengths        LZF: compressed length, length, compressed bytes
//
// We write version 10 (Redis 7.0) so that both 7.0 and 7.2 read it, and read up to 11 (7.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace torc {

std::string dump_string(std::string_view bytes, bool compress);
/// The footer alone: FUNCTION DUMP of a server without libraries.
std::string dump_of_nothing();

/// A whole, unharmed payload of a version we read?
bool payload_is_intact(std::string_view payload);

struct RestoredValue {
    ValueType type = ValueType::string;
    std::string bytes;
};
/// The value of an intact payload. An error when the format is broken, or the type is one that this build
/// doesn't hold.
Result<RestoredValue> read_payload(std::string_view payload);

}  // namespace torc
