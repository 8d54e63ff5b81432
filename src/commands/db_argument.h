// Arguments that must be numbers in a smaller range than 64 bits, in the words clients know.
#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "commands/call.h"
#include "commands/errors.h"
#include "resp/number.h"

namespace torc {

/// Null when the word is no int; the error has been replied. `error`: said for everything that is wrong;
/// empty for the usual two.
inline std::optional<int> int_argument(Call& call, std::string_view word, std::string_view error = {}) {
    const auto value = parse_integer(word);
    if (value && *value >= std::numeric_limits<int>::min() && *value <= std::numeric_limits<int>::max())
        return static_cast<int>(*value);
    if (!error.empty())
        call.reply.error(error);
    else if (!value)
        call.reply.error(errors::kNotInteger);
    else
        call.reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    return std::nullopt;
}

/// The number of a database of this node.
inline std::optional<unsigned> db_argument(Call& call, std::string_view word) {
    const auto db = int_argument(call, word);
    if (!db) return std::nullopt;
    if (*db < 0 || static_cast<unsigned>(*db) >= call.keys.databases()) {
        call.reply.error(errors::kDbIndex);
        return std::nullopt;
    }
    return static_cast<unsigned>(*db);
}

}  // namespace torc
