// Turns the words that somebody wrote for a directive into its value. Pure functions; the errors are in the
// words of Redis 7, without the prefix that CONFIG SET gives them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/directive.h"
#include "base/result.h"

namespace torc {

/// The value that `words` give the directive whose value was `current`. `again`: the directive stood in this
/// source before, so that the kinds whose lines add up (save) keep what is there.
Result<std::string> accept_value(const Directive& directive, std::span<const std::string> words,
                                 std::string_view current, bool again);

/// Does CONFIG SET split the value into words at spaces?
bool takes_many_words(const Directive& directive);

/// Stores a canonical value where the running node looks.
void publish_value(const Directive& directive, std::string_view canonical, LiveSettings& live);

/// Bytes: digits and an optional unit, b k kb m mb g gb. False when the text is something else.
bool parse_memory(std::string_view text, int64_t& bytes);

}  // namespace torc
