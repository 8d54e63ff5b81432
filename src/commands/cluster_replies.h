// The subcommands of CLUSTER that show the ring and the members. Their rows are in cluster.cc.
#pragma once

namespace torc {

class ClusterView;
struct Call;

void cluster_info(Call& call, ClusterView& view);
void cluster_slots(Call& call, ClusterView& view);
void cluster_shards(Call& call, ClusterView& view);
void cluster_nodes(Call& call, ClusterView& view);
void cluster_replicas(Call& call, ClusterView& view);
void cluster_links(Call& call, ClusterView& view);

}  // namespace torc
