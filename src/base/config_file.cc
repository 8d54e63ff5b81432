#include "base/config_file.h"

#include <fmt/format.h>
#include <glob.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace torc {
namespace {

constexpr int kMaxIncludeDepth = 16;

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const int lower = std::tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char unescaped(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'b':
            return '\b';
        case 'a':
            return '\a';
        default:
            return c;
    }
}

// Reads the quoted part that starts behind the quote at `at`; false when it doesn't end.
bool read_quoted(std::string_view line, size_t& at, std::string& word) {
    const char quote = line[at++];
    for (; at < line.size(); ++at) {
        const char c = line[at];
        if (c == quote) {
            ++at;
            return true;
        }
        const bool more = at + 1 < line.size();
        if (quote == '"' && c == '\\' && at + 3 < line.size() && line[at + 1] == 'x' &&
            hex_digit(line[at + 2]) >= 0 && hex_digit(line[at + 3]) >= 0) {
            word += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
            at += 3;
        } else if (quote == '"' && c == '\\' && more) {
            word += unescaped(line[++at]);
        } else if (quote == '\'' && c == '\\' && more && line[at + 1] == '\'') {
            word += line[++at];
        } else {
            word += c;
        }
    }
    return false;
}

Result<void> read_into(const std::string& path, int depth, std::vector<ConfigLine>& lines);

Result<void> include(const ConfigLine& line, int depth, std::vector<ConfigLine>& lines) {
    if (line.words.size() != 2) return fail(config_error(line, "include needs one path"));
    if (depth >= kMaxIncludeDepth)
        return fail(config_error(line, "files include each other too deeply; is there a circle?"));
    glob_t found{};
    const int outcome = ::glob(line.words[1].c_str(), 0, nullptr, &found);
    std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    const bool is_pattern = line.words[1].find_first_of("*?[") != std::string::npos;
    if (outcome != 0 && !is_pattern)
        return fail(config_error(line, "the included file can't be found; check the path"));
    for (const std::string& path : paths)
        if (auto read = read_into(path, depth + 1, lines); !read) return read;
    return {};
}

Result<void> read_lines(std::istream& in, const std::string& source, int depth,
                        std::vector<ConfigLine>& lines) {
    ConfigLine line{source, 0, {}, {}};
    while (std::getline(in, line.text)) {
        ++line.number;
        const size_t first = line.text.find_first_not_of(" \t\r\n");
        if (first == std::string::npos || line.text[first] == '#') continue;
        auto words = split_config_words(line.text);
        if (!words) return fail(config_error(line, "unbalanced quotes"));
        line.words = std::move(*words);
        if (line.words[0] == "include") {
            if (auto included = include(line, depth, lines); !included) return included;
        } else {
            lines.push_back(line);
        }
    }
    return {};
}

Result<void> read_into(const std::string& path, int depth, std::vector<ConfigLine>& lines) {
    std::ifstream file(path);
    std::stringstream bytes;
    if (file) bytes << file.rdbuf();
    if (!file || file.bad())
        return fail(ErrorKind::not_found,
                    fmt::format("can't read the configuration file '{}': {}", path, std::strerror(errno)));
    return read_lines(bytes, path, depth, lines);
}

}  // namespace

std::optional<std::vector<std::string>> split_config_words(std::string_view line) {
    std::vector<std::string> words;
    size_t at = 0;
    while (true) {
        while (at < line.size() && is_blank(line[at])) ++at;
        if (at == line.size()) return words;
        std::string& word = words.emplace_back();
        while (at < line.size() && !is_blank(line[at])) {
            if (line[at] == '"' || line[at] == '\'') {
                if (!read_quoted(line, at, word)) return std::nullopt;
                if (at < line.size() && !is_blank(line[at])) return std::nullopt;
            } else {
                word += line[at++];
            }
        }
    }
}

std::string quote_config_word(std::string_view word) {
    bool plain = !word.empty() && word[0] != '#';
    for (const char c : word)
        plain = plain && c != '"' && c != '\'' && c != '\\' && std::isgraph(static_cast<unsigned char>(c));
    if (plain) return std::string(word);
    std::string quoted = "\"";
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            quoted += {'\\', c};
        else if (c == '\n')
            quoted += "\\n";
        else if (std::isprint(byte) != 0)
            quoted += c;
        else
            quoted += fmt::format("\\x{:02x}", byte);
    }
    return quoted + '"';
}

Result<std::vector<ConfigLine>> read_config_file(const std::string& path) {
    std::vector<ConfigLine> lines;
    if (auto read = read_into(path, 0, lines); !read) return fail(read.error());
    return lines;
}

Result<std::vector<ConfigLine>> read_config_stream(std::istream& in, const std::string& source) {
    std::vector<ConfigLine> lines;
    if (auto read = read_lines(in, source, 0, lines); !read) return fail(read.error());
    return lines;
}

Result<std::vector<ConfigLine>> read_config_arguments(const std::vector<std::string>& arguments) {
    std::vector<ConfigLine> lines;
    for (const std::string& argument : arguments) {
        if (argument.starts_with("--")) {
            ConfigLine& line = lines.emplace_back();
            line.text = argument;
            line.words.push_back(argument.substr(2));
        } else if (lines.empty()) {
            return fail(ErrorKind::invalid,
                        fmt::format("command line: '{}': expected --name value", argument));
        } else {
            lines.back().text += ' ' + quote_config_word(argument);
            lines.back().words.push_back(argument);
        }
    }
    std::vector<ConfigLine> all;
    for (ConfigLine& line : lines) {
        if (line.words[0] == "include") {
            if (auto included = include(line, 0, all); !included) return fail(included.error());
        } else {
            all.push_back(std::move(line));
        }
    }
    return all;
}

Error config_error(const ConfigLine& line, std::string_view problem) {
    const std::string place =
        line.source.empty() ? "command line" : fmt::format("{}:{}", line.source, line.number);
    return Error{ErrorKind::invalid, fmt::format("{}: '{}': {}", place, line.text, problem)};
}

}  // namespace torc
