// Who holds a shard, by the rule of ring.h, one datacenter at a time: datacenters share nothing, so each has
// a circle of its own with its own tokens.
//
// A circle is kept dense: for every shard, the node whose token is the next one clockwise. A circle with a
// token on every shard and one that lacks some have the same form, and a walk is a walk along an array.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.h"
#include "cluster/ring.h"

namespace torc {

using LocalNode = uint16_t;                     // a node's number within its datacenter, by ascending id
using Circle = std::array<LocalNode, kShards>;  // who has the next token, this shard's included

/// One datacenter of a ring.
struct Datacenter {
    std::vector<const RingMember*> nodes;  // sorted by id
    std::vector<uint16_t> racks;           // of each node; numbered from 0
    bool has_tokens = false;               // else the circle means nothing
    Circle circle{};
};

/// In ascending order of names. The members must outlive the answer; tokens of others are left out.
std::vector<Datacenter> datacenters_of(std::span<const RingMember> members, std::span<const Token> tokens);

/// Reads preference lists off a circle: of each rack the first node met, until there are `replication_factor`
/// or no more racks; then the others as the walk met them. Has scratch memory: one thread at a time.
class PlacementRule {
  public:
    /// Every node of `circle` has a rack in `racks`. Nodes that have no token don't count.
    PlacementRule(const Circle& circle, std::span<const uint16_t> racks, uint32_t replication_factor);

    unsigned replicas() const { return replicas_; }

    /// Puts the preference list of `shard` into `list` (replicas() long). Answers how many shards of the
    /// circle, from `shard` on, the list depends on. The circle has the nodes it was built with.
    unsigned pick(const Circle& circle, unsigned shard, LocalNode* list);

    /// The preference list, then the other nodes as the walk meets them.
    std::span<const LocalNode> walk(const Circle& circle, unsigned shard);

  private:
    unsigned scan(const Circle& circle, unsigned shard, unsigned wanted);

    std::span<const uint16_t> racks_;
    unsigned nodes_ = 0;     // with tokens
    unsigned replicas_ = 0;  // of a shard
    unsigned distinct_ = 0;  // how many of them stand on racks of their own
    // Of the last scan: nodes first on their rack, then the others met; and those others by themselves.
    std::vector<LocalNode> firsts_;
    std::vector<LocalNode> others_;
    std::vector<uint32_t> node_met_;  // number of the scan that met it last
    std::vector<uint32_t> rack_met_;
    uint32_t scan_ = 0;
};

/// Preference lists over all datacenters: the first of each, then the second of each, and so on. Which
/// datacenter is named first goes round with the shard.
class RingPlacement {
  public:
    RingPlacement(std::span<const RingMember> members, std::span<const Token> tokens,
                  uint32_t replication_factor);

    /// Appends the preference list of `shard` to `out`; answers its length. When `whole_walk`, the other
    /// members follow: as their datacenters' walks meet them, those without tokens last.
    unsigned append(unsigned shard, bool whole_walk, std::vector<NodeId>& out);

  private:
    std::vector<Datacenter> datacenters_;  // that have tokens
    std::vector<PlacementRule> rules_;     // of each
    std::vector<NodeId> without_tokens_;
    std::vector<std::vector<LocalNode>> walks_;  // scratch
};

}  // namespace torc
