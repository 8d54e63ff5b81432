// How even the ring is and how much a change of it moves, for 3 to 64 equal nodes under several seeds: the
// ring grows to 64 nodes one by one, and at each size one node leaves and comes back. Prints the worst seen.
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
    return ring;
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5;
    std::map<size_t, Worst> sizes;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        Rng rng(seed);
        const auto newcomer = [&] { return RingMember{rng.next() | 1, "dc1", "rack1", 16}; };
        RingState ring = found_ring(1, 3, newcomer());
        const auto join = [&] {
            Worst& worst = sizes[ring.members.size() + 1];
            const auto start = std::chrono::steady_clock::now();
            const auto moving = begin_join(ring, newcomer());
            worst.milliseconds = std::max(worst.milliseconds, since(start));
            ring = change(*moving, moving->members.size(), worst.join, worst);
        };
        while (ring.members.size() < 64) {
            join();
            if (ring.members.size() < 4) continue;
            const size_t nodes = ring.members.size();
            const auto start = std::chrono::steady_clock::now();
            const auto moving = begin_leave(ring, ring.members[rng.below(nodes)].id);
            Worst& worst = sizes[nodes];
            worst.milliseconds = std::max(worst.milliseconds, since(start));
            // What the smaller ring looks like counts for its size; what moved, for the larger.
            ring = change(*moving, nodes, worst.leave, sizes[nodes - 1]);
            join();
        }
    }
    fmt::print("nodes  replicas  primaries  join moves  leave moves  step ms  table ms\n");
    fmt::print("       max/mean   max/mean     x ideal      x ideal      max       max\n");
    for (const auto& [nodes, worst] : sizes)
        if (nodes >= 3)
            fmt::print("{:5}  {:8.3f}  {:9.3f}  {:10.3f}  {:11.3f}  {:7.0f}  {:8.1f}\n", nodes,
                       worst.replicas, worst.primaries, worst.join, worst.leave, worst.milliseconds,
                       worst.table_ms);
}
