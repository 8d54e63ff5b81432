// Who takes part in requests for one shard, by one topology: worked out once and kept until the topology
// changes. And the arithmetic of consistency levels over it.
#pragma once

#include <array>
#include <bit>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <vector>

#include "base/consistency.h"
#include "node/cluster_core.h"

namespace torc {

struct Replica {
    NodeId id = 0;
    bool self = false;
    bool owner = false;       // now; else once the ring's move is finished
    bool next_owner = false;  // once the move is finished
    bool alive = false;       // not even suspected
    bool usable = false;      // alive or suspected
    bool settled = false;     // its copy is proven, and all leave deciding to it
    bool ceded = false;       // by this node, lately: others may not know (take_over.h)
    bool local = false;       // in this node's datacenter
    uint16_t datacenter = 0;
    int64_t ping_ms = 0;
};

struct ShardPlan {
    uint64_t version = 0;  // of the topology; 0: not made yet
    int self = -1;         // our place, -1: we're none of them
    int first = -1;        // who coordinates in health: the first owner, local datacenter first
    size_t owners = 0;
    /// Owners in preference order, then owners to come; at most 16. The usual three stand in the plan itself.
    boost::container::small_vector<Replica, 3> replicas;
    std::vector<NodeId> fallbacks;  // usable members that are no replicas, nearest first

    /// The first alive and settled owner, local datacenter first; else the first alive, else the first
    /// usable, else -1.
    int coordinator() const;
    /// Has this node left the shard to that one, which comes before it?
    bool ceded_to_earlier(NodeId node) const;
    bool self_owns() const { return self >= 0 && replicas[static_cast<size_t>(self)].owner; }
    size_t usable_owners() const;
};

void make_shard_plan(ShardPlan& plan, const Topology& topology, const ClusterCore& cluster, ShardId shard);

/// How many of which replicas must have answered.
class Quorum {
  public:
    Quorum() = default;
    /// `writes`: while the ring moves, in both preference lists.
    Quorum(const ShardPlan& plan, Consistency level, bool writes);

    /// The replica at this place of the plan has answered (or a stand-in for it).
    void count(size_t replica) { have_ |= 1u << replica; }
    bool counted(size_t replica) const { return (have_ >> replica & 1) != 0; }
    bool met() const;
    /// For -INDOUBT and -NOREPLICAS: of the group that lacks most.
    unsigned have() const;
    unsigned need() const;
    unsigned answers() const { return static_cast<unsigned>(std::popcount(have_)); }

  private:
    struct Group {
        uint32_t members = 0;
        unsigned need = 0;
    };
    static constexpr size_t kMostGroups = 16;
    void add(uint32_t members, unsigned need);
    const Group& worst() const;

    std::array<Group, kMostGroups> groups_;
    size_t group_count_ = 0;
    uint32_t have_ = 0;
};

}  // namespace torc
