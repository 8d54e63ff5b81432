#include "cluster/fair_share.h"

#include <algorithm>
#include <numeric>

#include "base/types.h"

namespace torc {
namespace {

constexpr int64_t kWhole = kShards * kShareUnit;  // every shard once

struct Claim {
    int64_t weight = 0;
    int64_t least = 0;
    int64_t most = 0;
};

/// Shares of `total` in proportion to weight, each between its bounds: what a common water level gives, found
/// by bisection. Rounding may leave a few units out.
std::vector<int64_t> pour(const std::vector<Claim>& claims, int64_t total) {
    constexpr int64_t kScale = 1 << 16;  // a level is share / weight in units of 1/kScale
    const auto share = [](const Claim& claim, int64_t level) {
        return std::clamp(static_cast<int64_t>(static_cast<__int128>(level) * claim.weight / kScale),
                          claim.least, claim.most);
    };
    int64_t low = 0;
    int64_t high = total * kScale;
    while (high - low > 1) {
        const int64_t level = low + (high - low) / 2;
        int64_t sum = 0;
        for (const Claim& claim : claims) sum += share(claim, level);
        (sum <= total ? low : high) = level;
    }
    std::vector<int64_t> shares;
    for (const Claim& claim : claims) shares.push_back(share(claim, low));
    return shares;
}

}  // namespace

std::vector<FairShare> fair_shares(std::span<const uint16_t> racks, std::span<const uint32_t> weights,
                                   uint32_t replication_factor) {
    const size_t nodes = racks.size();
    size_t rack_count = 0;
    for (const uint16_t rack : racks) rack_count = std::max<size_t>(rack_count, rack + size_t{1});
    const int64_t replicas = static_cast<int64_t>(std::min<size_t>(replication_factor, nodes));
    const int64_t all_racks = static_cast<int64_t>(rack_count);
    const int64_t spare = std::max<int64_t>(replicas - all_racks, 0);  // replicas beyond one a rack

    std::vector<Claim> rack_claims(rack_count);
    for (size_t node = 0; node < nodes; ++node) {
        Claim& claim = rack_claims[racks[node]];
        claim.weight += weights[node];
        claim.least = all_racks <= replicas ? kWhole : 0;
        claim.most = std::min(claim.most + kWhole, (1 + spare) * kWhole);
    }
    const std::vector<int64_t> rack_shares = pour(rack_claims, replicas * kWhole);

    const int64_t all_weights = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    std::vector<FairShare> shares(nodes);
    for (size_t rack = 0; rack < rack_count; ++rack) {
        std::vector<Claim> claims;
        for (size_t node = 0; node < nodes; ++node)
            if (racks[node] == rack) claims.push_back({weights[node], 0, kWhole});
        const std::vector<int64_t> in_rack = pour(claims, rack_shares[rack]);
        size_t next = 0;
        for (size_t node = 0; node < nodes; ++node)
            if (racks[node] == rack) shares[node].replicas = in_rack[next++];
    }
    for (size_t node = 0; node < nodes; ++node)
        shares[node].primaries = kWhole * static_cast<int64_t>(weights[node]) / all_weights;
    return shares;
}

}  // namespace torc
