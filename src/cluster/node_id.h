// Names of nodes. A node's id is 64 random bits, made with its data directory and kept for the directory's
// life; clients see 40 hex digits, as in Redis Cluster: the id, then digits derived from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace torc {

using NodeId = uint64_t;  // 0: none

/// 40 lower-case hex digits.
std::string node_name(NodeId id);
/// Nothing when `name` is not the name of any id.
std::optional<NodeId> parse_node_name(std::string_view name);

/// Where a node is reached.
struct Endpoint {
    std::string host;  // IP address
    uint16_t port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What a core wants sent: cores never send by themselves.
struct Outgoing {
    NodeId to = 0;
    std::string payload;
};

}  // namespace torc
