// Commands that walk a database: SCAN in steps, KEYS at once, RANDOMKEY by chance.
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/buffer.h"
#include "base/glob.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/type_name.h"
#include "resp/number.h"

namespace torc {
namespace {

/// As strtoul reads it, signs and all, but for leading space: what Redis takes for a cursor.
std::optional<uint64_t> parse_cursor(std::string_view word) {
    const std::string text(word);
    if (!text.empty() && std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
    char* end = nullptr;
    errno = 0;
    const uint64_t cursor = std::strtoull(text.c_str(), &end, 10);
    if (end != text.data() + text.size() || errno == ERANGE) return std::nullopt;
    return cursor;
}

struct ScanOptions {
    int64_t count = 10;
    std::string_view pattern = "*";
    std::string_view type;
    bool by_type = false;

    bool admits(std::string_view key, ValueType key_type) const {
        return (pattern == "*" || glob_matches(pattern, key)) &&
               (!by_type || word_is(type_name(key_type), type));
    }
};

/// Null when they are malformed: the error has been replied.
std::optional<ScanOptions> scan_options(Call& call) {
    ScanOptions options;
    for (size_t i = 2; i < call.args.size(); i += 2) {
        const std::string_view word = call.args[i];
        const bool has_value = i + 1 < call.args.size();
        if (has_value && word_is(word, "count")) {
            const auto count = parse_integer(call.args[i + 1]);
            if (!count) {
                call.reply.error(errors::kNotInteger);
                return std::nullopt;
            }
            if (*count < 1) {
                call.reply.error(errors::kSyntax);
                return std::nullopt;
            }
            options.count = *count;
        } else if (has_value && word_is(word, "match")) {
            options.pattern = call.args[i + 1];
        } else if (has_value && word_is(word, "type")) {
            // An unknown type is no error but matches nothing.
            options.type = call.args[i + 1];
            options.by_type = true;
        } else {
            call.reply.error(errors::kSyntax);
            return std::nullopt;
        }
    }
    return options;
}

void scan(Call& call) {
    const auto start = parse_cursor(call.args[1]);
    if (!start) return call.reply.error("ERR invalid cursor");
    const auto options = scan_options(call);
    if (!options) return;

    // The keys come before the cursor is known, but the cursor is first in the reply.
    Buffer found;
    ReplyWriter keys(found, call.reply.protocol());
    size_t visited = 0;
    size_t admitted = 0;
    uint64_t cursor = *start;
    // Nearly empty tables end the walk by steps, not by keys.
    const auto wanted = static_cast<uint64_t>(options->count);
    uint64_t steps_left = wanted > UINT64_MAX / 10 ? UINT64_MAX : wanted * 10;
    uint64_t before = 0;
    do {
        before = cursor;
        cursor = call.keys.scan(before, [&](std::string_view key, ValueType type) {
            ++visited;
            if (!options->admits(key, type)) return;
            ++admitted;
            keys.bulk(key);
        });
    } while (cursor != 0 && cursor != before && visited < wanted && --steps_left != 0);
    if (call.keys.unfinished()) return;

    char digits[kMaxIntegerChars + 1];
    const auto end = std::to_chars(digits, digits + sizeof digits, cursor).ptr;
    call.reply.array(2);
    call.reply.bulk({digits, static_cast<size_t>(end - digits)});
    call.reply.array(admitted);
    call.reply.raw(found.view());
}

void keys(Call& call) {
    const std::string_view pattern = call.args[1];
    const bool all = pattern == "*";
    const size_t mark = call.reply.begin_deferred();
    size_t count = 0;
    uint64_t cursor = 0;
    do {
        cursor = call.keys.scan(cursor, [&](std::string_view key, ValueType) {
            if (!all && !glob_matches(pattern, key)) return;
            ++count;
            call.reply.bulk(key);
        });
    } while (cursor != 0);
    call.reply.end_deferred_array(mark, count);
}

void randomkey(Call& call) {
    const auto key = call.keys.random_key();
    if (key)
        call.reply.bulk(*key);
    else
        call.reply.null();
}

constexpr uint64_t kReadSlow = kCatKeyspace | kCatRead | kCatSlow;

constexpr CommandSpec kCommands[] = {
    {"keys", 2, kReadonly | kLocksAll, kReadSlow | kCatDangerous, {}, keys},
    {"randomkey", 1, kReadonly | kLocksRandom, kReadSlow, {}, randomkey},
    {"scan", -2, kReadonly | kLocksScan, kReadSlow, {}, scan},
};

}  // namespace

std::span<const CommandSpec> scan_commands() {
    return kCommands;
}

}  // namespace torc
