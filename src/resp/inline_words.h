// Splits an inline request into words as Redis does: spaces separate; double quotes group and know \xHH \n \r
// \t \b \a and \c for any other byte; single quotes group and know \' only.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace torc {

/// Appends the words, views into `line`, whose escapes are resolved in place. False, with `words` as it was,
/// when a quote isn't closed or something but a space follows the closing one.
bool split_inline_words(std::span<char> line, std::vector<std::string_view>& words);

}  // namespace torc
