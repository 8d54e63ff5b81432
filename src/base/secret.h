// Comparing secrets without telling by the time it takes how much of a guess was right.
#pragma once

#include <string_view>

namespace torc {

/// The time depends on the guess's length only.
inline bool secrets_equal(std::string_view secret, std::string_view guess) {
    unsigned char differ = secret.size() != guess.size() ? 1 : 0;
    for (size_t i = 0, s = 0; i < guess.size(); ++i) {
        const char expected = secret.empty() ? '\0' : secret[s];
        differ = static_cast<unsigned char>(differ | (expected ^ guess[i]));
        s = s + 1 < secret.size() ? s + 1 : 0;
    }
    return differ == 0;
}

}  // namespace torc
