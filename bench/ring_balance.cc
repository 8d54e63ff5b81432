// How even the ring is and how much a change of it moves, for 3 to 64 equal nodes. Under each seed the ring
// grows to 64 nodes, shrinks to 3 and grows again, every fourth step being one back. Prints the worst seen at
// each size; what a join or a leave moved counts for the larger of its two sizes.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>

#include "base/rng.h"
#include "cluster/ring.h"
#include "cluster/token_allocator.h"

namespace {

using namespace torc;

struct Worst {
    double replicas = 0, primaries = 0, join = 0, leave = 0, milliseconds = 0, table_ms = 0;
    unsigned ranges = 0;
};

double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

size_t replicas_gained(const RingState& moving) {
    const RingTable table(moving);
    size_t all = 0;
    for (const RingMember& member : moving.members) all += table.gained(member.id).size();
    return all;
}

double primaries_over_mean(const RingState& ring, const RingTable& table) {
    std::map<NodeId, unsigned> first;
    for (unsigned shard = 0; shard < kShards; ++shard)
        ++first[table.owners(static_cast<ShardId>(shard)).front()];
    unsigned most = 0;
    for (const auto& [id, count] : first) most = std::max(most, count);
    return most * static_cast<double>(ring.members.size()) / kShards;
}

/// Runs of shards with the same preference list: what CLUSTER SLOTS has a line for.
unsigned ranges(const RingTable& table) {
    unsigned count = 1;
    for (unsigned shard = 1; shard < kShards; ++shard) {
        const auto here = table.owners(static_cast<ShardId>(shard));
        const auto before = table.owners(static_cast<ShardId>(shard - 1));
        count += std::ranges::equal(here, before) ? 0 : 1;
    }
    return count;
}

RingState change(const RingState& moving, size_t nodes, double& moved, Worst& worst) {
    const double ideal =
        kShards * std::min<double>(3, static_cast<double>(nodes)) / static_cast<double>(nodes);
    moved = std::max(moved, static_cast<double>(replicas_gained(moving)) / ideal);
    RingState ring = *finish_move(moving);
    const auto start = std::chrono::steady_clock::now();
    const RingTable table(ring);
    worst.table_ms = std::max(worst.table_ms, since(start));
    worst.replicas = std::max(worst.replicas, balance_of(ring).worst_over_mean);
    worst.primaries = std::max(worst.primaries, primaries_over_mean(ring, table));
    worst.ranges = std::max(worst.ranges, ranges(table));
    return ring;
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5;
    const size_t largest = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 64;
    std::map<size_t, Worst> sizes;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        Rng rng(seed);
        const auto newcomer = [&] { return RingMember{rng.next() | 1, "dc1", "rack1", 16}; };
        RingState ring = found_ring(1, 3, newcomer());
        const auto step = [&](bool up) {
            const size_t nodes = ring.members.size() + (up ? 1 : 0);
            Worst& worst = sizes[nodes];
            const auto start = std::chrono::steady_clock::now();
            const auto moving =
                up ? begin_join(ring, newcomer()) : begin_leave(ring, ring.members[rng.below(nodes)].id);
            worst.milliseconds = std::max(worst.milliseconds, since(start));
            ring = change(*moving, nodes, up ? worst.join : worst.leave, sizes[up ? nodes : nodes - 1]);
        };
        while (ring.members.size() < 3) step(true);
        for (const bool up : {true, false, true}) {
            while (ring.members.size() != (up ? largest : 3)) {
                const bool back = ring.members.size() > 3 && ring.members.size() < largest && rng.one_in(4);
                step(up != back);
            }
        }
    }
    fmt::print("nodes  replicas  primaries  join moves  leave moves  ranges  step ms  table ms\n");
    fmt::print("       max/mean   max/mean     x ideal      x ideal     max      max       max\n");
    for (const auto& [nodes, worst] : sizes)
        if (nodes >= 3)
            fmt::print("{:5}  {:8.3f}  {:9.3f}  {:10.3f}  {:11.3f}  {:6}  {:7.0f}  {:8.1f}\n", nodes,
                       worst.replicas, worst.primaries, worst.join, worst.leave, worst.ranges,
                       worst.milliseconds, worst.table_ms);
}
