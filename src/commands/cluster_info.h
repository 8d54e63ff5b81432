// The cluster's part of INFO and of CLUSTER INFO.
#pragma once

#include <cstdint>
#include <vector>

#include "commands/cluster_map.h"
#include "commands/cluster_view.h"
#include "commands/info_text.h"

namespace torc {

/// The other live owners of this node's shards: what others call its replicas.
std::vector<const ClusterNode*> replicas_in(const ClusterPicture& picture);
/// INFO's connected_slaves and its slaveN lines: the other live owners of this node's shards. Null: none.
void write_replicas(const ClusterView* view, int64_t now_ms, InfoText& out);

/// The fields that Redis' CLUSTER INFO has.
void write_cluster_state(const ClusterMap& map, const ClusterFigures& figures, InfoText& out);

/// Ours: members, ring, hints, repair, versions, requests by level.
void write_cluster_figures(const ClusterPicture& picture, const ClusterFigures& figures, int64_t now_ms,
                           InfoText& out);

}  // namespace torc
