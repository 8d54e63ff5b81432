// The words of one command. args[0] is the command's name as the client wrote it. The views point into the
// session's input (or a transaction's copy) and live as long as the command runs.
#pragma once

#include <cctype>
#include <span>
#include <string_view>

namespace torc {

using Args = std::span<const std::string_view>;

/// ASCII case-insensitive equality, for option words.
inline bool word_is(std::string_view arg, std::string_view word) {
    if (arg.size() != word.size()) return false;
    for (size_t i = 0; i < arg.size(); ++i)
        if (std::tolower(static_cast<unsigned char>(arg[i])) !=
            std::tolower(static_cast<unsigned char>(word[i])))
            return false;
    return true;
}

}  // namespace torc
