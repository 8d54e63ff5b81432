#include "base/key_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/config_file.h"
#include "base/directive_value.h"

namespace torc {
namespace {

std::unexpected<Error> invalid(std::string text) {
    return fail(ErrorKind::invalid, std::move(text));
}

std::optional<bool> yes_or_no(std::string_view word) {
    if (word == "yes") return true;
    if (word == "no") return false;
    return std::nullopt;
}

std::optional<int64_t> entry_bytes(std::string_view word) {
    int64_t bytes = 0;
    if (!parse_memory(word, bytes) || bytes == 0) return std::nullopt;
    return bytes;
}

std::string word_of(Consistency level) {
    return std::string(name_of(level));
}
std::string word_of(SiblingPolicy policy) {
    return std::string(name_of(policy));
}
std::string word_of(bool value) {
    return value ? "yes" : "no";
}
std::string word_of(int64_t value) {
    return std::to_string(value);
}

struct Option {
    std::string_view name;
    bool (*take)(KeyPolicy&, std::string_view value);  // false: no such value
    std::string (*show)(const KeyPolicy&);             // empty: the policy doesn't say
};

/// The option that is this field, with values as kRead reads them.
template <auto kField, auto kRead>
constexpr Option option(std::string_view name) {
    return {name,
            [](KeyPolicy& policy, std::string_view word) {
                const auto value = kRead(word);
                if (value) policy.*kField = *value;
                return value.has_value();
            },
            [](const KeyPolicy& policy) {
                const auto& value = policy.*kField;
                return value ? word_of(*value) : std::string();
            }};
}

constexpr Option kOptions[] = {
    option<&KeyPolicy::read, consistency_named>("read="),
    option<&KeyPolicy::write, consistency_named>("write="),
    option<&KeyPolicy::sloppy, yes_or_no>("sloppy="),
    option<&KeyPolicy::strict, yes_or_no>("strict="),
    option<&KeyPolicy::siblings, sibling_policy_named>("siblings="),
    option<&KeyPolicy::max_entry_bytes, entry_bytes>("max-entry="),
};

/// Null: the word is none.
const Option* option_of(std::string_view word) {
    const auto at =
        std::ranges::find_if(kOptions, [word](const Option& each) { return word.starts_with(each.name); });
    return at == std::end(kOptions) ? nullptr : at;
}

std::string option_names() {
    std::string names;
    for (const Option& each : kOptions) {
        if (!names.empty()) names += ", ";
        names += each.name;
    }
    return names;
}

}  // namespace

Result<KeyPolicies> KeyPolicies::parse(std::span<const std::string> words) {
    KeyPolicies all;
    if (words.size() == 1 && words[0].empty()) return all;
    KeyPolicy* policy = nullptr;
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (const Option* const named = option_of(word)) {
            if (policy == nullptr) return invalid(fmt::format("'{}' needs a prefix before it", word));
            if (!named->take(*policy, std::string_view(word).substr(named->name.size())))
                return invalid(fmt::format("'{}' has no such value", word));
            continue;
        }
        if (word.empty()) return invalid("a prefix can't be empty");
        if (i + 1 == words.size() || option_of(words[i + 1]) == nullptr)
            return invalid(fmt::format("'{}' is followed by none of {}", word, option_names()));
        const auto known = std::ranges::find(all.policies_, word, &KeyPolicy::prefix);
        if (known == all.policies_.end()) {
            if (all.policies_.size() == kMost) return invalid(fmt::format("more than {} prefixes", kMost));
            all.policies_.emplace_back().prefix = word;
            policy = &all.policies_.back();
        } else {
            policy = &*known;
        }
    }
    std::ranges::sort(all.policies_, [](const KeyPolicy& a, const KeyPolicy& b) {
        return a.prefix.size() != b.prefix.size() ? a.prefix.size() > b.prefix.size() : a.prefix < b.prefix;
    });
    return all;
}

const KeyPolicy* KeyPolicies::find(std::string_view key) const {
    for (const KeyPolicy& policy : policies_)
        if (key.starts_with(policy.prefix)) return &policy;
    return nullptr;
}

std::string KeyPolicies::text() const {
    std::string text;
    const auto say = [&text](std::string_view word) {
        if (!text.empty()) text += ' ';
        text += word;
    };
    for (const KeyPolicy& policy : policies_) {
        say(quote_config_word(policy.prefix));
        for (const Option& each : kOptions)
            if (const std::string value = each.show(policy); !value.empty())
                say(std::string(each.name) + value);
    }
    return text;
}

}  // namespace torc
