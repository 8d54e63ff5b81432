// How many replicas a request waits for. Numbers are those of the directives' table.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace torc {

enum class Consistency : uint8_t { one = 0, quorum = 1, all = 2, local_quorum = 3, each_quorum = 4 };
enum class SiblingPolicy : uint8_t { lww = 0, keep = 1, ask = 2 };

/// By its word, as in the configuration; ASCII case-insensitive.
std::optional<Consistency> consistency_named(std::string_view word);

}  // namespace torc
