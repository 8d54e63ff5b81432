// DUMP and RESTORE: a value as bytes that another node, or redis-server, takes.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "base/config.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"
#include "resp/number.h"
#include "types/dump_payload.h"

namespace torc {
namespace {

void dump(Call& call) {
    const auto value = call.keys.find(call.args[1]);
    if (!value) return call.reply.null();
    if (value->type != ValueType::string)
        return call.reply.error("ERR DUMP of this type is not supported yet");
    const bool compress = call.node.config().text("rdbcompression") != "no";
    call.reply.bulk(dump_string(value->bytes, compress));
}

struct RestoreOptions {
    bool replace = false;
    bool absolute = false;
    std::optional<int64_t> idle_seconds;
    std::optional<int64_t> frequency;
};

/// Null when they are malformed: the error has been replied.
std::optional<RestoreOptions> restore_options(Call& call) {
    RestoreOptions options;
    const auto refuse = [&](std::string_view error) {
        call.reply.error(error);
        return std::nullopt;
    };
    for (size_t i = 4; i < call.args.size(); ++i) {
        const std::string_view word = call.args[i];
        const bool has_value = i + 1 < call.args.size();
        if (word_is(word, "replace")) {
            options.replace = true;
        } else if (word_is(word, "absttl")) {
            options.absolute = true;
        } else if (word_is(word, "idletime") && has_value && !options.frequency) {
            options.idle_seconds = parse_integer(call.args[++i]);
            if (!options.idle_seconds) return refuse(errors::kNotInteger);
            if (*options.idle_seconds < 0) return refuse("ERR Invalid IDLETIME value, must be >= 0");
        } else if (word_is(word, "freq") && has_value && !options.idle_seconds) {
            options.frequency = parse_integer(call.args[++i]);
            if (!options.frequency) return refuse(errors::kNotInteger);
            if (*options.frequency < 0 || *options.frequency > 255)
                return refuse("ERR Invalid FREQ value, must be >= 0 and <= 255");
        } else {
            return refuse(errors::kSyntax);
        }
    }
    return options;
}

void restore(Call& call) {
    const auto options = restore_options(call);
    if (!options) return;
    const std::string_view key = call.args[1];
    const bool exists = call.keys.peek(key).has_value();
    if (exists && !options->replace) return call.reply.error("BUSYKEY Target key name already exists.");
    const auto ttl = parse_integer(call.args[2]);
    if (!ttl) return call.reply.error(errors::kNotInteger);
    if (*ttl < 0) return call.reply.error("ERR Invalid TTL value, must be >= 0");
    const std::string_view payload = call.args[3];
    if (!payload_is_intact(payload))
        return call.reply.error("ERR DUMP payload version or checksum are wrong");
    const auto value = read_payload(payload);
    if (!value) return call.reply.error(fmt::format("ERR {}", value.error().message));
    const auto limit = static_cast<uint64_t>(call.node.config().live.max_entry_bytes.load());
    if (value->bytes.size() > limit) return call.reply.error("ERR entry is larger than max-entry-size");

    int64_t at_ms = kNoExpiry;
    if (*ttl != 0 && __builtin_add_overflow(*ttl, options->absolute ? 0 : call.now_ms, &at_ms))
        at_ms = std::numeric_limits<int64_t>::max();  // later than any clock: never
    // What has expired on its way here is as good as delivered.
    if (at_ms != kNoExpiry && at_ms <= call.now_ms) {
        call.keys.erase(key);
        return call.reply.ok();
    }
    call.keys.put(key, value->type, value->bytes, at_ms);
    if (options->idle_seconds) call.keys.set_idle_seconds(key, static_cast<uint64_t>(*options->idle_seconds));
    if (options->frequency) call.keys.set_frequency(key, static_cast<unsigned>(*options->frequency));
    call.reply.ok();
}

constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};
constexpr KeySpec kOverwrites[] = {{.flags = kKeyOW | kKeyUpdate}};

constexpr CommandSpec kCommands[] = {
    {"dump", 2, kReadonly, kCatKeyspace | kCatRead | kCatSlow, kReads, dump},
    {"restore", -4, kWrite | kDenyOom, kCatKeyspace | kCatWrite | kCatSlow | kCatDangerous, kOverwrites,
     restore},
};

}  // namespace

std::span<const CommandSpec> dump_restore_commands() {
    return kCommands;
}

}  // namespace torc
