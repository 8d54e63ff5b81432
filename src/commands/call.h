// Everything one run of a command may see. A command reads args, looks at and changes keys, and writes
// exactly one reply (or sets client.block). It runs to its end without suspending, under the locks its row
// asked for.
#pragma once

#include <cstdint>

#include "commands/args.h"
#include "commands/client_state.h"
#include "commands/command.h"
#include "commands/keyspace.h"
#include "resp/reply.h"

namespace torc {

class NodeView;

struct Call {
    const CommandSpec& spec;
    Args args;
    Keyspace& keys;
    ClientState& client;
    NodeView& node;
    ReplyWriter& reply;
    int64_t now_ms;                          // wall clock, read once for the batch; expiry is judged by it
    int64_t max_string_bytes = 512LL << 20;  // proto-max-bulk-len: what a string may not grow beyond
};

}  // namespace torc
