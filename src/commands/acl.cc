// ACL on a server with one user: `default`, who may do everything, with the password that requirepass sets.
#include <fmt/format.h>

#include <array>
#include <string>

#include "base/config.h"
#include "base/secure_random.h"
#include "base/sha256.h"
#include "commands/call.h"
#include "commands/command_info.h"
#include "commands/command_table.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"
#include "resp/number.h"

namespace torc {
namespace {

constexpr std::string_view kOnlyUser = "default";

/// As Redis keeps it; empty: none is asked for.
std::string password_hash(Call& call) {
    const std::string password = call.node.config().text("requirepass");
    return password.empty() ? std::string() : sha256_hex(password);
}

// ---- the user

void whoami(Call& call) {
    call.reply.bulk(call.client.user);
}

void users(Call& call) {
    call.reply.array(1);
    call.reply.bulk(kOnlyUser);
}

void list(Call& call) {
    const std::string hash = password_hash(call);
    call.reply.array(1);
    call.reply.bulk(
        fmt::format("user {} on {} ~* &* +@all", kOnlyUser, hash.empty() ? "nopass" : '#' + hash));
}

void getuser(Call& call) {
    if (call.args[2] != kOnlyUser) return call.reply.null();
    const std::string hash = password_hash(call);
    call.reply.map(6);
    call.reply.bulk("flags");
    call.reply.set(hash.empty() ? 2 : 1);
    call.reply.bulk("on");
    if (hash.empty()) call.reply.bulk("nopass");
    call.reply.bulk("passwords");
    call.reply.array(hash.empty() ? 0 : 1);
    if (!hash.empty()) call.reply.bulk(hash);
    for (const auto& [what, rule] : {std::pair{"commands", "+@all"}, {"keys", "~*"}, {"channels", "&*"}}) {
        call.reply.bulk(what);
        call.reply.bulk(rule);
    }
    call.reply.bulk("selectors");
    call.reply.array(0);
}

void setuser(Call& call) {
    call.reply.error(
        "ERR Torc has one user, 'default', who may do everything; CONFIG SET requirepass sets "
        "the password");
}

void deluser(Call& call) {
    for (const std::string_view name : call.args.subspan(2))
        if (name == kOnlyUser) return call.reply.error("ERR The 'default' user cannot be removed");
    call.reply.integer(0);
}

/// LOAD and SAVE.
void no_file(Call& call) {
    call.reply.error(
        "ERR This Redis instance is not configured to use an ACL file. Torc has one user, 'default', whose "
        "password is that of requirepass.");
}

// ---- what users may do

void cat(Call& call) {
    if (call.args.size() > 3) return reply_too_many_words(call, "ACL");
    if (call.args.size() == 2) return reply_category_names(call.reply);
    const uint64_t category = category_by_name(call.args[2]);
    if (category == 0) return call.reply.error(fmt::format("ERR Unknown category '{}'", call.args[2]));
    reply_command_names_in(call.reply, category);
}

void dryrun(Call& call) {
    if (call.args[2] != kOnlyUser)
        return call.reply.error(fmt::format("ERR User '{}' not found", call.args[2]));
    const Args command = call.args.subspan(3);
    const CommandSpec* spec = CommandTable::instance().find(command[0]);
    std::string name(spec == nullptr ? std::string_view() : spec->name);
    if (spec != nullptr && !spec->subcommands.empty() && command.size() > 1) {
        spec = CommandTable::find_subcommand(*spec, command[1]);
        if (spec != nullptr) name = fmt::format("{}|{}", name, spec->name);
    }
    if (spec == nullptr) return call.reply.error(fmt::format("ERR Command '{}' not found", command[0]));
    if (!arity_fits(*spec, command.size()))
        return call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", name));
    call.reply.ok();
}

void log(Call& call) {
    if (call.args.size() > 3) return reply_too_many_words(call, "ACL");
    if (call.args.size() == 3 && word_is(call.args[2], "reset")) return call.reply.ok();
    if (call.args.size() == 3 && !parse_integer(call.args[2])) return call.reply.error(errors::kNotInteger);
    call.reply.error("ERR Torc keeps no log of what it refused");
}

void genpass(Call& call) {
    constexpr int64_t kMostBits = 4096;
    if (call.args.size() > 3) return reply_too_many_words(call, "ACL");
    const auto bits = call.args.size() == 3 ? parse_integer(call.args[2]) : 256;
    if (!bits) return call.reply.error(errors::kNotInteger);
    if (*bits <= 0 || *bits > kMostBits)
        return call.reply.error(
            fmt::format("ERR ACL GENPASS argument must be the number of bits for the output password, a "
                        "positive number up to {}",
                        kMostBits));
    std::array<std::byte, kMostBits / 8> bytes;
    fill_secure_random(bytes);
    std::string password;
    for (const std::byte byte : bytes) password += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    call.reply.bulk(std::string_view(password).substr(0, static_cast<size_t>((*bits + 3) / 4)));
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "CAT [<category>]",
        "    List the categories, or the commands of one.",
        "DELUSER <username> [<username> ...]",
        "    Remove users: there is none but 'default', who stays.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Tell whether the user may run the command, without running it.",
        "GENPASS [<bits>]",
        "    Make a password by chance, of 256 bits if not told otherwise.",
        "GETUSER <username>",
        "    Show a user.",
        "LIST",
        "    Show all users in the form of a configuration file.",
        "LOAD",
        "    Refused: there is no file of users.",
        "LOG [<count> | RESET]",
        "    Refused but for RESET: what was refused is not noted.",
        "SAVE",
        "    Refused: there is no file of users.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Refused: 'default' is the only user, and requirepass the password.",
        "USERS",
        "    List the names of all users.",
        "WHOAMI",
        "    Tell the name of this connection's user.",
    };
    reply_help(call, "ACL", kLines);
}

constexpr uint64_t kAlways = kNoScript | kLoading | kStale;
constexpr uint64_t kAdminAlways = kAdmin | kAlways;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kSubcommands[] = {
    {"cat", -2, kAlways, kCatSlow, {}, cat},
    {"deluser", -3, kAdminAlways, kAdminSlow, {}, deluser},
    {"dryrun", -4, kAdminAlways, kAdminSlow, {}, dryrun},
    {"genpass", -2, kAlways, kCatSlow, {}, genpass},
    {"getuser", 3, kAdminAlways, kAdminSlow, {}, getuser},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"list", 2, kAdminAlways, kAdminSlow, {}, list},
    {"load", 2, kAdminAlways, kAdminSlow, {}, no_file},
    {"log", -2, kAdminAlways, kAdminSlow, {}, log},
    {"save", 2, kAdminAlways, kAdminSlow, {}, no_file},
    {"setuser", -3, kAdminAlways, kAdminSlow, {}, setuser},
    {"users", 2, kAdminAlways, kAdminSlow, {}, users},
    {"whoami", 2, kAlways, kCatSlow, {}, whoami},
};

constexpr CommandSpec kCommands[] = {
    {"acl", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> acl_commands() {
    return kCommands;
}

}  // namespace torc
