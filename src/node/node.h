// One whole store node: everything but sockets, threads and clocks, which its maker hands in.
//
// Life: construct -> open() (directory locked, configuration checked) -> workers and clients may come (they
// get -LOADING) -> load() on a thread of its own -> serving -> shutdown() when no worker runs any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/disk.h"
#include "base/result.h"
#include "base/time.h"

namespace torc {

class BusControl;
class Config;
struct NodeCore;

class Node {
  public:
    struct Environment {
        Disk& disk;
        const Clock& clock;
        uint64_t random_seed;
        /// SHUTDOWN or a signal handler's wish: stop accepting, end the loops, then call shutdown(). Any
        /// thread.
        std::function<void()> request_stop;
    };

    Node(Config& config, Environment environment);
    ~Node();

    Result<void> open();
    /// Blocking: builds the index. Logs progress.
    Result<void> load();
    bool loading() const;

    // ---- steps for background threads of the maker; each blocks on the disk. Never two of the same at once.
    /// Once a second and when the log asks for it (want_sync): fdatasync under `everysec`, sealing, retry
    /// after errors.
    void sync_step();
    /// True when someone waits for a sync now (appendfsync always, WAITAOF). `wanted` is called on any thread
    /// then.
    void on_sync_wanted(std::function<void()> wanted);
    /// One bounded step of the log's housekeeping: sealing segments, backups, compaction. Returns how long to
    /// wait before the next, in microseconds.
    int64_t maintenance_step();
    /// Called on any thread when maintenance_step() has something to do at once (a backup).
    void on_maintenance_wanted(std::function<void()> wanted);
    /// One bounded step of bringing values into RAM after a start; false when done.
    bool warm_step();

    /// Clean end: everything written, synced and sealed. No worker runs any more.
    Result<void> shutdown();

    /// What the server runs on its control thread; null without a cluster.
    BusControl* bus_control();

    Config& config();
    uint64_t connected_clients() const;
    /// For the listener: false (and the error line to send) when maxclients is reached or protected mode
    /// forbids.
    bool may_connect(bool local, std::string& refusal);
    /// For what the listener turned away by itself.
    void count_rejected_connection();
    /// False while a node of a cluster with others still loads, or hasn't found them: a client that can't
    /// connect goes to another node, where one that gets an error shows it. Any thread.
    bool serves_clients() const;

    NodeCore& core() { return *core_; }

  private:
    std::unique_ptr<NodeCore> core_;
};

}  // namespace torc
