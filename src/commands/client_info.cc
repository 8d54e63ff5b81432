#include "commands/client_info.h"

#include <fmt/format.h>

#include <algorithm>

#include "commands/args.h"
#include "commands/command.h"
#include "commands/transactions.h"

namespace torc {
namespace {

std::string flags_of(const ClientState& client, bool spoiled) {
    std::string flags;
    const auto add = [&](bool on, char letter) {
        if (on) flags.push_back(letter);
    };
    add(client.monitor, 'O');
    add(client.queued_commands >= 0, 'x');
    add(client.blocked || client.paused, 'b');
    add(spoiled, 'd');
    add(client.close_asap, 'A');
    add(client.address.ends_with(":0"), 'U');  // no TCP connection has that port
    add(client.readonly, 'r');
    add(client.no_evict, 'e');
    add(client.no_touch, 'T');
    return flags.empty() ? "N" : flags;
}

std::string last_command(const ClientState& client) {
    const CommandSpec* const command = client.last_command;
    const CommandSpec* const container = client.last_container;
    if (command == nullptr) return "NULL";
    if (container == nullptr || container == command) return std::string(command->name);
    return fmt::format("{}|{}", container->name, command->name);
}

int64_t seconds_since(int64_t then_ms, int64_t now_ms) {
    return std::max<int64_t>(now_ms - then_ms, 0) / 1000;
}

}  // namespace

std::string client_line(ClientState& client, const Transactions& transactions, int64_t now_ms) {
    std::string name, library_name, library_version, user;
    {
        const std::lock_guard lock(client.names_mutex);
        name = client.name;
        library_name = client.library_name;
        library_version = client.library_version;
        user = client.user;
    }
    const uint64_t output = client.output_bytes;
    std::string line;
    const auto to = std::back_inserter(line);
    fmt::format_to(to,
                   "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0",
                   client.id, client.address, client.local_address, client.fd, name,
                   seconds_since(client.created_ms, now_ms), seconds_since(client.last_used_ms, now_ms),
                   flags_of(client, transactions.spoiled(client)), client.db.load());
    fmt::format_to(to,
                   " multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={}",
                   client.queued_commands.load(), client.input_bytes.load(), client.input_free.load(),
                   client.arguments_bytes.load(), output == 0 ? 0 : 1, output);
    fmt::format_to(to, " tot-mem={} events=r cmd={} user={} redir=-1 resp={} lib-name={} lib-ver={}\n",
                   client.total_memory.load(), last_command(client), user, client.protocol.load(),
                   library_name, library_version);
    return line;
}

bool is_client_type(std::string_view word) {
    return word_is(word, "normal") || word_is(word, "master") || word_is(word, "replica") ||
           word_is(word, "slave") || word_is(word, "pubsub");
}

bool client_has_type(const ClientState&, std::string_view type) {
    return word_is(type, "normal");
}

}  // namespace torc
