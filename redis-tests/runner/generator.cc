#include "generator.h"

#include <iterator>
#include <span>

#include "words.h"

namespace redis_tests {

namespace {

using Words = std::span<const std::string_view>;

// A capital letter that stands alone is drawn from its pool; everything else stands for itself.
constexpr std::string_view kForms[] = {
    "GET K",
    "GET K",
    "SET K V",
    "SET K V",
    "SET K V",
    "SET K I",
    "SET K V O",
    "SET K V O O",
    "SET K V O O O",
    "SETNX K V",
    "SETEX K R V",
    "PSETEX K R V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K",
    "GETEX K G",
    "GETEX K G G",
    "APPEND K V",
    "STRLEN K",
    "MGET K K K",
    "MSET K V K V",
    "MSETNX K V K V",
    "GETRANGE K I I",
    "SUBSTR K I I",
    "SETRANGE K P V",
    "INCR K",
    "DECR K",
    "INCRBY K I",
    "DECRBY K I",
    "INCRBYFLOAT K F",
    "LCS K K",
    "LCS K K LEN",
    "LCS K K IDX",
    "LCS K K IDX WITHMATCHLEN MINMATCHLEN I",
    "SETBIT K P B",
    "GETBIT K P",
    "BITCOUNT K",
    "BITCOUNT K I I",
    "BITCOUNT K I I U",
    "BITPOS K B",
    "BITPOS K B I",
    "BITPOS K B I I",
    "BITPOS K B I I U",
    "BITOP A K K",
    "BITOP A K K K",
    "BITFIELD K GET W P",
    "BITFIELD K SET W P I",
    "BITFIELD K INCRBY W P I",
    "BITFIELD K OVERFLOW X INCRBY W P I GET W P",
    "BITFIELD K SET W Q I OVERFLOW X INCRBY W Q I",
    "BITFIELD_RO K GET W P",
    "DEL K",
    "DEL K K",
    "UNLINK K K",
    "EXISTS K K",
    "TOUCH K K",
    "TYPE K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K",
    "COPY K K REPLACE",
    "COPY K K DB D",
    "COPY K K DB D REPLACE",
    "MOVE K D",
    "EXPIRE K R",
    "PEXPIRE K R",
    "EXPIREAT K T",
    "PEXPIREAT K M",
    "EXPIREAT K T C",
    "PEXPIREAT K M C",
    "PEXPIREAT K M C C",
    "PERSIST K",
    "EXPIRETIME Z",
    "PEXPIRETIME Z",
    "OBJECT REFCOUNT Y",
    "SELECT D",
    "ECHO V",
    "PING",
    "PING V",
};
// They need other comparisons, or change what the lines after them mean.
constexpr std::string_view kPlainForms[] = {
    "[unordered] KEYS *", "[unordered] KEYS J", "% transfer K", "% scan",
    "% scan COUNT 3"};
constexpr std::string_view kTimeForms[] = {"[number~3] TTL K", "[number~3000] PTTL K",
                                           "[number~3] EXPIRETIME K", "[number~3000] PEXPIRETIME K"};

constexpr std::string_view kKeys[] = {"a", "b", "c", "{a}1", "{a}2", "k\x01", "", "long"};
constexpr std::string_view kMissingKeys[] = {"never", "nothing"};
constexpr std::string_view kPatterns[] = {"a*", "?", "[a-b]", "[^a]*", "\\{a}*",
                                          "*1", "",  "[",     "\\",    "**a**"};
constexpr std::string_view kValues[] = {"",
                                        "0",
                                        "1",
                                        "-1",
                                        "10",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "9223372036854775808",
                                        "3.0",
                                        "1e3",
                                        " 1",
                                        "01",
                                        "+1",
                                        "-0",
                                        "nan",
                                        "inf",
                                        "abc",
                                        "ohmytext",
                                        "mynewtext",
                                        "a value of forty-four bytes is still short ..",
                                        "a value of more than forty-four bytes is not embedded",
                                        std::string_view("\xff\x00\x80\x01", 4),
                                        "\r\n",
                                        "foobar"};
constexpr std::string_view kIntegers[] = {"0",
                                          "1",
                                          "-1",
                                          "2",
                                          "-2",
                                          "5",
                                          "-5",
                                          "100",
                                          "-100",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "9223372036854775808",
                                          "x",
                                          "",
                                          "1.5",
                                          " 1",
                                          "2147483648",
                                          "-9223372036854775807"};
// Nothing between the largest small position and the first that is refused: it would allocate 512 MB.
constexpr std::string_view kPositions[] = {
    "0", "1",  "2", "7", "8", "9", "31", "63", "100", "1000", "-1", "4294967296", "9223372036854775807",
    "x", "#0", "#1"};
constexpr std::string_view kFieldPositions[] = {"#0", "#1", "0", "3", "60", "#-1", "#x"};
constexpr std::string_view kFloats[] = {"0",     "1.5",    "-1.5",
                                        "3.0e3", "5e-1",   "0.1",
                                        "1e308", "-1e308", "nan",
                                        "inf",   "-inf",   "x",
                                        "",      "1e-10",  "123456789.123456789",
                                        "0x10",  " 1",     "17179869184.000001"};
constexpr std::string_view kBits[] = {"0", "1", "0", "1", "2", "-1", "x"};
constexpr std::string_view kUnits[] = {"BYTE", "BIT", "byte", "bit", "WORD"};
constexpr std::string_view kBitops[] = {"AND", "OR", "XOR", "NOT", "and", "NAND"};
constexpr std::string_view kTypes[] = {"u8",  "i8", "u1",  "i1",  "u63", "i64",
                                       "u16", "i5", "u64", "i65", "u0",  "x8"};
constexpr std::string_view kOverflows[] = {"WRAP", "SAT", "FAIL", "sat", "NONE"};
constexpr std::string_view kDatabases[] = {"0", "0", "1", "15", "16", "-1", "x"};
constexpr std::string_view kSetOptions[] = {"NX",
                                            "XX",
                                            "GET",
                                            "KEEPTTL",
                                            "EX 1000",
                                            "PX 1000000",
                                            "EXAT 99999999999",
                                            "PXAT 99999999999999",
                                            "EX 0",
                                            "PX -1",
                                            "EX x",
                                            "EXAT 1",
                                            "PXAT 1",
                                            "nx",
                                            "EX",
                                            "EX 9223372036854775807",
                                            "BAD"};
constexpr std::string_view kGetexOptions[] = {
    "PERSIST", "EX 1000", "PX 1000000", "EXAT 99999999999", "PXAT 99999999999999",
    "EX 0",    "PXAT 1",  "EXAT 1",     "KEEPTTL",          "persist",
    "EX",      "PX x"};
constexpr std::string_view kRelative[] = {"1000", "100000", "0", "-1", "x", "9223372036854775807", "1000000"};
constexpr std::string_view kSeconds[] = {"99999999999", "99999999998",         "1", "0",
                                         "-1",          "9223372036854775807", "x"};
constexpr std::string_view kMilliseconds[] = {
    "99999999999999", "99999999999998", "1", "0", "-1", "9223372036854775807", "x"};
constexpr std::string_view kConditions[] = {"NX", "XX", "GT", "LT", "gt", "BAD"};

Words pool(char letter) {
    switch (letter) {
        case 'K':
            return kKeys;
        case 'Y':
        case 'Z':
            return kMissingKeys;
        case 'J':
            return kPatterns;
        case 'V':
            return kValues;
        case 'I':
            return kIntegers;
        case 'P':
            return kPositions;
        case 'Q':
            return kFieldPositions;
        case 'F':
            return kFloats;
        case 'B':
            return kBits;
        case 'U':
            return kUnits;
        case 'A':
            return kBitops;
        case 'W':
            return kTypes;
        case 'X':
            return kOverflows;
        case 'D':
            return kDatabases;
        case 'O':
            return kSetOptions;
        case 'G':
            return kGetexOptions;
        case 'R':
            return kRelative;
        case 'T':
            return kSeconds;
        case 'M':
            return kMilliseconds;
        case 'C':
            return kConditions;
        default:
            return {};
    }
}

std::vector<std::string> pieces(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        out.emplace_back(word);
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

}  // namespace

size_t Generator::below(size_t bound) {
    return static_cast<size_t>(random_() % bound);
}

std::string Generator::argument(char letter) {
    const Words words = pool(letter);
    const std::string_view word = words[below(words.size())];
    const bool options = letter == 'O' || letter == 'G';
    return options ? std::string(word) : as_word(word);
}

std::vector<std::string> Generator::filled(std::string_view form) {
    std::vector<std::string> words = pieces(form);
    for (std::string& word : words)
        if (word.size() == 1 && !pool(word[0]).empty()) word = argument(word[0]);
    return words;
}

/// A wrong arity, mostly.
void Generator::spoil(std::vector<std::string>& words) {
    switch (below(3)) {
        case 0:
            if (words.size() > 1) words.pop_back();
            break;
        case 1:
            words.push_back(argument('I'));
            break;
        default:
            words.push_back(words.back());
    }
}

std::vector<std::string> Generator::sequence(size_t commands) {
    std::vector<std::string> lines;
    bool in_multi[2] = {false, false};
    for (size_t i = 0; i < commands; ++i) {
        const size_t connection = chance(4) ? 1 : 0;
        bool& multi = in_multi[connection];
        const std::string prefix = connection == 1 ? "@2 " : "";
        const size_t kind = below(100);
        if (kind < 4) {
            lines.push_back(prefix + (multi ? "EXEC" : "MULTI"));
            multi = !multi;
        } else if (kind < 6) {
            const bool end = multi && chance(2);
            if (end) multi = false;
            lines.push_back(prefix + (end ? "DISCARD" : joined(filled("WATCH K"))));
        } else if (kind < 7) {
            lines.push_back(prefix + (chance(2) ? "UNWATCH" : joined(filled("SWAPDB D D"))));
        } else if (kind < 9) {
            lines.push_back(prefix + (chance(8) ? "FLUSHALL" : "FLUSHDB"));
        } else if (kind < 18 && !multi) {
            const bool time = chance(2);
            const std::string_view form =
                time ? kTimeForms[below(std::size(kTimeForms))] : kPlainForms[below(std::size(kPlainForms))];
            lines.push_back(prefix + joined(filled(form)));
        } else {
            std::vector<std::string> words = filled(kForms[below(std::size(kForms))]);
            if (chance(30)) spoil(words);
            lines.push_back(prefix + joined(words));
        }
    }
    // What the sequence left behind is part of the comparison.
    for (size_t connection = 0; connection < 2; ++connection)
        if (in_multi[connection]) lines.push_back(connection == 1 ? "@2 EXEC" : "EXEC");
    lines.push_back("@3 % scan");
    return lines;
}

}  // namespace redis_tests
