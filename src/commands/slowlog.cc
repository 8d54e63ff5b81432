// SLOWLOG: what the slow log (node/slow_log.h) has kept.
#include <limits>

#include "commands/call.h"
#include "commands/diagnostics.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"
#include "resp/number.h"

namespace torc {
namespace {

void get(Call& call) {
    if (call.args.size() > 3)
        return call.reply.error(fmt::format(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try SLOWLOG HELP.", call.args[1]));
    size_t count = 10;
    if (call.args.size() == 3) {
        const auto wanted = parse_integer(call.args[2]);
        if (!wanted || *wanted < -1)
            return call.reply.error("ERR count should be greater than or equal to -1");
        count = *wanted == -1 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(*wanted);
    }
    const auto entries = call.node.slow_log().newest(count);
    call.reply.array(entries.size());
    for (const SlowLogEntry& entry : entries) {
        call.reply.array(6);
        call.reply.integer(static_cast<int64_t>(entry.id));
        call.reply.integer(entry.unix_seconds);
        call.reply.integer(entry.microseconds);
        call.reply.array(entry.words.size());
        for (const std::string& word : entry.words) call.reply.bulk(word);
        call.reply.bulk(entry.client_address);
        call.reply.bulk(entry.client_name);
    }
}

void len(Call& call) {
    call.reply.integer(static_cast<int64_t>(call.node.slow_log().size()));
}

void reset(Call& call) {
    call.node.slow_log().reset();
    call.reply.ok();
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "GET [<count>]",
        "    Show the newest <count> entries (10 when left out, -1 for all). An entry is:",
        "    its id, unix time, duration in microseconds, the command's words, the",
        "    client's address and its name.",
        "LEN",
        "    Tell how many entries there are.",
        "RESET",
        "    Drop all entries.",
    };
    reply_help(call, "SLOWLOG", kLines);
}

constexpr uint64_t kAdminAlways = kAdmin | kLoading | kStale;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kSubcommands[] = {
    {"get", -2, kAdminAlways, kAdminSlow, {}, get},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"len", 2, kAdminAlways, kAdminSlow, {}, len},
    {"reset", 2, kAdminAlways, kAdminSlow, {}, reset},
};

constexpr CommandSpec kCommands[] = {
    {"slowlog", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> slowlog_commands() {
    return kCommands;
}

}  // namespace torc
