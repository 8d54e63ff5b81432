// DEBUG: tools for tests of clients and of Torc itself; off unless enable-debug-command allows them. Runs
// with every shard locked, so that SLEEP freezes the data for all clients, as it does in Redis.
#include <chrono>
#include <deque>
#include <thread>

#include "base/config.h"
#include "base/log.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"
#include "commands/persistence.h"
#include "commands/string_encoding.h"
#include "commands/type_name.h"
#include "resp/number.h"
#include "types/dump_payload.h"

namespace torc {
namespace {

void sleep(Call& call) {
    const double seconds = parse_double(call.args[2]).value_or(0);
    if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    call.reply.ok();
}

void object(Call& call) {
    const auto value = call.keys.peek(call.args[2]);
    if (!value) return call.reply.error(errors::kNoSuchKey);
    const std::string_view encoding =
        value->type == ValueType::string ? string_encoding(value->bytes) : type_name(value->type);
    const uint64_t idle = call.keys.idle_seconds(call.args[2]);
    const int64_t used_at = call.now_ms / 1000 - static_cast<int64_t>(idle);
    // As RDB keeps it: what DUMP gives, without the byte for the type and the footer.
    const size_t serialized =
        dump_string(value->bytes, call.node.config().text("rdbcompression") != "no").size() -
        dump_of_nothing().size() - 1;
    call.reply.simple(
        fmt::format("Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
                    fmt::ptr(value->bytes.data()), encoding, serialized, used_at & 0xffffff, idle));
}

// The log is the data: once it's on disk, loading it again would give what is in memory.
void reload(Call& call) {
    if (call.client.in_multi) return call.reply.ok();  // nothing may wait there
    call.client.block = {.kind = Block::Kind::synced,
                         .lsn = call.node.persistence().last_lsn(),
                         .finish = [](Call& later, bool) { later.reply.ok(); }};
}

void error(Call& call) {
    call.reply.error(call.args[2]);
}

void log(Call& call) {
    log_warning("DEBUG LOG: {}", call.args[2]);
    call.reply.ok();
}

void set_active_expire(Call& call) {
    call.node.set_active_expire(call.args[2] != "0");
    call.reply.ok();
}

// POPULATE <count> [<prefix>] [<size>]: keys prefix:0 ... that aren't there yet; values grow to `size` with
// zero bytes.
void populate(Call& call) {
    if (call.args.size() > 5) return call.reply.error(errors::kSyntax);
    const auto count = parse_integer(call.args[2]);
    const auto size = call.args.size() == 5 ? parse_integer(call.args[4]) : 0;
    if (!count || *count < 0 || !size || *size < 0 || *size > (512 << 20))
        return call.reply.error("ERR value is out of range, must be positive");
    const std::string_view prefix = call.args.size() > 3 ? call.args[3] : "key";
    // A keyspace may know a key by its view for as long as the command runs: each name keeps its own bytes.
    std::deque<std::string> names;
    for (int64_t i = 0; i < *count; ++i) {
        const std::string& key = names.emplace_back(fmt::format("{}:{}", prefix, i));
        if (call.keys.peek(key)) continue;
        std::string value = fmt::format("value:{}", i);
        if (*size != 0) value.resize(static_cast<size_t>(*size));
        call.keys.put(key, ValueType::string, value, kNoExpiry);
    }
    call.reply.ok();
}

struct ProtocolSample {
    std::string_view name;
    void (*write)(ReplyWriter&);
};

// One reply of each kind, for authors of clients.
constexpr ProtocolSample kSamples[] = {
    {"string", [](ReplyWriter& reply) { reply.bulk("Hello World"); }},
    {"integer", [](ReplyWriter& reply) { reply.integer(12345); }},
    {"double", [](ReplyWriter& reply) { reply.double_(3.141); }},
    {"null", [](ReplyWriter& reply) { reply.null(); }},
    {"array",
     [](ReplyWriter& reply) {
         reply.array(3);
         for (int i = 0; i < 3; ++i) reply.integer(i);
     }},
    {"set",
     [](ReplyWriter& reply) {
         reply.set(3);
         for (int i = 0; i < 3; ++i) reply.integer(i);
     }},
    {"map",
     [](ReplyWriter& reply) {
         reply.map(3);
         for (int i = 0; i < 3; ++i) {
             reply.integer(i);
             reply.boolean(i == 1);
         }
     }},
    {"attrib",
     [](ReplyWriter& reply) {
         if (reply.resp3()) {
             reply.raw("|1\r\n");
             reply.bulk("key-popularity");
             reply.array(2);
             reply.bulk("key:123");
             reply.integer(90);
         }
         reply.bulk("Some real reply following the attribute");
     }},
    {"push",
     [](ReplyWriter& reply) {
         if (!reply.resp3()) return reply.error("ERR RESP2 is not supported by this command");
         reply.push(2);
         reply.bulk("server-cpu-usage");
         reply.integer(42);
         // As Redis: a push may come at any time, so the reply proper follows.
         reply.bulk("Some real reply following the push reply");
     }},
    {"verbatim", [](ReplyWriter& reply) { reply.verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](ReplyWriter& reply) { reply.boolean(true); }},
    {"false", [](ReplyWriter& reply) { reply.boolean(false); }},
    {"bignum", [](ReplyWriter& reply) { reply.big_number("1234567999999999999999999999999999999"); }},
};

void protocol(Call& call) {
    for (const ProtocolSample& sample : kSamples)
        if (word_is(call.args[2], sample.name)) return sample.write(call.reply);
    call.reply.error(
        "ERR Wrong protocol type name. Please use one of the following: "
        "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "ERROR <string>",
        "    Reply this error.",
        "LOADAOF",
        "    As RELOAD.",
        "LOG <message>",
        "    Write a line into the server's log.",
        "OBJECT <key>",
        "    Show how the value of a key is kept.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Make <count> keys named prefix:0, prefix:1 ...",
        "PROTOCOL <type>",
        "    Reply a sample of this kind of reply.",
        "RELOAD",
        "    Wait until all data so far is on disk.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Stop or start the removal of expired keys that nobody touches.",
        "SLEEP <seconds>",
        "    Hold up all access to data for this long.",
    };
    reply_help(call, "DEBUG", kLines);
}

struct Tool {
    std::string_view name;
    size_t words;  // of the whole command
    bool more_may_follow;
    void (*run)(Call&);
};

constexpr Tool kTools[] = {
    {"error", 3, false, error},
    {"help", 2, false, help},
    {"loadaof", 2, false, reload},
    {"log", 3, false, log},
    {"object", 3, true, object},
    {"populate", 3, true, populate},
    {"protocol", 3, false, protocol},
    {"reload", 2, true, reload},
    {"set-active-expire", 3, false, set_active_expire},
    {"sleep", 3, false, sleep},
};

bool is_allowed(Call& call) {
    const std::string who = call.node.config().text("enable-debug-command");
    return who == "yes" || (who == "local" && call.client.local);
}

void debug(Call& call) {
    if (!is_allowed(call))
        return call.reply.error(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can "
            "run "
            "it from a local connection, otherwise you need to set this option in the configuration file, "
            "and "
            "then restart the server.");
    for (const Tool& tool : kTools) {
        if (!word_is(call.args[1], tool.name)) continue;
        if (call.args.size() == tool.words || (tool.more_may_follow && call.args.size() > tool.words))
            return tool.run(call);
    }
    reply_too_many_words(call, "DEBUG");
}

// Tells the dispatcher which key has to be in memory; clients see a command without keys.
int object_key(Args args, KeyPosition* out, int room) {
    if (args.size() < 3 || room < 1 || !word_is(args[1], "object")) return 0;
    out[0] = {2, kKeyRO};
    return 1;
}

constexpr CommandSpec kCommands[] = {
    {"debug",
     -2,
     kAdmin | kNoScript | kLoading | kStale | kProtected | kLocksAll,
     kCatAdmin | kCatSlow | kCatDangerous,
     {},
     debug,
     {},
     object_key},
};

}  // namespace

std::span<const CommandSpec> debug_commands() {
    return kCommands;
}

}  // namespace torc
