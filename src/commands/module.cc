// MODULE on a server that loads none.
#include "commands/call.h"
#include "commands/families.h"
#include "commands/help_reply.h"

namespace torc {
namespace {

void list(Call& call) {
    call.reply.array(0);
}

/// LOAD, LOADEX and UNLOAD.
void refuse(Call& call) {
    call.reply.error("ERR Torc loads no modules");
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "LIST",
        "    List the modules: there are none.",
        "LOAD <path> [<arg> ...]",
        "    Refused: Torc loads no modules.",
        "LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]",
        "    Refused: Torc loads no modules.",
        "UNLOAD <name>",
        "    Refused: there are none.",
    };
    reply_help(call, "MODULE", kLines);
}

constexpr uint64_t kLoads = kAdmin | kNoScript | kNoAsyncLoading | kProtected;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kSubcommands[] = {
    {"help", 2, kLoading | kStale, kCatSlow, {}, help}, {"list", 2, kAdmin | kNoScript, kAdminSlow, {}, list},
    {"load", -3, kLoads, kAdminSlow, {}, refuse},       {"loadex", -3, kLoads, kAdminSlow, {}, refuse},
    {"unload", 3, kLoads, kAdminSlow, {}, refuse},
};

constexpr CommandSpec kCommands[] = {
    {"module", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> module_commands() {
    return kCommands;
}

}  // namespace torc
