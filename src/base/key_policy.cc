#include "base/key_policy.h"

#include <fmt/format.h>

#include <algorithm>

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

template <class Field, class Value>
bool assign(Field& field, const std::optional<Value>& value) {
    if (value) field = *value;
    return value.has_value();
}

/// False: no such option, or no such value.
bool take_option(KeyPolicy& policy, std::string_view name, std::string_view value) {
    if (name == "read") return assign(policy.read, consistency_named(value));
    if (name == "write") return assign(policy.write, consistency_named(value));
    if (name == "siblings") return assign(policy.siblings, sibling_policy_named(value));
    if (name == "sloppy") return assign(policy.sloppy, yes_or_no(value));
    if (name == "strict") return assign(policy.strict, yes_or_no(value));
    int64_t bytes = 0;
    if (name != "max-entry" || !parse_memory(value, bytes) || bytes == 0) return false;
    policy.max_entry_bytes = bytes;
    return true;
}

bool is_option(std::string_view word) {
    for (const std::string_view name : {"read=", "write=", "siblings=", "sloppy=", "strict=", "max-entry="})
        if (word.starts_with(name)) return true;
    return false;
}

}  // namespace

Result<KeyPolicies> KeyPolicies::parse(std::span<const std::string> words) {
    KeyPolicies all;
    if (words.size() == 1 && words[0].empty()) return all;
    KeyPolicy* policy = nullptr;
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (is_option(word)) {
            const size_t equals = word.find('=');
            if (policy == nullptr) return invalid(fmt::format("'{}' needs a prefix before it", word));
            if (!take_option(*policy, word.substr(0, equals), word.substr(equals + 1)))
                return invalid(fmt::format("'{}' has no such value", word));
            continue;
        }
        if (word.empty()) return invalid("a prefix can't be empty");
        if (i + 1 == words.size() || !is_option(words[i + 1]))
            return invalid(
                fmt::format("'{}' is followed by none of read=, write=, sloppy=, strict=, siblings=, "
                            "max-entry=",
                            word));
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
        if (policy.read) say(fmt::format("read={}", name_of(*policy.read)));
        if (policy.write) say(fmt::format("write={}", name_of(*policy.write)));
        if (policy.sloppy) say(fmt::format("sloppy={}", *policy.sloppy ? "yes" : "no"));
        if (policy.siblings) say(fmt::format("siblings={}", name_of(*policy.siblings)));
        if (policy.max_entry_bytes) say(fmt::format("max-entry={}", *policy.max_entry_bytes));
        if (policy.strict) say(fmt::format("strict={}", *policy.strict ? "yes" : "no"));
    }
    return text;
}

}  // namespace torc
