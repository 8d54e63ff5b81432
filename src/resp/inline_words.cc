#include "resp/inline_words.h"

#include <cctype>

namespace torc {
namespace {

bool is_space(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// A word ends at these; \v and \f only separate, they don't end.
bool ends_word(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char escaped(char c) {
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

// Copies what a quote at *from holds to `to` and moves both on; false when it isn't closed properly.
bool copy_quoted(const char*& from, const char* end, char*& to) {
    const char quote = *from++;
    while (from != end && *from != quote) {
        const size_t left = static_cast<size_t>(end - from);
        if (quote == '\'' && *from == '\\' && left > 1 && from[1] == '\'') {
            *to++ = '\'';
            from += 2;
        } else if (quote == '"' && *from == '\\' && left > 3 && from[1] == 'x' && hex_digit(from[2]) >= 0 &&
                   hex_digit(from[3]) >= 0) {
            *to++ = static_cast<char>(hex_digit(from[2]) * 16 + hex_digit(from[3]));
            from += 4;
        } else if (quote == '"' && *from == '\\' && left > 1) {
            *to++ = escaped(from[1]);
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    if (from == end) return false;
    ++from;
    return from == end || is_space(*from);
}

}  // namespace

bool split_inline_words(std::span<char> line, std::vector<std::string_view>& words) {
    const size_t before = words.size();
    const char* from = line.data();
    const char* const end = from + line.size();
    for (;;) {
        while (from != end && is_space(*from)) ++from;
        if (from == end) return true;
        char* const word = line.data() + (from - line.data());
        char* to = word;
        bool closed = false;  // a closing quote ends the word
        while (!closed && from != end && !ends_word(*from)) {
            if (*from == '"' || *from == '\'') {
                if (!copy_quoted(from, end, to)) {
                    words.resize(before);
                    return false;
                }
                closed = true;
            } else {
                *to++ = *from++;
            }
        }
        words.emplace_back(word, static_cast<size_t>(to - word));
    }
}

}  // namespace torc
