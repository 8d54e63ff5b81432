// Who breaks things: chooses faults by its seed, ends them, and keeps to what the design promises to survive
// (docs/SIMULATOR.md):
//
//   - what destroys data (an emptied disk, an old copy of a directory, a loss of power while appendfsync
//   isn't
//     `always`) strikes one machine, when all replicas are known to be equal, and the next one not before
//     they are so again
//   - a majority of the ring's members is never gone for good
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/sim_cluster.h"
#include "sim/workload.h"

namespace torc {

class Nemesis {
  public:
    struct Options {
        bool always_sync = false;  // a loss of power loses nothing
        bool only_deaths = false;  // one process at a time dies and comes back; a calm all the same
        bool old_copies = true;    // directories may be restored
    };
    Nemesis(SimCluster& cluster, Workload& workload, const Options& options, uint64_t seed);

    /// Ten times a second: perhaps something breaks.
    void step();
    /// Ten times a second, also while nothing is to break: keeps the calm's number, sees to operators' work.
    void tend();
    /// Everything that can be repaired is, and nothing breaks any more.
    void heal();

  private:
    struct Fault {
        int64_t until_us = 0;
        std::function<void()> end;
    };
    void begin_fault();
    void lasting(int64_t least_us, int64_t most_us, std::function<void()> end);
    void only_death();
    void crash();
    void lose_power();
    void freeze();
    void partition();
    void slow_disk();
    void jump_clock();
    void lossy();
    void clog();
    void join();
    void drain();
    void replace();
    void copy_directory();
    void restore_directory();

    bool pick_running(unsigned& machine);
    std::vector<unsigned> members() const;
    void restart(unsigned machine);
    void finish_drains();
    int64_t between_us(int64_t least, int64_t most) {
        return least + static_cast<int64_t>(rng_.below(static_cast<uint64_t>(most - least)));
    }

    SimCluster& cluster_;
    Workload& workload_;
    const Options options_;
    Rng rng_;
    std::vector<Fault> faults_;
    uint64_t calms_ = 1;
    int64_t next_us_ = 0;
    bool quiet_ = false;         // at the last look
    bool data_at_risk_ = false;  // something was destroyed since the last quiet moment
    std::vector<unsigned> draining_;
    std::vector<std::pair<NodeId, unsigned>> forgotten_;  // node, machine that replaces it
    int copied_ = -1;                                     // machine whose directory was copied
    unsigned copies_ = 0;
};

}  // namespace torc
