// What MULTI's family needs of the node: the watches and the run of a queue. Implemented by node/; the
// commands in transaction.cc keep the order of checks and the replies.
#pragma once

#include <string_view>

#include "commands/client_state.h"

namespace torc {

struct Call;

class Transactions {
  public:
    virtual ~Transactions() = default;

    /// Runs the client's queue as one atomic batch and writes the reply: an array with one reply per command,
    /// or a null array when a watched key has changed (then nothing ran). in_multi stays true meanwhile: it
    /// is how a command knows that it must not wait. The caller ends the transaction afterwards.
    virtual void exec(Call& call) = 0;
    /// Remembers what the key is now, in the call's database. The key's shard is locked.
    virtual void watch(Call& call, std::string_view key) = 0;
    virtual void unwatch_all(ClientState& client) = 0;
    /// Has a watched key changed already? Only for the flags of CLIENT LIST; any thread.
    virtual bool spoiled(const ClientState& client) const = 0;
};

/// Forgets queue and watches, as after EXEC, DISCARD, RESET and the end of the connection.
void end_transaction(Transactions& transactions, ClientState& client);

}  // namespace torc
