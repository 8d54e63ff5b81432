// Redis' glob patterns: `*` any run of bytes, `?` any byte, `[a-z]` `[^a-z]` one byte of a class, `\x` the
// byte x itself. Case folding is ASCII. Takes no stack and at most |pattern| x |text| steps, whatever the
// pattern: only the last `*` is ever tried again.
#pragma once

#include <string_view>

namespace torc {

bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case = false);

/// True when the pattern has no special character, so that it matches only itself.
bool glob_is_literal(std::string_view pattern);

}  // namespace torc
