// The names of types as TYPE and SCAN's TYPE option say them.
#pragma once

#include <string_view>

#include "base/types.h"

namespace torc {

constexpr std::string_view type_name(ValueType type) {
    switch (type) {
        case ValueType::string:
            return "string";
        case ValueType::list:
            return "list";
        case ValueType::set:
            return "set";
        case ValueType::zset:
            return "zset";
        case ValueType::hash:
            return "hash";
        case ValueType::stream:
            return "stream";
        case ValueType::cell:
            return "cell";
    }
    return "unknown";
}

}  // namespace torc
