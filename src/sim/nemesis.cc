#include "sim/nemesis.h"

#include <algorithm>

namespace torc {

Nemesis::Nemesis(SimCluster& cluster, Workload& workload, uint64_t seed)
    : cluster_(cluster), workload_(workload), rng_(seed) {}

void Nemesis::step() {}
void Nemesis::tend() {
    if (!faults_.empty() || !cluster_.is_quiet()) {
        workload_.calm = 0;
    } else if (workload_.calm == 0) {
        workload_.calm = ++calms_;
    }
}
void Nemesis::heal() {}

}  // namespace torc
