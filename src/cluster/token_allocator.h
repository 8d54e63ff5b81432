// Where a new node's tokens lie: tokens are chosen so that every node's share of the replicas of all shards
// is near what its weight entitles it to, and so that few shards change hands.
//
// Bars (equal nodes, N = 3): most loaded / mean <= 1.05 for 3 to 32 nodes, joins and leaves in any order;
// shards that move <= 1.15 x the ideal share of the node that joins or leaves. The load of a node is the
// number of shards it holds a replica of. With racks (and datacenters) the placement rule of ring.h decides
// who holds what, so the allocator has to look at preference lists, not at token ranges alone. Deterministic:
// the same arguments give the same tokens on every node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/ring.h"

namespace torc {

/// Tokens of all `members` after `joiner` (already in `members`) has got its own. `tokens`: present ones.
std::vector<Token> tokens_after_join(std::span<const RingMember> members, std::span<const Token> tokens,
                                     NodeId joiner, uint32_t replication_factor);
/// Tokens of the members other than `leaver`, who is still in `members`.
std::vector<Token> tokens_after_leave(std::span<const RingMember> members, std::span<const Token> tokens,
                                      NodeId leaver, uint32_t replication_factor);

/// The preference list of one shard by the rule of ring.h, and the rest of the walk behind it when
/// `whole_walk`. Used by RingTable and by the allocator's search.
void preference_list(std::span<const RingMember> members, std::span<const Token> tokens, ShardId shard,
                     uint32_t replication_factor, bool whole_walk, std::vector<NodeId>& out);

struct RingBalance {
    double worst_over_mean = 0;  // most loaded node / mean, weighted by vnodes
    double mean_shards = 0;
};
RingBalance balance_of(const RingState& ring);

}  // namespace torc
