#include "commands/client_others.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "commands/call.h"
#include "commands/client_info.h"
#include "commands/clients.h"
#include "commands/errors.h"
#include "commands/node_view.h"
#include "commands/timeout_argument.h"
#include "commands/transactions.h"
#include "resp/number.h"

namespace torc {
namespace {

void reply_unknown_type(Call& call, std::string_view word) {
    call.reply.error(fmt::format("ERR Unknown client type '{}'", word));
}

void reply_wrong_use(Call& call) {
    call.reply.error(fmt::format(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try CLIENT HELP.", call.args[1]));
}

/// Which connections CLIENT KILL means; what isn't set admits all.
struct Filter {
    std::optional<uint64_t> id;
    std::optional<std::string_view> address, local_address, type, user;
    bool skip_asker = true;

    bool admits(ClientState& client, const ClientState& asker) const {
        if (id && client.id != *id) return false;
        if (address && client.address != *address) return false;
        if (local_address && client.local_address != *local_address) return false;
        if (type && !client_has_type(client, *type)) return false;
        if (user) {
            const std::lock_guard lock(client.names_mutex);
            if (client.user != *user) return false;
        }
        return !(skip_asker && &client == &asker);
    }
};

/// Null when it is malformed: the error has been replied.
std::optional<Filter> parse_filter(Call& call) {
    Filter filter;
    const auto refuse = [&](std::string_view error) {
        call.reply.error(error);
        return std::nullopt;
    };
    for (size_t i = 2; i < call.args.size(); i += 2) {
        if (i + 1 == call.args.size()) return refuse(errors::kSyntax);
        const std::string_view word = call.args[i];
        const std::string_view value = call.args[i + 1];
        if (word_is(word, "id")) {
            const auto id = parse_integer(value);
            if (!id || *id < 1) return refuse("ERR client-id should be greater than 0");
            filter.id = static_cast<uint64_t>(*id);
        } else if (word_is(word, "type")) {
            if (!is_client_type(value)) {
                reply_unknown_type(call, value);
                return std::nullopt;
            }
            filter.type = value;
        } else if (word_is(word, "addr")) {
            filter.address = value;
        } else if (word_is(word, "laddr")) {
            filter.local_address = value;
        } else if (word_is(word, "user")) {
            if (value != "default") return refuse(fmt::format("ERR No such user '{}'", value));
            filter.user = value;
        } else if (word_is(word, "skipme") && (word_is(value, "yes") || word_is(value, "no"))) {
            filter.skip_asker = word_is(value, "yes");
        } else {
            return refuse(errors::kSyntax);
        }
    }
    return filter;
}

int64_t kill_matching(Call& call, const Filter& filter) {
    std::vector<uint64_t> ids;
    call.node.clients().for_each([&](ClientState& client) {
        if (filter.admits(client, call.client)) ids.push_back(client.id);
    });
    int64_t killed = 0;
    for (const uint64_t id : ids) {
        if (id != call.client.id) {
            killed += call.node.clients().kill(id);
            continue;
        }
        call.client.close_after_reply = true;  // the asker hears how it went
        ++killed;
    }
    return killed;
}

}  // namespace

void client_info(Call& call) {
    call.reply.verbatim("txt", client_line(call.client, call.node.transactions(), call.now_ms));
}

void client_list(Call& call) {
    std::string_view type;
    std::vector<uint64_t> ids;
    if (call.args.size() == 4 && word_is(call.args[2], "type")) {
        type = call.args[3];
        if (!is_client_type(type)) return reply_unknown_type(call, type);
    } else if (call.args.size() > 3 && word_is(call.args[2], "id")) {
        for (const std::string_view word : call.args.subspan(3)) {
            const auto id = parse_integer(word);
            if (!id) return call.reply.error("ERR Invalid client ID");
            ids.push_back(static_cast<uint64_t>(*id));
        }
    } else if (call.args.size() != 2) {
        return call.reply.error(errors::kSyntax);
    }
    // Lines come in the order of the ids asked for, as often as asked for.
    std::vector<std::string> lines(std::max<size_t>(ids.size(), 1));
    call.node.clients().for_each([&](ClientState& client) {
        if (!type.empty() && !client_has_type(client, type)) return;
        if (ids.empty()) {
            lines[0] += client_line(client, call.node.transactions(), call.now_ms);
            return;
        }
        for (size_t i = 0; i < ids.size(); ++i)
            if (ids[i] == client.id) lines[i] = client_line(client, call.node.transactions(), call.now_ms);
    });
    std::string text;
    for (const std::string& line : lines) text += line;
    call.reply.verbatim("txt", text);
}

void client_kill(Call& call) {
    if (call.args.size() == 3) {
        // The old form: one address, which may be the asker's own.
        Filter filter;
        filter.address = call.args[2];
        filter.skip_asker = false;
        if (kill_matching(call, filter) == 0) return call.reply.error("ERR No such client");
        return call.reply.ok();
    }
    const auto filter = parse_filter(call);
    if (filter) call.reply.integer(kill_matching(call, *filter));
}

void client_pause(Call& call) {
    auto what = Clients::Pause::all;
    if (call.args.size() > 4) return reply_wrong_use(call);
    if (call.args.size() == 4) {
        if (word_is(call.args[3], "write"))
            what = Clients::Pause::writes;
        else if (!word_is(call.args[3], "all"))
            return call.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
    const auto until = deadline_argument(call, call.args[2]);
    if (!until) return;
    call.reply.ok();
    if (*until != 0) call.node.clients().pause(call.client, what, *until);
}

void client_unpause(Call& call) {
    call.node.clients().unpause();
    call.reply.ok();
}

void client_unblock(Call& call) {
    if (call.args.size() > 4) return reply_wrong_use(call);
    bool with_error = false;
    if (call.args.size() == 4) {
        with_error = word_is(call.args[3], "error");
        if (!with_error && !word_is(call.args[3], "timeout"))
            return call.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
    const auto id = parse_integer(call.args[2]);
    if (!id) return call.reply.error(errors::kNotInteger);
    call.reply.integer(call.node.clients().unblock(static_cast<uint64_t>(*id), with_error) ? 1 : 0);
}

}  // namespace torc
