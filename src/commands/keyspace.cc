// What a plain keyspace, one value for each key, says to the questions of a cluster.
#include "commands/keyspace.h"

namespace torc {

void Keyspace::add(std::string_view key, int64_t, std::string_view result, int64_t expire_at_ms) {
    put(key, ValueType::string, result, expire_at_ms);
}

void Keyspace::add_decimal(std::string_view key, long double, std::string_view result, int64_t expire_at_ms) {
    put(key, ValueType::string, result, expire_at_ms);
}

Siblings Keyspace::siblings(std::string_view key) {
    Siblings found{std::string(kEmptyContext), {}, kNoExpiry};
    if (const auto value = find(key)) {
        found.values.emplace_back(value->bytes);
        found.expire_at_ms = value->expire_at_ms;
    }
    return found;
}

bool Keyspace::put_resolved(std::string_view key, std::string_view token, std::string_view bytes,
                            int64_t expire_at_ms) {
    if (token != kEmptyContext) return false;
    put(key, ValueType::string, bytes, expire_at_ms);
    return true;
}

}  // namespace torc
