// A name with its value: one entry of a map that is being replied.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "resp/reply.h"

namespace torc {

inline void reply_field(ReplyWriter& reply, std::string_view name, std::string_view value) {
    reply.bulk(name);
    reply.bulk(value);
}

inline void reply_field(ReplyWriter& reply, std::string_view name, std::integral auto value) {
    reply.bulk(name);
    reply.integer(static_cast<int64_t>(value));
}

}  // namespace torc
