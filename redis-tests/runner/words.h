// Words of a case line: redis-cli's quoting, plus one form for large values.
//
//   plain            up to the next space
//   "a\r\n\x00\""    escapes \n \r \t \a \b \\ \" \xHH
//   'raw \n'         only \' is an escape
//   <1000*ab>        "ab" a thousand times (the part after * is plain text)
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace redis_tests {

std::expected<std::vector<std::string>, std::string> split_words(std::string_view line);

/// Printable text with escapes for everything else, without and with double quotes around it.
std::string escaped(std::string_view text);
std::string quoted(std::string_view text);

/// A word as it can stand in a case line: quoted only if it must be.
std::string as_word(std::string_view text);

/// A command as the RESP array of bulks that a client sends.
std::string encode_command(const std::vector<std::string>& words);

}  // namespace redis_tests
