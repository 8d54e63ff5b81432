#include "base/glob.h"

#include <cctype>
#include <cstddef>
#include <utility>

namespace torc {
namespace {

unsigned char fold(char c, bool ignore_case) {
    const auto byte = static_cast<unsigned char>(c);
    return ignore_case ? static_cast<unsigned char>(std::tolower(byte)) : byte;
}

// Matches `c` against the class that opens at pattern[at] and moves `at` behind it. A class that isn't closed
// ends with the pattern; its last byte may then be a lone backslash, which stands for itself.
bool class_matches(std::string_view pattern, size_t& at, char c, bool ignore_case) {
    const unsigned char wanted = fold(c, ignore_case);
    ++at;
    const bool negated = at < pattern.size() && pattern[at] == '^';
    if (negated) ++at;
    bool found = false;
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '\\' && at + 1 < pattern.size()) {
            found |= fold(pattern[at + 1], ignore_case) == wanted;
            at += 2;
        } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
            char low = pattern[at];
            char high = pattern[at + 2];
            if (static_cast<unsigned char>(low) > static_cast<unsigned char>(high)) std::swap(low, high);
            found |= fold(low, ignore_case) <= wanted && wanted <= fold(high, ignore_case);
            at += 3;
        } else {
            found |= fold(pattern[at], ignore_case) == wanted;
            ++at;
        }
    }
    if (at < pattern.size()) ++at;
    return found != negated;
}

// Matches one byte against the item at pattern[at], which is no star, and moves `at` behind it.
bool item_matches(std::string_view pattern, size_t& at, char c, bool ignore_case) {
    switch (pattern[at]) {
        case '?':
            ++at;
            return true;
        case '[':
            return class_matches(pattern, at, c, ignore_case);
        case '\\':
            if (at + 1 < pattern.size()) ++at;
            [[fallthrough]];
        default:
            return fold(pattern[at++], ignore_case) == fold(c, ignore_case);
    }
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case) {
    size_t p = 0;
    size_t t = 0;
    size_t star = std::string_view::npos;  // pattern position behind the last star
    size_t star_text = 0;                  // where the text that this star doesn't take begins
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            if (p == pattern.size()) return true;
            continue;
        }
        if (p < pattern.size() && item_matches(pattern, p, text[t], ignore_case)) {
            ++t;
            continue;
        }
        // What an earlier star took can stay: if the items since then fit at all, they fit as early as this.
        if (star == std::string_view::npos) return false;
        p = star;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool glob_is_literal(std::string_view pattern) {
    return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

}  // namespace torc
