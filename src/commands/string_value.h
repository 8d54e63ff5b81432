// Looks at keys that must hold strings, with the replies that all string commands share when they don't.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/call.h"
#include "commands/errors.h"
#include "resp/number.h"

namespace torc {

/// A string, or no key at all.
struct FoundString {
    bool exists = false;
    std::string_view bytes;
    int64_t expire_at_ms = kNoExpiry;
};

/// Null when the key holds another type: the error has been replied.
inline std::optional<FoundString> look_at_string(Call& call, std::string_view key, unsigned traces) {
    const auto value = call.keys.look(key, traces);
    if (!value) return FoundString{};
    if (value->type != ValueType::string) {
        call.reply.error(errors::kWrongType);
        return std::nullopt;
    }
    return FoundString{true, value->bytes, value->expire_at_ms};
}

/// For a command that reads the string,
inline std::optional<FoundString> find_string(Call& call, std::string_view key) {
    return look_at_string(call, key, Keyspace::kCounted | Keyspace::kUsed);
}
/// and for one that changes it, whose look isn't counted as a hit or a miss.
inline std::optional<FoundString> find_string_to_change(Call& call, std::string_view key) {
    return look_at_string(call, key, Keyspace::kUsed);
}

/// Null when the word is no integer: the error has been replied.
inline std::optional<int64_t> integer_argument(Call& call, std::string_view word,
                                               std::string_view error = errors::kNotInteger) {
    const auto value = parse_integer(word);
    if (!value) call.reply.error(error);
    return value;
}

/// False, with the error replied, when a string of `size` bytes may not grow by `more`.
inline bool may_grow(Call& call, uint64_t size, uint64_t more) {
    const auto most = static_cast<uint64_t>(call.max_string_bytes);
    if (more <= most && size <= most - more) return true;
    call.reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

}  // namespace torc
