// One connection as a line of CLIENT LIST, and the words for kinds of connections.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "commands/client_state.h"

namespace torc {

class Transactions;

/// `id=3 addr=... lib-ver=\n`. Any thread.
std::string client_line(ClientState& client, const Transactions& transactions, int64_t now_ms);

/// NORMAL, MASTER, REPLICA (or SLAVE), PUBSUB in any case.
bool is_client_type(std::string_view word);
/// Is this connection of that type?
bool client_has_type(const ClientState& client, std::string_view type);

}  // namespace torc
