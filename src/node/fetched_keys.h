// What becomes of the records that a command's fetch has read (cold_fetch.h), before it runs: they go into
// RAM, or turn out to be damaged (CORRECTNESS 11).
//
// On the worker's thread, under the command's locks.
#pragma once

#include <cstdint>

#include "node/client_core.h"
#include "node/worker_core.h"

namespace torc {

enum class Fetched : uint8_t {
    ready,
    refused,  // the error is written
    damaged,  // a key of it, here: the other replicas are to be asked (Coordinator::ask_others())
};
/// Puts what the last round read into RAM, pinned.
Fetched install_fetched(WorkerCore& worker, ClientCore& client, const Prepared& command);

/// The command has run, or won't: eviction may have what was fetched for it.
void end_fetch(WorkerCore& worker, ClientCore& client);

}  // namespace torc
