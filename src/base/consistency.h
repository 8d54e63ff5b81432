// How many replicas a request waits for, and what becomes of values that raced. Numbers are those of the
// directives' table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace torc {

enum class Consistency : uint8_t { one = 0, quorum = 1, all = 2, local_quorum = 3, each_quorum = 4 };
enum class SiblingPolicy : uint8_t { lww = 0, keep = 1, ask = 2 };

/// Their words, by number.
inline constexpr std::array<std::string_view, 5> kConsistencyNames = {"one", "quorum", "all", "local_quorum",
                                                                      "each_quorum"};
inline constexpr std::array<std::string_view, 3> kSiblingPolicyNames = {"lww", "keep", "ask"};

/// By its word, as in the configuration; ASCII case-insensitive.
std::optional<Consistency> consistency_named(std::string_view word);
std::optional<SiblingPolicy> sibling_policy_named(std::string_view word);

std::string_view name_of(Consistency level);
std::string_view name_of(SiblingPolicy policy);

/// The one that asks more of the replicas: one < local_quorum < quorum < each_quorum < all.
Consistency stronger(Consistency a, Consistency b);

}  // namespace torc
