// The subcommands of CLUSTER that change the cluster, or would in Redis. Their rows are in cluster.cc.
#pragma once

namespace torc {

class ClusterView;
struct Call;

void cluster_meet(Call& call, ClusterView& view);
void cluster_forget(Call& call, ClusterView& view);
void cluster_reset(Call& call, ClusterView& view);
void cluster_saveconfig(Call& call, ClusterView& view);
void cluster_bumpepoch(Call& call, ClusterView& view);
void cluster_set_config_epoch(Call& call, ClusterView& view);
void cluster_count_failure_reports(Call& call, ClusterView& view);

/// ADDSLOTS and its kin: the ring places slots by itself.
void cluster_slots_are_the_rings(Call& call, ClusterView& view);
/// FAILOVER, REPLICATE: there are no roles to change.
void cluster_has_no_roles(Call& call, ClusterView& view);

}  // namespace torc
