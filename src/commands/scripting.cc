// SCRIPT and FUNCTION on a server that runs no scripts. Clients' suites clear what is loaded before they
// begin, and ask what there is: both have true answers here. What would load something is refused.
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "types/dump_payload.h"

namespace torc {
namespace {

constexpr std::string_view kNoScripts = "ERR Torc runs no scripts";
constexpr std::string_view kNoFunctions = "ERR Torc runs no functions";

bool is_flush_mode(std::string_view word) {
    return word_is(word, "async") || word_is(word, "sync");
}

/// Nothing runs, so there's nothing to stop.
void kill(Call& call) {
    call.reply.error("NOTBUSY No scripts in execution right now.");
}

// ---- SCRIPT

void script_exists(Call& call) {
    call.reply.array(call.args.size() - 2);
    for (size_t i = 2; i < call.args.size(); ++i) call.reply.integer(0);
}

void script_flush(Call& call) {
    if (call.args.size() > 3 || (call.args.size() == 3 && !is_flush_mode(call.args[2])))
        return call.reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    call.reply.ok();
}

void script_debug(Call& call) {
    if (word_is(call.args[2], "no")) return call.reply.ok();
    if (word_is(call.args[2], "yes") || word_is(call.args[2], "sync")) return call.reply.error(kNoScripts);
    call.reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

void script_load(Call& call) {
    call.reply.error(kNoScripts);
}

void script_help(Call& call) {
    constexpr std::string_view kLines[] = {
        "DEBUG (YES|SYNC|NO)",
        "    NO is understood: there is no debugger.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Tell for each script whether it's loaded: none is.",
        "FLUSH [ASYNC|SYNC]",
        "    Forget all scripts: there are none.",
        "KILL",
        "    Stop the script that runs: none does.",
        "LOAD <script>",
        "    Refused: Torc runs no scripts.",
    };
    reply_help(call, "SCRIPT", kLines);
}

// ---- FUNCTION

void function_delete(Call& call) {
    call.reply.error("ERR Library not found");
}

void function_dump(Call& call) {
    call.reply.bulk(dump_of_nothing());
}

void function_flush(Call& call) {
    if (call.args.size() > 3) return reply_too_many_words(call, "FUNCTION");
    if (call.args.size() == 3 && !is_flush_mode(call.args[2]))
        return call.reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    call.reply.ok();
}

void function_list(Call& call) {
    bool with_code = false;
    bool by_name = false;
    for (size_t i = 2; i < call.args.size(); ++i) {
        const std::string_view word = call.args[i];
        if (!with_code && word_is(word, "withcode")) {
            with_code = true;
        } else if (!by_name && word_is(word, "libraryname")) {
            if (++i == call.args.size()) return call.reply.error("ERR library name argument was not given");
            by_name = true;
        } else {
            return call.reply.error(fmt::format("ERR Unknown argument {}", word));
        }
    }
    call.reply.array(0);
}

void function_load(Call& call) {
    call.reply.error(kNoFunctions);
}

/// Of what FUNCTION DUMP gives, here or elsewhere, only the dump of no library has a place here.
void function_restore(Call& call) {
    if (call.args.size() > 4) return reply_too_many_words(call, "FUNCTION");
    if (call.args.size() == 4 && !word_is(call.args[3], "flush") && !word_is(call.args[3], "append") &&
        !word_is(call.args[3], "replace"))
        return call.reply.error(
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    if (!payload_is_intact(call.args[2]))
        return call.reply.error("ERR DUMP payload version or checksum are wrong");
    if (call.args[2].size() > dump_of_nothing().size()) return call.reply.error(kNoFunctions);
    call.reply.ok();
}

void function_stats(Call& call) {
    call.reply.map(2);
    call.reply.bulk("running_script");
    call.reply.null();
    call.reply.bulk("engines");
    call.reply.map(0);
}

void function_help(Call& call) {
    constexpr std::string_view kLines[] = {
        "DELETE <library-name>",
        "    Drop a library: there are none.",
        "DUMP",
        "    Give all libraries as a payload for RESTORE.",
        "FLUSH [ASYNC|SYNC]",
        "    Drop all libraries: there are none.",
        "KILL",
        "    Stop the function that runs: none does.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    List the libraries: there are none.",
        "LOAD [REPLACE] <function-code>",
        "    Refused: Torc runs no functions.",
        "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
        "    Take the payload of a server without libraries; refused for any other.",
        "STATS",
        "    Show the function that runs, and the engines: there are none.",
    };
    reply_help(call, "FUNCTION", kLines);
}

constexpr uint64_t kSlowScripting = kCatSlow | kCatScripting;
constexpr uint64_t kHelp = kLoading | kStale;
constexpr uint64_t kKilling = kNoScript | kAllowBusy;
constexpr uint64_t kWriteScripting = kCatWrite | kSlowScripting;

constexpr CommandSpec kScript[] = {
    {"debug", 3, kNoScript, kSlowScripting, {}, script_debug},
    {"exists", -3, kNoScript, kSlowScripting, {}, script_exists},
    {"flush", -2, kNoScript, kSlowScripting, {}, script_flush},
    {"help", 2, kHelp, kSlowScripting, {}, script_help},
    {"kill", 2, kKilling, kSlowScripting, {}, kill},
    {"load", 3, kNoScript | kStale, kSlowScripting, {}, script_load},
};

constexpr CommandSpec kFunction[] = {
    {"delete", 3, kNoScript | kWrite, kWriteScripting, {}, function_delete},
    {"dump", 2, kNoScript, kSlowScripting, {}, function_dump},
    {"flush", -2, kNoScript | kWrite, kWriteScripting, {}, function_flush},
    {"help", 2, kHelp, kSlowScripting, {}, function_help},
    {"kill", 2, kKilling, kSlowScripting, {}, kill},
    {"list", -2, kNoScript, kSlowScripting, {}, function_list},
    {"load", -3, kNoScript | kWrite | kDenyOom, kWriteScripting, {}, function_load},
    {"restore", -3, kNoScript | kWrite | kDenyOom, kWriteScripting, {}, function_restore},
    {"stats", 2, kKilling, kSlowScripting, {}, function_stats},
};

constexpr CommandSpec kCommands[] = {
    {"function", -2, 0, kCatSlow, {}, nullptr, kFunction},
    {"script", -2, 0, kCatSlow, {}, nullptr, kScript},
};

}  // namespace

std::span<const CommandSpec> scripting_commands() {
    return kCommands;
}

}  // namespace torc
