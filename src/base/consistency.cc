#include "base/consistency.h"

#include <algorithm>
#include <array>

namespace torc {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"one", "quorum", "all", "local_quorum", "each_quorum"};
constexpr std::array<int, 5> kStrength = {0, 2, 4, 1, 3};
constexpr std::array<std::string_view, 3> kPolicies = {"lww", "keep", "ask"};

bool same_word(std::string_view lower, std::string_view word) {
    return std::ranges::equal(lower, word, [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
    });
}

template <class Named, size_t kCount>
std::optional<Named> named(const std::array<std::string_view, kCount>& names, std::string_view word) {
    for (size_t i = 0; i < kCount; ++i)
        if (same_word(names[i], word)) return static_cast<Named>(i);
    return std::nullopt;
}

}  // namespace

std::optional<Consistency> consistency_named(std::string_view word) {
    return named<Consistency>(kLevels, word);
}
std::optional<SiblingPolicy> sibling_policy_named(std::string_view word) {
    return named<SiblingPolicy>(kPolicies, word);
}

std::string_view name_of(Consistency level) {
    return kLevels[static_cast<size_t>(level)];
}
std::string_view name_of(SiblingPolicy policy) {
    return kPolicies[static_cast<size_t>(policy)];
}

Consistency stronger(Consistency a, Consistency b) {
    return kStrength[static_cast<size_t>(a)] >= kStrength[static_cast<size_t>(b)] ? a : b;
}

}  // namespace torc
