// COMMAND: the command table, told to clients. Drivers route by the key positions, redis-cli completes by the
// documents.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/glob.h"
#include "commands/call.h"
#include "commands/command_docs.h"
#include "commands/command_info.h"
#include "commands/command_table.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"

namespace torc {
namespace {

/// A row with its full name: "get", "config|set".
struct NamedSpec {
    const CommandSpec* spec = nullptr;
    std::string name;
};

/// By full name; spec is null when there's none.
NamedSpec find_by_full_name(std::string_view name) {
    const size_t bar = name.find('|');
    const CommandSpec* spec = CommandTable::instance().find(name.substr(0, bar));
    if (spec == nullptr) return {};
    if (bar == std::string_view::npos) return {spec, std::string(spec->name)};
    const CommandSpec* sub = CommandTable::find_subcommand(*spec, name.substr(bar + 1));
    if (sub == nullptr) return {};
    return {sub, fmt::format("{}|{}", spec->name, sub->name)};
}

void info_of_all(Call& call) {
    const auto& all = CommandTable::instance().all();
    call.reply.array(all.size());
    for (const CommandSpec* spec : all) reply_command_info(call.reply, *spec, spec->name);
}

void info(Call& call) {
    if (call.args.size() == 2) return info_of_all(call);
    call.reply.array(call.args.size() - 2);
    for (const std::string_view name : call.args.subspan(2)) {
        const NamedSpec found = find_by_full_name(name);
        if (found.spec == nullptr)
            call.reply.null();
        else
            reply_command_info(call.reply, *found.spec, found.name);
    }
}

void docs(Call& call) {
    if (call.args.size() == 2) {
        const auto& all = CommandTable::instance().all();
        call.reply.map(all.size());
        for (const CommandSpec* spec : all) {
            call.reply.bulk(spec->name);
            reply_command_docs(call.reply, *spec, spec->name);
        }
        return;
    }
    const size_t mark = call.reply.begin_deferred();
    size_t found_count = 0;
    for (const std::string_view name : call.args.subspan(2)) {
        const NamedSpec found = find_by_full_name(name);
        if (found.spec == nullptr) continue;
        call.reply.bulk(found.name);
        reply_command_docs(call.reply, *found.spec, found.name);
        ++found_count;
    }
    call.reply.end_deferred_map(mark, found_count);
}

void count(Call& call) {
    call.reply.integer(static_cast<int64_t>(CommandTable::instance().all().size()));
}

void list(Call& call) {
    if (call.args.size() == 2)
        return reply_command_names(call.reply, [](const CommandSpec&, std::string_view name) {
            return name.find('|') == std::string_view::npos;
        });
    if (call.args.size() != 5 || !word_is(call.args[2], "filterby")) return call.reply.error(errors::kSyntax);
    const std::string_view what = call.args[4];
    if (word_is(call.args[3], "module")) return call.reply.array(0);
    if (word_is(call.args[3], "aclcat")) return reply_command_names_in(call.reply, category_by_name(what));
    if (word_is(call.args[3], "pattern"))
        return reply_command_names(call.reply, [what](const CommandSpec&, std::string_view name) {
            return glob_matches(what, name, /*ignore_case=*/true);
        });
    call.reply.error(errors::kSyntax);
}

/// The keys of the call that the arguments from the third on spell; absent when an error was replied.
std::optional<std::vector<KeyPosition>> keys_of_call(Call& call) {
    const Args args = call.args.subspan(2);
    const CommandSpec* spec = CommandTable::instance().find(args[0]);
    if (spec != nullptr && !spec->subcommands.empty()) spec = CommandTable::find_subcommand(*spec, args[1]);
    if (spec == nullptr) {
        call.reply.error("ERR Invalid command specified");
        return std::nullopt;
    }
    if (spec->keys.empty()) {
        call.reply.error("ERR The command has no key arguments");
        return std::nullopt;
    }
    if (!arity_fits(*spec, args.size())) {
        call.reply.error("ERR Invalid number of arguments specified for command");
        return std::nullopt;
    }
    std::vector<KeyPosition> keys;
    if (!find_keys(*spec, args, keys)) {
        call.reply.error("ERR Invalid arguments specified for command");
        return std::nullopt;
    }
    return keys;
}

void getkeys(Call& call) {
    const auto keys = keys_of_call(call);
    if (!keys) return;
    call.reply.array(keys->size());
    for (const KeyPosition& key : *keys) call.reply.bulk(call.args[2 + static_cast<size_t>(key.index)]);
}

void getkeysandflags(Call& call) {
    const auto keys = keys_of_call(call);
    if (!keys) return;
    call.reply.array(keys->size());
    for (const KeyPosition& key : *keys) {
        call.reply.array(2);
        call.reply.bulk(call.args[2 + static_cast<size_t>(key.index)]);
        reply_key_flags(call.reply, key.flags);
    }
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "(no subcommand)",
        "    Show the properties of all commands.",
        "COUNT",
        "    Tell how many commands there are.",
        "DOCS [<command-name> ...]",
        "    Show what commands are for and the arguments that they take.",
        "GETKEYS <full-command>",
        "    Pick the keys out of a whole command.",
        "GETKEYSANDFLAGS <full-command>",
        "    The same, with what the command does to each.",
        "INFO [<command-name> ...]",
        "    Show the properties of these commands, or of all.",
        "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <glob>)]",
        "    List the names of commands.",
    };
    reply_help(call, "COMMAND", kLines);
}

constexpr uint64_t kAlways = kLoading | kStale;
constexpr uint64_t kConnectionSlow = kCatSlow | kCatConnection;

constexpr CommandSpec kSubcommands[] = {
    {"count", 2, kAlways, kConnectionSlow, {}, count},
    {"docs", -2, kAlways, kConnectionSlow, {}, docs},
    {"getkeys", -4, kAlways, kConnectionSlow, {}, getkeys},
    {"getkeysandflags", -4, kAlways, kConnectionSlow, {}, getkeysandflags},
    {"help", 2, kAlways, kConnectionSlow, {}, help},
    {"info", -2, kAlways, kConnectionSlow, {}, info},
    {"list", -2, kAlways, kConnectionSlow, {}, list},
};

constexpr CommandSpec kCommands[] = {
    {"command", -1, kAlways, kConnectionSlow, {}, info_of_all, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> command_commands() {
    return kCommands;
}

}  // namespace torc
