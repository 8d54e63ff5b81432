// LCS: the longest common subsequence of two strings, by the textbook table of prefix lengths. The length
// alone needs two of its rows; the text or the matching ranges need the whole of it, for the walk back.
#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "commands/families.h"
#include "commands/string_value.h"

namespace torc {
namespace {

// A table beyond this is refused as Redis does when it can't allocate it.
constexpr uint64_t kMaxTableBytes = 2ULL << 30;

struct LcsOptions {
    bool length = false;
    bool ranges = false;
    bool with_match_length = false;
    int64_t min_match_length = 0;
};

std::optional<LcsOptions> parse_options(Call& call) {
    LcsOptions options;
    for (size_t i = 3; i < call.args.size(); ++i) {
        const std::string_view word = call.args[i];
        if (word_is(word, "idx")) {
            options.ranges = true;
        } else if (word_is(word, "len")) {
            options.length = true;
        } else if (word_is(word, "withmatchlen")) {
            options.with_match_length = true;
        } else if (word_is(word, "minmatchlen") && i + 1 < call.args.size()) {
            const auto length = integer_argument(call, call.args[++i]);
            if (!length) return std::nullopt;
            options.min_match_length = *length;
        } else {
            call.reply.error(errors::kSyntax);
            return std::nullopt;
        }
    }
    if (options.ranges && options.length) {
        call.reply.error("ERR If you want both the length and indexes, please just use IDX.");
        return std::nullopt;
    }
    return options;
}

// Row i from row i-1: lengths for the first i bytes of a and every prefix of b.
void next_row(char of_a, std::string_view b, const uint32_t* above, uint32_t* row) {
    row[0] = 0;
    for (size_t j = 1; j <= b.size(); ++j)
        row[j] = of_a == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
}

uint32_t lcs_length(std::string_view a, std::string_view b) {
    std::vector<uint32_t> above(b.size() + 1, 0);
    std::vector<uint32_t> row(b.size() + 1, 0);
    for (const char c : a) {
        next_row(c, b, above.data(), row.data());
        above.swap(row);
    }
    return above[b.size()];
}

struct Match {
    size_t a, b, length;  // where it begins in each
};

struct Alignment {
    std::string text;
    std::vector<Match> matches;  // from the end to the start
};

Alignment walk_back(std::string_view a, std::string_view b, const uint32_t* table) {
    const size_t width = b.size() + 1;
    const auto at = [&](size_t i, size_t j) { return table[i * width + j]; };
    Alignment alignment;
    bool in_match = false;
    for (size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
        if (a[i - 1] == b[j - 1]) {
            --i, --j;
            alignment.text.push_back(a[i]);
            if (in_match) {
                Match& match = alignment.matches.back();
                match = {i, j, match.length + 1};
            } else {
                alignment.matches.push_back({i, j, 1});
            }
            in_match = true;
        } else {
            at(i - 1, j) > at(i, j - 1) ? --i : --j;
            in_match = false;
        }
    }
    std::reverse(alignment.text.begin(), alignment.text.end());
    return alignment;
}

void reply_range(Call& call, size_t begin, size_t length) {
    call.reply.array(2);
    call.reply.integer(static_cast<int64_t>(begin));
    call.reply.integer(static_cast<int64_t>(begin + length - 1));
}

void reply_ranges(Call& call, const LcsOptions& options, const Alignment& alignment) {
    call.reply.map(2);
    call.reply.bulk("matches");
    const size_t mark = call.reply.begin_deferred();
    size_t count = 0;
    for (const Match& match : alignment.matches) {
        if (static_cast<int64_t>(match.length) < options.min_match_length) continue;
        ++count;
        call.reply.array(options.with_match_length ? 3 : 2);
        reply_range(call, match.a, match.length);
        reply_range(call, match.b, match.length);
        if (options.with_match_length) call.reply.integer(static_cast<int64_t>(match.length));
    }
    call.reply.end_deferred_array(mark, count);
    call.reply.bulk("len");
    call.reply.integer(static_cast<int64_t>(alignment.text.size()));
}

void lcs(Call& call) {
    std::string_view texts[2];
    for (const size_t i : {0, 1}) {
        const auto value = call.keys.find(call.args[i + 1]);
        if (value && value->type != ValueType::string)
            return call.reply.error("ERR The specified keys must contain string values");
        if (value) texts[i] = value->bytes;
    }
    const auto options = parse_options(call);
    if (!options) return;
    const auto [a, b] = texts;
    if (options->length) return call.reply.integer(lcs_length(a, b));

    const uint64_t width = b.size() + 1;
    const uint64_t cells = (a.size() + 1) * width;  // both are at most 2^29 bytes
    std::unique_ptr<uint32_t[]> table;
    if (cells <= kMaxTableBytes / sizeof(uint32_t)) table.reset(new (std::nothrow) uint32_t[cells]);
    if (table == nullptr)
        return call.reply.error("ERR Insufficient memory, failed allocating transient memory for LCS");
    std::fill_n(table.get(), width, 0);
    for (size_t i = 1; i <= a.size(); ++i)
        next_row(a[i - 1], b, table.get() + (i - 1) * width, table.get() + i * width);
    const Alignment alignment = walk_back(a, b, table.get());
    options->ranges ? reply_ranges(call, *options, alignment) : call.reply.bulk(alignment.text);
}

constexpr KeySpec kBoth[] = {{.flags = kKeyRO | kKeyAccess, .last_key = 1}};

constexpr CommandSpec kCommands[] = {
    {"lcs", -3, kReadonly, kCatRead | kCatString | kCatSlow, kBoth, lcs},
};

}  // namespace

std::span<const CommandSpec> lcs_commands() {
    return kCommands;
}

}  // namespace torc
