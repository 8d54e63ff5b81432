// How many values that raced a key may keep, and whether GET shows one of them: by the directives, or by the
// policy of the key's prefix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/key_policy.h"

namespace torc {

struct SiblingRules {
    SiblingPolicy usual = SiblingPolicy::keep;
    size_t usual_most = SIZE_MAX;
    const KeyPolicies* by_key = nullptr;  // null: no prefix has a policy

    SiblingPolicy policy(std::string_view key) const {
        const KeyPolicy* special = by_key == nullptr ? nullptr : by_key->find(key);
        return special == nullptr ? usual : special->siblings.value_or(usual);
    }
    /// One under `lww`.
    size_t most(std::string_view key) const { return policy(key) == SiblingPolicy::lww ? 1 : usual_most; }
    /// Is there any key whose siblings GET doesn't hide?
    bool may_ask() const { return usual == SiblingPolicy::ask || by_key != nullptr; }
};

}  // namespace torc
