// redis.conf syntax: one directive a line, words split at blanks, "double quotes" with escapes
// (\n \r \t \b \a \xHH \\ \") and 'single quotes' with \' only; lines that begin with # are comments.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace torc {

/// One directive as somebody wrote it, and where.
struct ConfigLine {
    std::string source;  // the file's path; "" for the command line
    size_t number = 0;   // of the line, from 1
    std::string text;    // as written
    std::vector<std::string> words;
};

/// The words of a line; absent when quotes are unbalanced or stick to the next word.
std::optional<std::vector<std::string>> split_config_words(std::string_view line);

/// The word as a file has to show it: in quotes when it's empty or has blanks, quotes or odd bytes.
std::string quote_config_word(std::string_view word);

/// All directives of a file, with those of the files it includes (`include path`, globs allowed, relative to
/// the working directory) where they stand. Errors name file, line and text.
Result<std::vector<ConfigLine>> read_config_file(const std::string& path);

/// The same for text that comes from elsewhere; `source` is what errors name.
Result<std::vector<ConfigLine>> read_config_stream(std::istream& in, const std::string& source);

/// The same for `--name value ... --name value ...`: each word that begins with "--" begins a directive.
Result<std::vector<ConfigLine>> read_config_arguments(const std::vector<std::string>& arguments);

/// "torc.conf:12: 'maxmemory lots': " + problem
Error config_error(const ConfigLine& line, std::string_view problem);

}  // namespace torc
