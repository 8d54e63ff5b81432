// How much of a datacenter each node should hold: in proportion to its weight, as far as the placement rule
// lets it. A node holds a shard at most once; with at least as many racks as replicas a rack does too, and
// with fewer racks each rack holds every shard at least once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace torc {

inline constexpr int64_t kShareUnit = 64;  // of one shard: shares are integers, alike on every machine

struct FairShare {
    int64_t replicas = 0;   // shards to hold, in units of 1/kShareUnit
    int64_t primaries = 0;  // shards to be the first replica of
};

/// `racks` and `weights` are by node; weights are positive.
std::vector<FairShare> fair_shares(std::span<const uint16_t> racks, std::span<const uint32_t> weights,
                                   uint32_t replication_factor);

}  // namespace torc
