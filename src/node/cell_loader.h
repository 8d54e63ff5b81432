// What a clustered node does with its data between loading and serving: counts every cell, builds the Merkle
// trees, and makes cells of values that the node held when it was alone.
//
// Before the node serves, on one thread; blocks on the disk.
#pragma once

#include "base/result.h"
#include "node/cluster_core.h"

namespace torc {

class Store;

struct CellLoad {
    uint64_t cells = 0;
    uint64_t adopted = 0;  // plain values that became cells
    uint64_t damaged = 0;  // unreadable: their shards are repaired from other replicas
};

/// `now_ms`: wall clock. An error when the directory holds what a cluster can't: databases other than 0.
Result<CellLoad> load_cells(Store& store, ClusterCore& cluster, int64_t now_ms);

}  // namespace torc
