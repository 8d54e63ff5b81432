// Who breaks things: chooses faults by its seed, ends them, and keeps to what the design promises to survive.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/rng.h"
#include "sim/sim_cluster.h"
#include "sim/workload.h"

namespace torc {

class Nemesis {
  public:
    Nemesis(SimCluster& cluster, Workload& workload, uint64_t seed);

    /// Ten times a second: perhaps something breaks.
    void step();
    /// Ten times a second, also while nothing is to break: keeps the calm's number, ends drains.
    void tend();
    /// Everything that can be repaired is.
    void heal();

  private:
    struct Fault {
        int64_t until_us = 0;
        std::function<void()> end;
    };
    void begin_fault();
    void lasting(int64_t us, std::function<void()> end);
    void partition();
    bool pick_running(unsigned& machine);
    size_t running() const;

    SimCluster& cluster_;
    Workload& workload_;
    Rng rng_;
    std::vector<Fault> faults_;
    uint64_t calms_ = 1;
    int64_t next_us_ = 0;
};

}  // namespace torc
