// A cluster of simulated machines in one thread: real nodes, a network, disks and clocks that fail on demand,
// and the one timeline that all of it runs on.
//
// What happens to a machine: its process dies and starts again (crash), it loses its power (what wasn't
// synced may be gone), it stands still (SIGSTOP), its disk is slow, its clock drifts and jumps, its disk is
// replaced by an empty one or by an older copy of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/sim_process.h"

namespace torc {

class SimMachine {
  public:
    unsigned index = 0;
    SimClock clock;
    std::unique_ptr<SimDisk> disk;
    std::unique_ptr<SimProcess> process;
    std::vector<std::string> seeds;  // bus addresses
    std::string replaces;            // a node's name
    unsigned datacenter = 0;
    std::string data = "/data";  // its directory
    int64_t disk_delay_us = 100;
    double rate = 1.0;      // of its clock
    int64_t synced_us = 0;  // the timeline, as its clock last heard
    double rest_us = 0;
    bool frozen = false;
    bool gone = false;  // for good: drained, or its disk is lost
    int64_t frozen_since_us = 0;
    std::vector<std::function<void()>> postponed;  // till it's thawed
    NodeId id = 0;

    bool serves() const { return process != nullptr && !frozen; }
};

class SimCluster {
  public:
    struct Options {
        uint64_t seed = 1;
        bool always_sync = false;         // appendfsync
        int64_t horizon_seconds = 86400;  // of tombstones
        bool verbose = false;
        unsigned datacenters = 1;
        bool sloppy_quorum = true;
        bool evicts = false;  // what expires, when there's a maxmemory
        unsigned anti_entropy_seconds = 4;
    };
    explicit SimCluster(const Options& options);
    ~SimCluster();

    SimEvents events;
    SimNet net;
    Rng rng;

    // ---- machines
    /// A new machine with an empty disk. The first founds the cluster, the others ask it to be let in.
    unsigned add_machine();
    size_t size() const { return machines_.size(); }
    SimMachine& machine(unsigned index) { return *machines_[index]; }
    Result<void> start(unsigned index);

    // ---- faults
    void crash(unsigned index);
    void power_loss(unsigned index);
    void freeze(unsigned index);
    void thaw(unsigned index);
    void jump_clock(unsigned index, int64_t us);
    /// The process ends in peace, and its directory is copied.
    void replace_directory(unsigned index, std::string with);

    void run_for(int64_t us) { events.run_until(events.now_us() + us); }
    /// All that run are alive to each other, of one epoch, without a move, settled.
    bool is_quiet(std::string* why = nullptr);
    void say(const std::string& text);

    std::vector<std::string> log;

  private:
    void run_on(SimMachine& machine, std::function<void()> what);
    void sync_clock(SimMachine& machine);

    const Options options_;
    std::vector<std::unique_ptr<SimMachine>> machines_;
};

}  // namespace torc
