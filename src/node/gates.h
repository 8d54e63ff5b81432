// What must hold before a command runs: a list of short checks in a written order, the order in which
// redis-server makes them. A new mode adds a row.
#pragma once

#include <string>
#include <string_view>

#include "commands/args.h"
#include "commands/client_state.h"
#include "commands/command.h"

namespace torc {

struct NodeCore;
struct WorkerCore;

struct GateInput {
    NodeCore& node;
    WorkerCore& worker;
    const ClientState& client;
    const CommandSpec& spec;
    Args args;
};

inline constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
/// The error of a write while the log can't be written.
std::string log_refusal(const NodeCore& node);

/// True when the command may run; otherwise `why` is the error reply. Takes no shard lock for long, but may
/// evict keys: a shard that the caller holds is passed by.
bool may_run(const GateInput& in, std::string& why);

}  // namespace torc
