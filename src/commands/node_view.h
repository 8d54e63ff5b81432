// The node as commands see it, apart from the data (keyspace.h): narrow faces, each for one family of
// commands. Implemented by node/; tests make their own with fakes for what they use.
//
// Thread rule: any thread; each face says more. Everything lives as long as the node.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "commands/node_facts.h"

namespace torc {

class Clients;
class Clock;
class ClusterView;
class CommandStatsView;
class Config;
class ErrorStatsView;
class LatencyView;
class Persistence;
class SlowLogView;
class Transactions;
struct ClientState;

/// Keys of one logical database, for INFO's keyspace section. No lock needed.
struct DatabaseFacts {
    unsigned db = 0;
    uint64_t keys = 0;
    uint64_t expires = 0;
    int64_t average_ttl_ms = 0;
};

class NodeView {
  public:
    virtual ~NodeView() = default;

    virtual const Clock& clock() const = 0;
    virtual Config& config() = 0;
    virtual Clients& clients() = 0;            // commands/clients.h
    virtual Transactions& transactions() = 0;  // commands/transactions.h
    virtual SlowLogView& slow_log() = 0;       // these four: commands/diagnostics.h
    virtual LatencyView& latency() = 0;
    virtual CommandStatsView& command_stats() = 0;
    virtual ErrorStatsView& error_stats() = 0;
    virtual Persistence& persistence() = 0;
    virtual ClusterView* cluster() = 0;  // commands/cluster_view.h; null: a node on its own

    virtual NodeFacts facts() const = 0;
    /// Databases that hold keys, by number.
    virtual std::vector<DatabaseFacts> databases() const = 0;
    /// CONFIG RESETSTAT: the counters behind facts(). (The command resets the other faces itself.)
    virtual void reset_stats() = 0;

    /// From the next command on, this client is sent every command that runs (MONITOR).
    virtual void start_monitor(ClientState& client) = 0;
    /// DEBUG SET-ACTIVE-EXPIRE: with false, expired keys only vanish when they are touched.
    virtual void set_active_expire(bool on) = 0;
    /// MEMORY PURGE: gives free memory back to the system, where the allocator can.
    virtual void purge_memory() = 0;
};

}  // namespace torc
