// How the right to decide for a shard comes back to a node whose copy has been proven again, without two
// nodes deciding at once (CORRECTNESS 2).
//
// While a shard's first owner is away another one stands in for it: runs SET NX, INCR and the like. When the
// first one is back, gossip needs a while to tell everybody; whoever heard it and whoever didn't would send
// their commands to two nodes, and both would say yes to SET NX. So the one that is back claims its shards
// first, and counts as unsettled until the claim stands:
//
//   claim   to every other owner, again until it has answered: the shards whose copy is proven here
//   cede    who gets a claim publishes a topology in which the claimer is settled for these shards, so its
//           clients' commands go there; commands that are under way through it (forwarded by nodes that don't
//           know yet, queued, parked, waiting for other replicas) are relayed there when their turn comes
//   ack     when all of its threads have begun a turn under that topology: from then on it decides nothing of
//           these shards
//   taken   when every other owner has answered, or is down: the claimer tells by gossip that it's settled
//
// A claimer whose copy is in doubt again (it stood still, its log fails) says so by a claim without those
// shards: else the others would leave deciding to one that decides nothing, for as long as they take gossip
// for old.
//
// What the stand-in decided last may be on its way: for a while the claimer asks all live owners before it
// decides (Coordinator::trusts_own_copy). An owner that can't be reached but isn't down holds a claim up;
// until then its shards are decided by whoever did before, so nothing waits for it.
//
// Claim: u8 1, u64 number, u64 actor, u64 ring epoch, 128 bytes of shard bits, all that the sender decides or
// would decide (a later claim replaces an earlier one). Ack: u8 2, u64 number, u64 the claimer's actor.
//
// Thread rule: the control thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/membership.h"
#include "node/cluster_core.h"

namespace torc {

class TakeOver {
  public:
    explicit TakeOver(ClusterCore& cluster) : cluster_(cluster) {}

    void on_tick(int64_t now_ms);
    /// A malformed one is ignored.
    void on_message(NodeId from, std::string_view payload, int64_t now_ms);
    std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }

    /// Which shards this node has ceded to that one lately: gossip may not say so yet.
    const ShardSet& ceded_to(NodeId id, ActorId actor) const;
    /// True once when ceded_to() has changed: a topology that shows it has to be published.
    bool take_changed() { return std::exchange(changed_, false); }

  private:
    struct Claim {
        uint64_t number = 0;
        uint64_t epoch = 0;
        uint64_t unsettles = 0;
        ShardSet shards;
        ShardSet lost;  // claimed before and no longer: not all have answered this claim, which lacks them
        std::set<NodeId> answered;
        int64_t born_ms = 0;
        int64_t send_ms = 0;  // next
    };
    struct Ceded {
        ActorId actor = 0;
        uint64_t number = 0;
        ShardSet shards;
        int64_t until_ms = 0;
    };
    struct Answer {
        NodeId to = 0;
        uint64_t number = 0;
        ActorId actor = 0;
        uint64_t version = 0;  // of the topology that all threads must have seen
    };

    void answer();
    void forget_ceded(const Topology& topology, int64_t now_ms);
    void claim(const Topology& topology, int64_t now_ms);
    void on_claim(NodeId from, const Ceded& claimed, uint64_t epoch, int64_t now_ms);
    bool stands(const Topology& topology, ShardId shard, int64_t now_ms) const;
    void send(NodeId to, std::string payload) { outgoing_.push_back({to, std::move(payload)}); }

    ClusterCore& cluster_;
    int64_t born_ms_ = 0;
    Claim claim_;
    std::map<NodeId, Ceded> ceded_;
    std::vector<Answer> answers_;
    std::vector<Outgoing> outgoing_;
    bool changed_ = false;
};

}  // namespace torc
