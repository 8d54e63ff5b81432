// A waiting time in milliseconds, as WAIT and CLIENT PAUSE take it.
#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "commands/call.h"
#include "resp/number.h"

namespace torc {

/// When it ends (wall clock); 0 for "never". Null when the word makes no sense: the error has been replied.
inline std::optional<int64_t> deadline_argument(Call& call, std::string_view word) {
    const auto timeout = parse_integer(word);
    if (!timeout)
        call.reply.error("ERR timeout is not an integer or out of range");
    else if (*timeout < 0)
        call.reply.error("ERR timeout is negative");
    else if (*timeout > std::numeric_limits<int64_t>::max() - call.now_ms)
        call.reply.error("ERR timeout is out of range");
    else
        return *timeout == 0 ? 0 : *timeout + call.now_ms;
    return std::nullopt;
}

}  // namespace torc
