// From a parsed command to its reply: look up, check, lock, fetch, run, commit. The one place where these
// meet.
//
// A command either runs to its end, or it's as if it hadn't been seen: then the connection pauses, and the
// same command is dispatched anew when what stood in the way has gone.
#pragma once

#include <cstdint>

#include "node/client_core.h"
#include "node/worker_core.h"

namespace torc {

enum class Outcome : uint8_t {
    done,     // the reply is written (or there's none)
    again,    // not run: the connection is paused, see ClientCore::pause
    blocked,  // run, but the reply comes later
};

/// First pass over a batch: finds the row and the key, and starts to bring the shard and the key's table into
/// the cache.
void prepare(WorkerCore& worker, const ClientState& client, Prepared& command);
/// The same for a command that no table has, or whose row is known (internal_commands.h).
void prepare_as(WorkerCore& worker, Prepared& command, const CommandSpec& spec);
/// Second and third pass: what came with the one before says where the bucket is, and then the record.
void prefetch_bucket(WorkerCore& worker, const ClientState& client, const Prepared& command);
void prefetch_record(WorkerCore& worker, const ClientState& client, const Prepared& command);

/// Runs one command. The worker may keep a shard locked for the next command of the batch: release_batch()
/// after the last.
Outcome dispatch(WorkerCore& worker, ClientCore& client, const Prepared& command);
void release_batch(WorkerCore& worker);

/// Is this thread inside an EXEC, holding the locks of its whole queue? Then nobody may wait for a shard lock
/// here.
bool inside_exec();

/// Runs a row under locks that are already held: MULTI's queue.
void run_queued(WorkerCore& worker, ClientCore& client, const QueuedCommand& queued);

}  // namespace torc
