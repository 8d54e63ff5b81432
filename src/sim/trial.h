// One seed: a cluster is formed, clients work, faults strike, everything heals, and the checkers judge.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace torc {

struct TrialOptions {
    uint64_t seed = 1;
    unsigned seconds = 20;  // simulated, of work and faults
    bool verbose = false;
    bool faults = true;
    bool plain = false;  // without the later faults and keys (docs/SIMULATOR.md)
};

struct TrialReport {
    std::vector<std::string> wrong;  // empty: all is well
    std::vector<std::string> log;    // what happened, in order
    uint64_t commands = 0, acknowledged = 0, in_doubt = 0, refused = 0;
    uint64_t events = 0, frames = 0;
    int64_t simulated_us = 0;
};

TrialReport run_trial(const TrialOptions& options);

}  // namespace torc
