// CONFIG: the configuration of the running node. What may be set, and how, is base/config's knowledge.
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/log.h"
#include "commands/call.h"
#include "commands/diagnostics.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"

namespace torc {
namespace {

void get(Call& call) {
    const auto found = call.node.config().get({call.args.begin() + 2, call.args.end()});
    call.reply.map(found.size());
    for (const auto& [name, value] : found) {
        call.reply.bulk(name);
        call.reply.bulk(value);
    }
}

void set(Call& call) {
    if (call.args.size() % 2 != 0) return call.reply.error(errors::kSyntax);
    std::vector<std::pair<std::string, std::string>> pairs;
    for (size_t i = 2; i < call.args.size(); i += 2) pairs.emplace_back(call.args[i], call.args[i + 1]);
    const auto done = call.node.config().set(pairs, call.client.local);
    if (!done) return call.reply.error(done.error().message);
    call.reply.ok();
}

void reset_stats(Call& call) {
    call.node.reset_stats();
    call.node.command_stats().reset();
    call.node.error_stats().reset();
    call.reply.ok();
}

void rewrite(Call& call) {
    const auto done = call.node.config().rewrite();
    if (!done) {
        log_warning("CONFIG REWRITE failed: {}", done.error().message);
        return call.reply.error(done.error().message);
    }
    log_notice("CONFIG REWRITE executed with success.");
    call.reply.ok();
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Show the directives whose names match, with their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change directives until the next start: all of them or none.",
        "RESETSTAT",
        "    Set the counters that INFO shows back to zero.",
        "REWRITE",
        "    Write the values in force into the configuration file.",
    };
    reply_help(call, "CONFIG", kLines);
}

constexpr uint64_t kAdminAlways = kAdmin | kNoScript | kLoading | kStale;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kSubcommands[] = {
    {"get", -3, kAdminAlways, kAdminSlow, {}, get},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"resetstat", 2, kAdminAlways, kAdminSlow, {}, reset_stats},
    {"rewrite", 2, kAdminAlways, kAdminSlow, {}, rewrite},
    {"set", -4, kAdminAlways, kAdminSlow, {}, set},
};

constexpr CommandSpec kCommands[] = {
    {"config", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> config_commands() {
    return kCommands;
}

}  // namespace torc
