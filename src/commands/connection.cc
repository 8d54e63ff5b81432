// Commands about the connection itself: who it is, which protocol and database it uses, and its end.
// CLIENT is in client.cc.
#include <fmt/format.h>

#include <optional>

#include "base/config.h"
#include "base/secret.h"
#include "base/version.h"
#include "commands/call.h"
#include "commands/client_name.h"
#include "commands/db_argument.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"
#include "commands/transactions.h"

namespace torc {
namespace {

constexpr std::string_view kServerName = "redis";  // what clients look for

constexpr std::string_view kDefaultUser = "default";

/// There is one user. Without a password anything is right.
bool authenticate(Call& call, std::string_view user, std::string_view password) {
    const std::string secret = call.node.config().text("requirepass");
    if (user != kDefaultUser || (!secret.empty() && !secrets_equal(secret, password))) {
        call.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    call.client.authenticated = true;
    return true;
}

void auth(Call& call) {
    if (call.args.size() > 3) return call.reply.error(errors::kSyntax);
    if (call.args.size() == 2 && call.node.config().text("requirepass").empty())
        return call.reply.error(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure "
            "your configuration is correct?");
    const std::string_view user = call.args.size() == 3 ? call.args[1] : kDefaultUser;
    if (authenticate(call, user, call.args.back())) call.reply.ok();
}

struct Greeting {
    int64_t protocol = 0;  // 0: stay with the present one
    std::optional<std::string_view> user, password, name;
};

/// Null when it is malformed: the error has been replied.
std::optional<Greeting> parse_greeting(Call& call) {
    Greeting greeting;
    if (call.args.size() > 1) {
        const auto protocol = parse_integer(call.args[1]);
        if (!protocol) {
            call.reply.error("ERR Protocol version is not an integer or out of range");
            return std::nullopt;
        }
        if (*protocol < 2 || *protocol > 3) {
            call.reply.error("NOPROTO unsupported protocol version");
            return std::nullopt;
        }
        greeting.protocol = *protocol;
    }
    for (size_t i = 2; i < call.args.size(); ++i) {
        const size_t more = call.args.size() - i - 1;
        if (word_is(call.args[i], "auth") && more >= 2) {
            greeting.user = call.args[++i];
            greeting.password = call.args[++i];
        } else if (word_is(call.args[i], "setname") && more >= 1) {
            greeting.name = call.args[++i];
        } else {
            call.reply.error(fmt::format("ERR Syntax error in HELLO option '{}'", call.args[i]));
            return std::nullopt;
        }
    }
    return greeting;
}

void hello(Call& call) {
    const auto greeting = parse_greeting(call);
    if (!greeting) return;
    if (greeting->user && !authenticate(call, *greeting->user, *greeting->password)) return;
    if (!call.client.authenticated)
        return call.reply.error(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> "
            "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "
            "version at the same time");
    if (greeting->name) {
        if (!client_name_is_valid(*greeting->name)) return call.reply.error(kBadClientName);
        set_client_text(call.client, &ClientState::name, *greeting->name);
    }
    if (greeting->protocol != 0) {
        call.client.protocol.store(static_cast<int>(greeting->protocol), std::memory_order_relaxed);
        call.reply.set_protocol(static_cast<int>(greeting->protocol));
    }

    ReplyWriter& reply = call.reply;
    reply.map(7);
    reply.bulk("server");
    reply.bulk(kServerName);
    reply.bulk("version");
    reply.bulk(kRedisVersion);
    reply.bulk("proto");
    reply.integer(reply.protocol());
    reply.bulk("id");
    reply.integer(static_cast<int64_t>(call.client.id));
    reply.bulk("mode");
    reply.bulk(call.node.cluster() != nullptr ? "cluster" : "standalone");
    reply.bulk("role");
    reply.bulk("master");
    reply.bulk("modules");
    reply.array(0);
}

void ping(Call& call) {
    if (call.args.size() > 2) return call.reply.error("ERR wrong number of arguments for 'ping' command");
    if (call.args.size() == 2)
        call.reply.bulk(call.args[1]);
    else
        call.reply.simple("PONG");
}

void echo(Call& call) {
    call.reply.bulk(call.args[1]);
}

void select(Call& call) {
    if (call.node.cluster() != nullptr) {
        const auto number = int_argument(call, call.args[1]);
        if (!number) return;
        if (*number != 0) return call.reply.error("ERR SELECT is not allowed in cluster mode");
    }
    const auto db = db_argument(call, call.args[1]);
    if (!db) return;
    call.client.db.store(*db, std::memory_order_relaxed);
    call.reply.ok();
}

void quit(Call& call) {
    call.client.close_after_reply = true;
    call.reply.ok();
}

/// As if the connection had just been made, but for its id, its age and what its library calls itself.
void reset(Call& call) {
    ClientState& client = call.client;
    end_transaction(call.node.transactions(), client);
    client.monitor = false;
    client.no_evict = false;
    client.no_touch = false;
    client.readonly = false;
    client.reply_mode = ReplyMode::on;
    client.db.store(0, std::memory_order_relaxed);
    client.protocol.store(2, std::memory_order_relaxed);
    call.reply.set_protocol(2);
    client.authenticated = call.node.config().text("requirepass").empty();
    set_client_text(client, &ClientState::name, "");
    set_client_text(client, &ClientState::user, kDefaultUser);
    call.reply.simple("RESET");
}

constexpr uint64_t kAnyTime = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;
constexpr uint64_t kFastConnection = kCatFast | kCatConnection;

constexpr CommandSpec kCommands[] = {
    {"auth", -2, kAnyTime, kFastConnection, {}, auth},
    {"echo", 2, kLoading | kStale | kFast, kFastConnection, {}, echo},
    {"hello", -1, kAnyTime, kFastConnection, {}, hello},
    {"ping", -1, kFast, kFastConnection, {}, ping},
    {"quit", -1, kAnyTime | kControl, kFastConnection, {}, quit},
    {"reset", 1, kAnyTime | kControl, kFastConnection, {}, reset},
    // In a transaction the commands behind it look at another database than the one it began in.
    {"select", 2, kLoading | kStale | kFast | kOtherDb, kFastConnection, {}, select},
};

}  // namespace

std::span<const CommandSpec> connection_commands() {
    return kCommands;
}

}  // namespace torc
