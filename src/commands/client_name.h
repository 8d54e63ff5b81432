// What a connection may call itself and its library.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>

#include "commands/client_state.h"

namespace torc {

inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// Printable ASCII without space: it must not break the lines of CLIENT LIST.
inline bool client_name_is_valid(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

inline void set_client_text(ClientState& client, std::string ClientState::* field, std::string_view text) {
    const std::lock_guard lock(client.names_mutex);
    client.*field = text;
}

}  // namespace torc
