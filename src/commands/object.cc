// OBJECT: what the store knows about a value beside its bytes.
#include "base/config.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"
#include "commands/string_encoding.h"
#include "resp/number.h"

namespace torc {

std::string_view string_encoding(std::string_view bytes) {
    constexpr size_t kEmbeddedMax = 44;  // what fits one 64-byte allocation of Redis with its header
    if (parse_integer(bytes)) return "int";
    return bytes.size() <= kEmbeddedMax ? "embstr" : "raw";
}

namespace {

constexpr std::string_view kNoFrequency =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";
constexpr std::string_view kNoIdleTime =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
    "policies at runtime LRU and LFU data will take some time to adjust.";

bool counts_frequency(Call& call) {
    return call.node.config().text("maxmemory-policy").find("lfu") != std::string::npos;
}

/// False, with a null replied, when there's no such key.
bool key_exists(Call& call) {
    if (call.keys.ask(call.args[2])) return true;
    call.reply.null();
    return false;
}

void encoding(Call& call) {
    const auto value = call.keys.ask(call.args[2]);
    if (!value) return call.reply.null();
    call.reply.bulk(string_encoding(value->bytes));
}

void frequency(Call& call) {
    if (!key_exists(call)) return;
    if (!counts_frequency(call)) return call.reply.error(kNoFrequency);
    call.reply.integer(call.keys.frequency(call.args[2]));
}

void idletime(Call& call) {
    if (!key_exists(call)) return;
    if (counts_frequency(call)) return call.reply.error(kNoIdleTime);
    call.reply.integer(static_cast<int64_t>(call.keys.idle_seconds(call.args[2])));
}

// Values are never shared here, not even small integers.
void refcount(Call& call) {
    if (key_exists(call)) call.reply.integer(1);
}

constexpr std::string_view kHelp[] = {
    "ENCODING <key>", "    How the value of the key is held in memory.",
    "FREQ <key>",     "    Logarithm of how often the key was used lately (LFU policies only).",
    "IDLETIME <key>", "    Seconds since the key was last used (other policies only).",
    "REFCOUNT <key>", "    How many hold the value of the key.",
};

void help(Call& call) {
    reply_help(call, "OBJECT", kHelp);
}

constexpr KeySpec kKeyIsSecond[] = {{.flags = kKeyRO, .begin_index = 2}};
constexpr uint64_t kReadSlow = kCatKeyspace | kCatRead | kCatSlow;

constexpr CommandSpec kSubcommands[] = {
    {"encoding", 3, kReadonly, kReadSlow, kKeyIsSecond, encoding},
    {"freq", 3, kReadonly, kReadSlow, kKeyIsSecond, frequency},
    {"help", 2, kLoading | kStale, kCatKeyspace | kCatSlow, {}, help},
    {"idletime", 3, kReadonly, kReadSlow, kKeyIsSecond, idletime},
    {"refcount", 3, kReadonly, kReadSlow, kKeyIsSecond, refcount},
};

constexpr CommandSpec kCommands[] = {
    {"object", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> object_commands() {
    return kCommands;
}

}  // namespace torc
