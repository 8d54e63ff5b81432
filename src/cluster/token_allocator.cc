#include "cluster/token_allocator.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "cluster/fair_share.h"
#include "cluster/placement.h"
#include "cluster/token_search.h"

namespace torc {
namespace {

constexpr LocalNode kNobody = UINT16_MAX;

/// Fair shares of all nodes of `datacenter` but `without`, who gets nothing.
std::vector<FairShare> shares_of(const Datacenter& datacenter, uint32_t replication_factor,
                                 LocalNode without) {
    std::vector<uint16_t> racks;
    std::vector<uint32_t> weights;
    std::vector<uint16_t> numbers(datacenter.nodes.size(), kNobody);  // of racks that somebody is left on
    uint16_t next_rack = 0;
    for (LocalNode node = 0; node < datacenter.nodes.size(); ++node) {
        if (node == without) continue;
        uint16_t& number = numbers[datacenter.racks[node]];
        if (number == kNobody) number = next_rack++;
        racks.push_back(number);
        weights.push_back(std::max(datacenter.nodes[node]->vnodes, 1u));
    }
    std::vector<FairShare> shares = fair_shares(racks, weights, replication_factor);
    if (without != kNobody) shares.insert(shares.begin() + without, FairShare{});
    return shares;
}

/// What tokens are dealt out by, by node. However light, a node gets a token; one without a share doesn't.
std::vector<int64_t> weights_of(const std::vector<FairShare>& shares) {
    std::vector<int64_t> weights;
    for (const FairShare& share : shares)
        weights.push_back(share.replicas == 0 ? 0 : std::max(share.primaries, 2 * kShareUnit));
    return weights;
}

/// Single tokens in turn, by weight: where a search begins whose nodes have held everything so far.
Circle in_turn(const std::vector<FairShare>& shares) {
    Circle circle;
    const std::vector<int64_t> weights = weights_of(shares);
    std::vector<int64_t> credit(shares.size());
    const int64_t all = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    for (LocalNode& token : circle) {
        for (size_t node = 0; node < shares.size(); ++node) credit[node] += weights[node];
        token = static_cast<LocalNode>(std::ranges::max_element(credit) - credit.begin());
        credit[token] -= all;
    }
    return circle;
}

/// Runs of tokens, of each node as many as it has vnodes. For a datacenter whose nodes hold everything: only
/// who comes first is to be settled, and long runs keep CLUSTER SLOTS short. The order of the nodes changes
/// from round to round, so that what a dead node was first for falls to all others.
Circle in_runs(const Datacenter& datacenter, const std::vector<FairShare>& shares) {
    const size_t nodes = shares.size();
    const std::vector<int64_t> weights = weights_of(shares);
    const int64_t all = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    std::vector<unsigned> counts;
    int64_t before = 0;
    unsigned rounds = 1;
    for (size_t node = 0; node < nodes; ++node) {
        const int64_t end = before + weights[node];
        counts.push_back(static_cast<unsigned>(end * kShards / all - before * kShards / all));
        before = end;
        if (weights[node] != 0) rounds = std::max(rounds, datacenter.nodes[node]->vnodes);
    }
    Circle circle;
    unsigned shard = 0;
    size_t stride = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        do stride = stride % std::max<size_t>(nodes - 1, 1) + 1;
        while (std::gcd(stride, nodes) != 1);
        for (size_t i = 0; i < nodes; ++i) {
            const size_t node = i * stride % nodes;
            const unsigned length = counts[node] * (round + 1) / rounds - counts[node] * round / rounds;
            for (unsigned n = 0; n < length; ++n) circle[shard++] = static_cast<LocalNode>(node);
        }
    }
    TORC_CHECK(shard == kShards);
    return circle;
}

unsigned token_count(const FairShare& share) {
    return static_cast<unsigned>(std::max<int64_t>(share.primaries / kShareUnit, 1));
}

unsigned racks_with_tokens(const Datacenter& datacenter) {
    std::vector<bool> has(datacenter.racks.size());
    for (const LocalNode node : datacenter.circle) has[datacenter.racks[node]] = true;
    return static_cast<unsigned>(std::ranges::count(has, true));
}

bool has_tokens_on(const Datacenter& datacenter, uint16_t rack) {
    return std::ranges::any_of(datacenter.circle,
                               [&](LocalNode node) { return datacenter.racks[node] == rack; });
}

Circle circle_after_join(const Datacenter& datacenter, LocalNode joiner, uint32_t replication_factor) {
    const std::vector<FairShare> shares = shares_of(datacenter, replication_factor, kNobody);
    if (!datacenter.has_tokens || shares.size() <= replication_factor) return in_runs(datacenter, shares);
    const unsigned count = token_count(shares[joiner]);
    const bool all_held_everything = shares.size() == replication_factor + 1;
    Circle start =
        all_held_everything ? in_turn(shares_of(datacenter, replication_factor, joiner)) : datacenter.circle;
    // A rack more makes replicas change racks all over the circle: a search that gives tokens one by one
    // would begin with a circle that has no list by the new rule.
    const bool spreads_wider = racks_with_tokens(datacenter) < replication_factor &&
                               !has_tokens_on(datacenter, datacenter.racks[joiner]);
    if (spreads_wider)
        for (unsigned token = 0; token < count; ++token) start[token * kShards / count] = joiner;
    TokenSearch search(datacenter.circle, start, datacenter.racks, shares, replication_factor);
    search.give(joiner, count);
    search.settle_all();
    return search.circle();
}

Circle circle_after_leave(const Datacenter& datacenter, LocalNode leaver, uint32_t replication_factor) {
    const std::vector<FairShare> shares = shares_of(datacenter, replication_factor, leaver);
    if (shares.size() - 1 <= replication_factor) return in_runs(datacenter, shares);
    // As if its tokens were gone: each of its places falls to the next one's owner.
    Circle start = datacenter.circle;
    std::vector<ShardId> freed;
    const auto other = std::ranges::find_if(start, [&](LocalNode node) { return node != leaver; });
    TORC_CHECK(other != start.end());
    LocalNode next = *other;
    for (unsigned shard = kShards; shard-- > 0;) {
        if (start[shard] == leaver) {
            start[shard] = next;
            freed.push_back(static_cast<ShardId>(shard));
        }
        next = start[shard];
    }
    TokenSearch search(datacenter.circle, start, datacenter.racks, shares, replication_factor);
    search.settle(freed);
    search.settle_all();
    return search.circle();
}

/// `tokens` with those of `datacenter` replaced.
std::vector<Token> with_circle(std::span<const Token> tokens, const Datacenter& datacenter,
                               const Circle* circle) {
    std::vector<Token> all;
    for (const Token& token : tokens) {
        const bool ours =
            std::ranges::any_of(datacenter.nodes, [&](auto* node) { return node->id == token.owner; });
        if (!ours) all.push_back(token);
    }
    for (unsigned shard = 0; circle != nullptr && shard < kShards; ++shard)
        all.push_back({static_cast<ShardId>(shard), datacenter.nodes[(*circle)[shard]]->id});
    std::ranges::sort(all, token_before);
    return all;
}

struct Place {
    const Datacenter* datacenter;
    LocalNode node;
};

Place find(const std::vector<Datacenter>& datacenters, NodeId id) {
    for (const Datacenter& datacenter : datacenters)
        for (LocalNode node = 0; node < datacenter.nodes.size(); ++node)
            if (datacenter.nodes[node]->id == id) return {&datacenter, node};
    TORC_CHECK(false && "not a member");
}

}  // namespace

std::vector<Token> tokens_after_join(std::span<const RingMember> members, std::span<const Token> tokens,
                                     NodeId joiner, uint32_t replication_factor) {
    const std::vector<Datacenter> datacenters = datacenters_of(members, tokens);
    const auto [datacenter, node] = find(datacenters, joiner);
    const Circle circle = circle_after_join(*datacenter, node, replication_factor);
    return with_circle(tokens, *datacenter, &circle);
}

std::vector<Token> tokens_after_leave(std::span<const RingMember> members, std::span<const Token> tokens,
                                      NodeId leaver, uint32_t replication_factor) {
    const std::vector<Datacenter> datacenters = datacenters_of(members, tokens);
    const auto [datacenter, node] = find(datacenters, leaver);
    if (datacenter->nodes.size() == 1 || !datacenter->has_tokens)
        return with_circle(tokens, *datacenter, nullptr);
    const Circle circle = circle_after_leave(*datacenter, node, replication_factor);
    return with_circle(tokens, *datacenter, &circle);
}

}  // namespace torc
