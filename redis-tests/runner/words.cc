#include "words.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace redis_tests {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Reads one escape; `at` stands on the backslash and ends behind the escape.
std::optional<char> read_escape(std::string_view line, size_t& at) {
    if (at + 1 >= line.size()) return std::nullopt;
    const char code = line[at + 1];
    if (code == 'x') {
        if (at + 3 >= line.size()) return std::nullopt;
        const int high = hex_digit(line[at + 2]), low = hex_digit(line[at + 3]);
        if (high < 0 || low < 0) return std::nullopt;
        at += 4;
        return static_cast<char>(high * 16 + low);
    }
    at += 2;
    switch (code) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case '\\':
        case '"':
            return code;
        default:
            return std::nullopt;
    }
}

std::optional<std::string> repeated(std::string_view word) {
    const size_t star = word.find('*');
    if (word.size() < 4 || word.front() != '<' || word.back() != '>' || star == std::string_view::npos)
        return std::nullopt;
    size_t count = 0;
    auto [end, error] = std::from_chars(word.data() + 1, word.data() + star, count);
    if (error != std::errc() || end != word.data() + star) return std::nullopt;
    const std::string_view unit = word.substr(star + 1, word.size() - star - 2);
    std::string out;
    out.reserve(count * unit.size());
    for (size_t i = 0; i < count; ++i) out += unit;
    return out;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> split_words(std::string_view line) {
    std::vector<std::string> words;
    size_t at = 0;
    while (true) {
        while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
        if (at == line.size()) return words;
        if (line[at] != '"' && line[at] != '\'') {
            const size_t end = std::min(line.find_first_of(" \t", at), line.size());
            const std::string_view word = line.substr(at, end - at);
            words.push_back(repeated(word).value_or(std::string(word)));
            at = end;
            continue;
        }
        const char quote = line[at++];
        std::string word;
        while (at < line.size() && line[at] != quote) {
            if (line[at] != '\\' || (quote == '\'' && line.substr(at, 2) != "\\'")) {
                word += line[at++];
            } else if (quote == '\'') {
                word += '\'';
                at += 2;
            } else if (auto c = read_escape(line, at)) {
                word += *c;
            } else {
                return std::unexpected("unknown escape in a quoted word");
            }
        }
        if (at == line.size()) return std::unexpected("a quote is not closed");
        if (++at < line.size() && line[at] != ' ' && line[at] != '\t')
            return std::unexpected("a closing quote must be followed by a space");
        words.push_back(std::move(word));
    }
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const unsigned char c : text) {
        switch (c) {
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '"':
                out += "\\\"";
                break;
            default:
                if (c >= 0x20 && c < 0x7f)
                    out += static_cast<char>(c);
                else
                    out += fmt::format("\\x{:02x}", c);
        }
    }
    return out;
}

std::string quoted(std::string_view text) {
    return '"' + escaped(text) + '"';
}

std::string as_word(std::string_view text) {
    const bool plain = !text.empty() && text.find_first_of("<'@[#%") != 0 && escaped(text) == text &&
                       text.find(' ') == text.npos;
    return plain ? std::string(text) : quoted(text);
}

std::string encode_command(const std::vector<std::string>& words) {
    std::string out = fmt::format("*{}\r\n", words.size());
    for (const std::string& word : words) {
        out += fmt::format("${}\r\n", word.size());
        out += word;
        out += "\r\n";
    }
    return out;
}

}  // namespace redis_tests
