// What the control thread alone knows (who pings whom, links, how far a move is), as it last wrote it down
// for other threads. Immutable once published; replaced every 250 ms and whenever the ring or a member
// changes.
#pragma once

#include <vector>

#include "commands/cluster_view.h"

namespace torc {

struct ClusterSnapshot {
    ClusterPicture picture;
    std::vector<ClusterLink> links;  // control links; a worker's are its own
};

/// Runs of shards with equal preference lists, in slot order. Empty without a ring.
std::vector<ClusterRange> ranges_of(const RingTable& ring);

}  // namespace torc
