// Who breaks things: chooses faults by its seed, ends them, and keeps to what the design promises to survive
// (docs/SIMULATOR.md):
//
//   - what destroys data (an emptied disk, an old copy of a directory, a loss of power while appendfsync
//   isn't
//     `always`) strikes one machine, when all replicas are known to be equal, and the next one not before
//     they are so again
//   - a bit is flipped on one machine, and from then on nothing else that destroys data happens
//   - a majority of the ring's members is never gone for good
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
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
        bool more = false;         // the faults of nemesis_more.cc too, and faults of one kind overlap
        unsigned datacenters = 1;  // with two there's no calm: each has its own coordinators
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
    using Links = std::vector<std::pair<unsigned, unsigned>>;  // from, to
    using Values = std::multiset<int64_t>;                     // of a kind of fault, at the same time
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

    // ---- nemesis_more.cc
    void step_more();
    void lose_power_of_many();
    void short_pauses();
    void disk_fault(int64_t least_us, int64_t most_us, const std::function<std::string(SimDisk&)>& breaks);
    void failing_disk();
    void unreadable_disk();
    void full_disk();
    void torn_write();
    void flip_bit();
    void cut_between_datacenters();
    void end_disk_fault(unsigned machine);

    void cut_off(const std::string& text, const Links& cuts, int64_t least_us, int64_t most_us);
    /// The worst of what holds after one more, or one less; 0: nothing.
    int64_t one_more(Values& values, int64_t value);
    int64_t one_less(Values& values, int64_t value);
    bool pick_running(unsigned& machine);
    bool is_leaving(unsigned machine) const;  // the cluster, for good
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
    int64_t next_us_ = 0, next_more_us_ = 0;
    bool quiet_ = false;         // at the last look
    bool data_at_risk_ = false;  // something was destroyed since the last quiet moment
    bool flipped_ = false;       // a bit: data is at risk for good
    bool disk_fails_ = false;    // of one machine
    std::map<std::pair<unsigned, unsigned>, unsigned> cuts_;
    std::map<std::pair<unsigned, unsigned>, Values> clogs_;
    std::map<unsigned, Values> slow_;  // disks
    Values losses_;
    std::vector<unsigned> draining_;
    std::vector<std::pair<NodeId, unsigned>> forgotten_;  // node, machine that replaces it
    int copied_ = -1;                                     // machine whose directory was copied
    unsigned copies_ = 0;
};

}  // namespace torc
