// Looks for a better circle by giving one token at a time to another node.
//
// A circle costs the squares of what nodes hold (as replicas, and as first replicas) beside their fair share,
// relative to it, and a price for each replica that isn't where it was. What giving one token away does to
// that is found from the few preference lists that reach the token. All arithmetic is on integers, ties are
// broken by a hash of the place, and work is bounded by counting, not by a clock: the answer is a function of
// the arguments. Only token_allocator.cc uses this.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cluster/fair_share.h"
#include "cluster/placement.h"

namespace torc {

class TokenSearch {
  public:
    /// `before` is where replicas are now; the search begins at `start`. How many replicas a shard has, and
    /// on how many racks, must not depend on nodes that have no token in `start`. Nodes whose fair share is
    /// nothing get no tokens.
    TokenSearch(const Circle& before, const Circle& start, std::span<const uint16_t> racks,
                std::span<const FairShare> shares, uint32_t replication_factor);

    /// Gives `node` further tokens, always the one that costs least, until it has `count`.
    void give(LocalNode node, unsigned count);
    /// Gives each token of `shards` in turn to the node where it costs least, until none moves any more.
    void settle(std::span<const ShardId> shards);
    /// The same for all tokens.
    void settle_all();

    const Circle& circle() const { return circle_; }

  private:
    /// What circle_[shard] = node would do to the lists, whoever holds how much.
    struct Effect {
        bool known = false;
        int64_t moved = 0;                                    // replicas that aren't where they were
        std::vector<std::pair<LocalNode, int64_t>> replicas;  // who would hold more or fewer of them
        unsigned first = 0, end = 0;  // it depends on these shards' tokens; beyond kShards: round the circle
        bool depends_on(unsigned shard) const {
            return (shard >= first && shard < end) || shard + kShards < end;
        }
    };
    int64_t cost(LocalNode node, int64_t replicas, int64_t primaries) const;
    void find_effect(unsigned shard, LocalNode node, Effect& effect);
    /// What circle_[shard] = node, having this effect, would add to the cost.
    int64_t price(unsigned shard, LocalNode node, const Effect& effect) const;
    void commit(unsigned shard, LocalNode node);
    bool settle_one(unsigned shard);
    /// Calls visit(k) for every shard k whose list depends on the token at `shard`.
    template <class Visit>
    void for_each_reaching(unsigned shard, Visit&& visit);
    LocalNode* list(unsigned shard) { return lists_.data() + size_t{shard} * replicas_; }
    unsigned strangers(unsigned shard, const LocalNode* list) const;

    Circle circle_;
    std::span<const uint16_t> racks_;
    std::span<const FairShare> shares_;
    PlacementRule rule_;
    unsigned replicas_ = 0;
    unsigned replicas_before_ = 0;
    std::vector<int64_t> relative_;  // by node: how much its squares count, by the size of its share

    std::vector<LocalNode> before_;   // lists at the start of the search
    std::vector<LocalNode> lists_;    // of circle_
    std::vector<uint16_t> reach_;     // how far the list of each shard looks
    std::vector<int64_t> held_;       // by node: replicas of shards
    std::vector<int64_t> tokens_;     // by node: also the shards it is first replica of
    std::vector<int64_t> change_;  // by node: scratch of find_effect(), all 0 between its calls
    std::vector<LocalNode> scratch_;
    int64_t work_left_ = 0;  // list entries it may still look at
};

}  // namespace torc
