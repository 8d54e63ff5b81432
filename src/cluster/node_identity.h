// Who this node is: its id, made once with the data directory, and the actor of its present run, under which
// it issues dots. The actor is new at every start, clean or not, and on disk before it's used: a directory
// that lost its tail, or was restored from a copy, would otherwise issue dots that were issued before
// (CORRECTNESS 1).
#pragma once

#include <cstdint>
#include <string>

#include "base/disk.h"
#include "base/result.h"
#include "cluster/node_id.h"

namespace torc {

struct NodeIdentity {
    NodeId node = 0;
    uint64_t actor = 0;
    uint64_t starts = 0;  // of this directory, this one included; a restored copy counts from its own
};

/// Once per start, with the directory locked. `entropy`: 64 bits that nobody had before, from the system's
/// source of randomness. Makes the files of a new directory; an error if one of them is damaged or missing
/// beside the other (cluster_file.h).
Result<NodeIdentity> open_node_identity(Disk& disk, const std::string& directory, uint64_t entropy);

}  // namespace torc
