// One I/O thread's part of the node: what a running command needs at hand, and the connections with something
// to send.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "commands/args.h"
#include "node/cold_fetch.h"
#include "node/keyspace.h"
#include "node/lock_plan.h"
#include "node/node_core.h"
#include "node/worker.h"

namespace torc {

struct ClientCore;
class Coordinator;
class Evictor;
class ShardSync;

/// A parsed command, looked up and hashed, but not yet checked.
struct Prepared {
    uint32_t first_word = 0;  // in WorkerCore::words
    uint32_t word_count = 0;
    size_t end = 0;                          // bytes of the input up to and with this command
    const CommandSpec* container = nullptr;  // as found by its name; null: unknown
    const CommandSpec* spec = nullptr;       // the row that runs; null: unknown (sub)command
    bool one_key = false;                    // the usual case, planned without a LockPlan
    KeyRef key;
};

struct WorkerCore {
    WorkerCore(NodeCore& node, WorkerHost& host, unsigned index, unsigned count);
    ~WorkerCore();

    NodeCore& node;
    WorkerHost& host;
    const unsigned index;
    const unsigned count;
    Rng rng;

    // ---- this turn
    int64_t now_ms = 0;
    std::vector<std::string_view> words;  // of the batch being parsed
    std::vector<Prepared> prepared;
    std::vector<ClientCore*> dirty;  // have output, or changed what they wait for

    // ---- the running command
    WriteBatch batch;
    LockPlan plan;
    HeldLocks locks;
    KeyspaceCounters counters;
    bool out_of_memory = false;  // it may run elsewhere only (Coordinator::route)
    RunningCommand run;
    std::vector<std::unique_ptr<StoreKeyspace>> keyspaces;  // by logical database
    std::vector<KeyPosition> key_positions;
    CommandStats::Counter& stats;

    // ---- over several turns
    std::vector<ClientCore*> clients;       // all of this thread
    std::vector<ClientCore*> waiting;       // for the log: replies held back, or no room for a write
    std::vector<ColdFetch::Pin> pins_left;  // by connections that died before their command ran
    std::vector<ClientCore*> timed;         // blocked with a deadline, or paused by CLIENT PAUSE
    std::atomic<bool> progress_posted{false};
    std::atomic<size_t> waiting_count{0};  // of `waiting`, and answers to peers that wait; for other threads
    bool replica_waits = false;            // somebody of `timed` WAITs for replicas
    size_t quiet_check = 0;                // next of `clients` to be looked at

    // ---- for INFO, summed over the workers
    struct Traffic {
        std::atomic<uint64_t> commands{0}, input_bytes{0}, output_bytes{0}, reads{0}, writes{0};
    } traffic;

    // ---- on a cluster; else null
    std::unique_ptr<Coordinator> coordinator;
    std::unique_ptr<ShardSync> sync;
    std::unique_ptr<Evictor> evictor;

    void begin_turn();
    void end_turn();
    void on_timer();
    /// Replies whose changes are durable go; the rest stays in `waiting`. Also ends blocks that wait for a
    /// sync.
    void release_waiting();
    /// The client has just been blocked.
    void begin_block(ClientCore& client);
    /// Others have acknowledged something: ends WAITs that have got what they wait for.
    void end_replica_waits();
    /// Evicts until there's room under maxmemory. False when there isn't.
    bool make_room();
    bool is_above_maxmemory() const;
    void forget(ClientCore& client);
    void wait_for_log(ClientCore& client);
    void wait_for_time(ClientCore& client);

  private:
    int64_t bytes_to_stay() const;  // of memory: not what is about to be deleted
    void send_round();
    void note_waiting();
    bool holds_answers() const;
    bool has_new_answers() const;
    void release_one(size_t at, Lsn durable, Lsn synced, bool failing);
    void check_deadline(ClientCore& client);
    bool has_what_it_waits_for(ClientCore& client);
    DbId logical_db(DbId physical) const;  // a shard is locked
    void shrink_quiet_clients();

    /// The list that's being walked: a client that dies meanwhile becomes null in it.
    std::vector<ClientCore*> walking;
};

}  // namespace torc
