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

// What Redis' operators do by hand: arguments are judged in Redis' words; what's right is refused, since the
// ring places slots by itself and there are no roles to change.

/// ADDSLOTS, DELSLOTS.
void cluster_listed_slots(Call& call, ClusterView& view);
/// ADDSLOTSRANGE, DELSLOTSRANGE.
void cluster_slot_ranges(Call& call, ClusterView& view);
void cluster_flushslots(Call& call, ClusterView& view);
void cluster_setslot(Call& call, ClusterView& view);
void cluster_failover(Call& call, ClusterView& view);
void cluster_replicate(Call& call, ClusterView& view);

}  // namespace torc
