// The words of one command. args[0] is the command's name as the client wrote it. The views point into the
// session's input (or a transaction's copy) and live as long as the command runs.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace torc {

using Args = std::span<const std::string_view>;

/// ASCII only and inline: every command's name goes through here.
inline char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// ASCII case-insensitive equality, for names and option words.
inline bool word_is(std::string_view arg, std::string_view word) {
    if (arg.size() != word.size()) return false;
    for (size_t i = 0; i < arg.size(); ++i)
        if (lower_case(arg[i]) != lower_case(word[i])) return false;
    return true;
}

}  // namespace torc
