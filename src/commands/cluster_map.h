// The ring as stock cluster clients are shown it. They know masters of slots and replicas of masters; Torc
// has a preference list for each range of slots and no roles. So each range has a master of its own, the
// owner that a write is best sent to: the first that's alive, else the first suspect, else the first of the
// list. The range's other owners are its replicas. A node may be the master of one range and a replica of
// another.
#pragma once

#include <string>
#include <vector>

#include "commands/cluster_view.h"

namespace torc {

struct ShownRange {
    SlotRange slots;
    const ClusterNode* master = nullptr;
    std::vector<const ClusterNode*> replicas;  // in preference order, the dead among them
};

/// The ranges that have exactly the same owners; what CLUSTER SHARDS calls a shard.
struct ShownShard {
    std::vector<SlotRange> slots;
    const ClusterNode* master = nullptr;
    std::vector<const ClusterNode*> replicas;
};

/// Points into the picture.
class ClusterMap {
  public:
    explicit ClusterMap(const ClusterPicture& picture);
    explicit ClusterMap(ClusterPicture&&) = delete;

    const ClusterPicture& picture() const { return picture_; }
    const std::vector<ShownRange>& ranges() const { return ranges_; }
    /// The same, for clients that keep the role in which they first see a node (cluster-keyspace-scope node):
    /// one slot of each master comes first, without replicas, and then what is left of the ranges.
    std::vector<ShownRange> masters_first() const;
    /// In the order of their first slots; then members that own nothing, each alone with no slots.
    std::vector<ShownShard> shards() const;
    /// Nodes that clients are told of: all but those that have left.
    std::vector<const ClusterNode*> nodes() const;
    /// Slots that a node is shown as the master of, merged.
    std::vector<SlotRange> slots_of(NodeId node) const;
    /// The other owners of those slots, each once.
    std::vector<const ClusterNode*> replicas_of(NodeId node) const;
    /// By its name; null when there's none.
    const ClusterNode* find(std::string_view name) const;

  private:
    const ClusterPicture& picture_;
    std::vector<ShownRange> ranges_;
};

/// Nobody can be reached there.
inline bool is_gone(const ClusterNode& node) {
    return node.liveness == Liveness::down || node.liveness == Liveness::left;
}

/// Merges ranges that touch; both in slot order.
void append_slots(std::vector<SlotRange>& to, SlotRange slots);

}  // namespace torc
