// CLIENT: what a connection says about itself and how it wants to be served; the rows of all subcommands.
// Those that concern other connections are in client_others.cc.
#include <fmt/format.h>

#include "commands/call.h"
#include "commands/client_name.h"
#include "commands/client_others.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"

namespace torc {
namespace {

void id(Call& call) {
    call.reply.integer(static_cast<int64_t>(call.client.id));
}

void getname(Call& call) {
    const std::string& name = call.client.name;  // only this thread writes it
    if (name.empty())
        call.reply.null();
    else
        call.reply.bulk(name);
}

void setname(Call& call) {
    if (!client_name_is_valid(call.args[2])) return call.reply.error(kBadClientName);
    set_client_text(call.client, &ClientState::name, call.args[2]);
    call.reply.ok();
}

void setinfo(Call& call) {
    const std::string_view attribute = call.args[2];
    const bool is_name = word_is(attribute, "lib-name");
    if (!is_name && !word_is(attribute, "lib-ver"))
        return call.reply.error(fmt::format("ERR Unrecognized option '{}'", attribute));
    if (!client_name_is_valid(call.args[3]))
        return call.reply.error(
            fmt::format("ERR {} cannot contain spaces, newlines or special characters.", attribute));
    set_client_text(call.client, is_name ? &ClientState::library_name : &ClientState::library_version,
                    call.args[3]);
    call.reply.ok();
}

void set_switch(Call& call, std::atomic<bool>& flag) {
    const bool on = word_is(call.args[2], "on");
    if (!on && !word_is(call.args[2], "off")) return call.reply.error(errors::kSyntax);
    flag.store(on, std::memory_order_relaxed);
    call.reply.ok();
}

void no_evict(Call& call) {
    set_switch(call, call.client.no_evict);
}
void no_touch(Call& call) {
    set_switch(call, call.client.no_touch);
}

/// OFF and SKIP have no reply themselves; the dispatcher drops those of what comes after.
void reply_mode(Call& call) {
    const std::string_view mode = call.args[2];
    if (word_is(mode, "on")) {
        call.client.reply_mode = ReplyMode::on;
        call.reply.ok();
    } else if (word_is(mode, "off")) {
        call.client.reply_mode = ReplyMode::off;
    } else if (word_is(mode, "skip")) {
        if (call.client.reply_mode != ReplyMode::off) call.client.reply_mode = ReplyMode::skip_next;
    } else {
        call.reply.error(errors::kSyntax);
    }
}

// ---- tracking: always off here, said in the words of a server where it is off

void caching(Call& call) {
    call.reply.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode "
        "enabled");
}

void getredir(Call& call) {
    call.reply.integer(-1);
}

void tracking(Call& call) {
    for (size_t i = 3; i < call.args.size(); ++i) {
        const std::string_view word = call.args[i];
        const bool has_value = word_is(word, "redirect") || word_is(word, "prefix");
        if (has_value && i + 1 < call.args.size())
            ++i;
        else if (!word_is(word, "bcast") && !word_is(word, "optin") && !word_is(word, "optout") &&
                 !word_is(word, "noloop"))
            return call.reply.error(errors::kSyntax);
    }
    if (word_is(call.args[2], "off")) return call.reply.ok();
    if (!word_is(call.args[2], "on")) return call.reply.error(errors::kSyntax);
    call.reply.error("ERR client tracking is not supported: no invalidation messages would arrive");
}

void trackinginfo(Call& call) {
    call.reply.map(3);
    call.reply.bulk("flags");
    call.reply.set(1);
    call.reply.bulk("off");
    call.reply.bulk("redirect");
    call.reply.integer(-1);
    call.reply.bulk("prefixes");
    call.reply.array(0);
}

constexpr std::string_view kHelp[] = {
    "CACHING (YES|NO)",
    "    For client tracking, which is always off.",
    "GETNAME",
    "    The name that SETNAME gave this connection.",
    "GETREDIR",
    "    For client tracking: -1, it is off.",
    "ID",
    "    The number of this connection; later ones have higher numbers.",
    "INFO",
    "    This connection as a line of CLIENT LIST.",
    "KILL <ip:port>",
    "    Close the connection that comes from this address.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Close all connections that fit every option:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "    * ID <client-id>",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "    * SKIPME (YES|NO): spare the asker (the default)",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "    * USER <username>",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
    "    Connections, a line each.",
    "NO-EVICT (ON|OFF)",
    "    Spare this connection when connections are closed for want of memory.",
    "NO-TOUCH (ON|OFF)",
    "    Use keys without making them look recently used.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Let commands, or just those that write, wait for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Which replies this connection wants: all, none, or all but the next.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    What library this connection is made by.",
    "SETNAME <name>",
    "    Give this connection a name.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
    "    Client tracking can only be off.",
    "TRACKINGINFO",
    "    What client tracking does for this connection.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    End another connection's wait.",
    "UNPAUSE",
    "    End a pause.",
};

void help(Call& call) {
    reply_help(call, "CLIENT", kHelp);
}

constexpr uint64_t kAnyTime = kNoScript | kLoading | kStale;
constexpr uint64_t kOwn = kCatSlow | kCatConnection;
constexpr uint64_t kOthers = kCatAdmin | kCatSlow | kCatDangerous | kCatConnection;

constexpr CommandSpec kSubcommands[] = {
    {"caching", 3, kAnyTime, kOwn, {}, caching},
    {"getname", 2, kAnyTime, kOwn, {}, getname},
    {"getredir", 2, kAnyTime, kOwn, {}, getredir},
    {"help", 2, kLoading | kStale, kOwn, {}, help},
    {"id", 2, kAnyTime, kOwn, {}, id},
    {"info", 2, kAnyTime, kOwn, {}, client_info},
    {"kill", -3, kAnyTime | kAdmin, kOthers, {}, client_kill},
    {"list", -2, kAnyTime | kAdmin, kOthers, {}, client_list},
    {"no-evict", 3, kAnyTime | kAdmin, kOthers, {}, no_evict},
    {"no-touch", 3, kAnyTime, kOwn, {}, no_touch},
    {"pause", -3, kAnyTime | kAdmin, kOthers, {}, client_pause},
    {"reply", 3, kAnyTime, kOwn, {}, reply_mode},
    {"setinfo", 4, kAnyTime, kOwn, {}, setinfo},
    {"setname", 3, kAnyTime, kOwn, {}, setname},
    {"tracking", -3, kAnyTime, kOwn, {}, tracking},
    {"trackinginfo", 2, kAnyTime, kOwn, {}, trackinginfo},
    {"unblock", -3, kAnyTime | kAdmin, kOthers, {}, client_unblock},
    {"unpause", 2, kAnyTime | kAdmin, kOthers, {}, client_unpause},
};

constexpr CommandSpec kCommands[] = {
    {"client", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> client_commands() {
    return kCommands;
}

}  // namespace torc
