#include "base/consistency.h"

#include <algorithm>

namespace torc {
namespace {

constexpr std::array<int, kConsistencyNames.size()> kStrength = {0, 2, 4, 1, 3};

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
    return named<Consistency>(kConsistencyNames, word);
}
std::optional<SiblingPolicy> sibling_policy_named(std::string_view word) {
    return named<SiblingPolicy>(kSiblingPolicyNames, word);
}

std::string_view name_of(Consistency level) {
    return kConsistencyNames[static_cast<size_t>(level)];
}
std::string_view name_of(SiblingPolicy policy) {
    return kSiblingPolicyNames[static_cast<size_t>(policy)];
}

Consistency stronger(Consistency a, Consistency b) {
    return kStrength[static_cast<size_t>(a)] >= kStrength[static_cast<size_t>(b)] ? a : b;
}

}  // namespace torc
