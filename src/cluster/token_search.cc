#include "cluster/token_search.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace torc {
namespace {

// The price of moving a replica that needn't move, in squares of a replica too many or too few. Measured with
// bench/ring_balance.cc over 25 seeds to 32 nodes: 8 moves up to 1.17 of a joiner's ideal share, 10
// moves 1.08 and leaves the most loaded at 1.03, 12 moves 1.07 and leaves it at 1.04.
constexpr int64_t kMovePrice = 10;
// How much a first replica too many counts beside a replica too many. A token is one of the former and
// `replication_factor` of the latter.
constexpr int64_t kPrimaryWeight = 1;
constexpr int64_t kSquare = kShareUnit * kShareUnit;
constexpr int64_t kCostUnit = 64;
// A few hundred milliseconds. Only circles with very unequal weights or racks come near.
constexpr int64_t kWork = 100'000'000;

/// Spreads ties over the circle, so that a node's tokens don't stand together.
uint64_t mix(uint64_t shard, uint64_t node) {
    uint64_t z = shard * 0x9e3779b97f4a7c15ULL + node * 0xd1b54a32d192ed03ULL + 1;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace

TokenSearch::TokenSearch(const Circle& before, const Circle& start, std::span<const uint16_t> racks,
                         std::span<const FairShare> shares, uint32_t replication_factor)
    : circle_(start),
      racks_(racks),
      shares_(shares),
      rule_(start, racks, replication_factor),
      replicas_(rule_.replicas()),
      reach_(kShards),
      held_(racks.size()),
      tokens_(racks.size()),
      change_(racks.size()),
      scratch_(replicas_),
      work_left_(kWork) {
    PlacementRule rule_before(before, racks, replication_factor);
    replicas_before_ = rule_before.replicas();
    before_.resize(size_t{kShards} * replicas_before_);
    lists_.resize(size_t{kShards} * replicas_);
    for (unsigned shard = 0; shard < kShards; ++shard) {
        rule_before.pick(before, shard, before_.data() + size_t{shard} * replicas_before_);
        reach_[shard] = static_cast<uint16_t>(rule_.pick(circle_, shard, list(shard)));
        for (unsigned rank = 0; rank < replicas_; ++rank) ++held_[list(shard)[rank]];
        ++tokens_[circle_[shard]];
    }
    int64_t sum = 0;
    int64_t sharing = 0;
    for (const FairShare& share : shares) {
        sum += share.replicas;
        sharing += share.replicas > 0;
    }
    for (const FairShare& share : shares)
        relative_.push_back(kCostUnit * (sum / sharing) / std::max<int64_t>(share.replicas, 1));
}

int64_t TokenSearch::cost(LocalNode node, int64_t replicas, int64_t primaries) const {
    const FairShare& share = shares_[node];
    const int64_t too_many = replicas * kShareUnit - share.replicas;
    const int64_t too_often = primaries * kShareUnit - share.primaries;
    return (too_many * too_many + kPrimaryWeight * too_often * too_often) * relative_[node];
}

unsigned TokenSearch::strangers(unsigned shard, const LocalNode* list) const {
    const LocalNode* before = before_.data() + size_t{shard} * replicas_before_;
    unsigned count = 0;
    for (unsigned rank = 0; rank < replicas_; ++rank)
        count += std::find(before, before + replicas_before_, list[rank]) == before + replicas_before_;
    return count;
}

template <class Visit>
void TokenSearch::for_each_reaching(unsigned shard, Visit&& visit) {
    // Lists that begin further back look less far beyond, so the first that doesn't get here ends it.
    for (unsigned back = 0; back < kShards; ++back) {
        const unsigned from = (shard + kShards - back) % kShards;
        if (reach_[from] <= back) return;
        visit(from);
    }
}

void TokenSearch::find_effect(unsigned shard, LocalNode node, Effect& effect) {
    const LocalNode present = circle_[shard];
    circle_[shard] = node;
    effect.known = true;
    effect.moved = 0;
    effect.replicas.clear();
    unsigned back = 0, beyond = 1;  // how far it looks from the shard
    const auto change = [&](LocalNode whose, int64_t by) {
        if (change_[whose] == 0) effect.replicas.emplace_back(whose, 0);
        change_[whose] += by;
    };
    for_each_reaching(shard, [&](unsigned from) {
        const unsigned looked_at = rule_.pick(circle_, from, scratch_.data());
        work_left_ -= looked_at;
        back = (shard + kShards - from) % kShards;
        beyond = std::max({beyond, looked_at - std::min(looked_at, back), reach_[from] - back});
        const LocalNode* now = list(from);
        if (std::equal(now, now + replicas_, scratch_.data())) return;
        effect.moved += static_cast<int64_t>(strangers(from, scratch_.data())) - strangers(from, now);
        for (unsigned rank = 0; rank < replicas_; ++rank) {
            if (now[rank] == scratch_[rank]) continue;
            change(now[rank], -1);
            change(scratch_[rank], 1);
        }
    });
    circle_[shard] = present;
    // A node may be there several times, when its changes added up to 0 in between.
    for (auto& [whose, by] : effect.replicas) by = std::exchange(change_[whose], 0);
    // The first list further back that doesn't get here may do so when tokens at its way change.
    back = std::min(back + 1, kShards - 1);
    effect.first = (shard + kShards - back) % kShards;
    effect.end = effect.first + std::min(back + beyond, kShards + 0u);
}

int64_t TokenSearch::price(unsigned shard, LocalNode node, const Effect& effect) const {
    const LocalNode present = circle_[shard];
    int64_t sum = effect.moved * kMovePrice * kSquare * kCostUnit;
    bool node_done = false, present_done = false;
    const auto add = [&](LocalNode whose, int64_t by) {
        // A token is one first replica, wherever it lies.
        const int64_t first = whose == node ? 1 : whose == present ? -1 : 0;
        sum += cost(whose, held_[whose] + by, tokens_[whose] + first) -
               cost(whose, held_[whose], tokens_[whose]);
        node_done |= whose == node;
        present_done |= whose == present;
    };
    for (const auto& [whose, by] : effect.replicas)
        if (by != 0) add(whose, by);
    if (!node_done) add(node, 0);
    if (!present_done) add(present, 0);
    return sum;
}

void TokenSearch::commit(unsigned shard, LocalNode node) {
    --tokens_[circle_[shard]];
    ++tokens_[node];
    circle_[shard] = node;
    for_each_reaching(shard, [&](unsigned from) {
        LocalNode* now = list(from);
        for (unsigned rank = 0; rank < replicas_; ++rank) --held_[now[rank]];
        reach_[from] = static_cast<uint16_t>(rule_.pick(circle_, from, now));
        for (unsigned rank = 0; rank < replicas_; ++rank) ++held_[now[rank]];
    });
}

void TokenSearch::give(LocalNode node, unsigned count) {
    // Each token given away changes few of them.
    std::vector<Effect> effects(kShards);
    while (tokens_[node] < count) {
        int64_t best = std::numeric_limits<int64_t>::max();
        uint64_t best_tie = 0;
        unsigned where = kShards;
        for (unsigned shard = 0; shard < kShards; ++shard) {
            const LocalNode present = circle_[shard];
            if (present == node || tokens_[present] == 1) continue;
            Effect& effect = effects[shard];
            if (!effect.known && work_left_ > 0) find_effect(shard, node, effect);
            const int64_t now = effect.known ? price(shard, node, effect) : 0;
            const uint64_t tie = mix(shard, node);
            if (now > best || (now == best && tie > best_tie)) continue;
            best = now;
            best_tie = tie;
            where = shard;
        }
        if (where == kShards) return;
        commit(where, node);
        for (Effect& effect : effects)
            if (effect.depends_on(where)) effect.known = false;
    }
}

bool TokenSearch::settle_one(unsigned shard) {
    const LocalNode present = circle_[shard];
    if (tokens_[present] == 1 || work_left_ <= 0) return false;
    int64_t best = 0;
    LocalNode to = present;
    Effect effect;
    for (LocalNode node = 0; node < racks_.size(); ++node) {
        if (node == present || shares_[node].replicas == 0) continue;
        find_effect(shard, node, effect);
        const int64_t now = price(shard, node, effect);
        if (now >= best) continue;
        best = now;
        to = node;
    }
    if (to == present) return false;
    commit(shard, to);
    return true;
}

void TokenSearch::settle(std::span<const ShardId> shards) {
    std::vector<ShardId> order(shards.begin(), shards.end());
    std::ranges::sort(order, {}, [&](ShardId shard) { return mix(shard, shards.size()); });
    for (bool better = true; better && work_left_ > 0;) {
        better = false;
        for (const ShardId shard : order) better |= settle_one(shard);
    }
}

void TokenSearch::settle_all() {
    std::vector<ShardId> all(kShards);
    std::iota(all.begin(), all.end(), ShardId{0});
    settle(all);
}

}  // namespace torc
