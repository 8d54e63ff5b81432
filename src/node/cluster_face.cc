#include "node/cluster_face.h"

#include <algorithm>

#include "node/cluster_snapshot.h"
#include "node/control_plane.h"
#include "node/coordinator.h"
#include "node/node_core.h"
#include "node/shard_sync.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr uint16_t kBusPortDistance = 10000;

uint64_t count_of(const std::atomic<int64_t>& n) {
    return static_cast<uint64_t>(std::max<int64_t>(n.load(std::memory_order_relaxed), 0));
}

uint64_t read(const std::atomic<uint64_t>& n) {
    return n.load(std::memory_order_relaxed);
}

}  // namespace

NodeId ClusterFace::self() const {
    return node_.cluster->self;
}

ClusterPicture ClusterFace::picture() const {
    const auto snapshot = node_.control->snapshot();
    return snapshot == nullptr ? ClusterPicture{} : snapshot->picture;
}

std::vector<ClusterLink> ClusterFace::links() const {
    const auto snapshot = node_.control->snapshot();
    return snapshot == nullptr ? std::vector<ClusterLink>{} : snapshot->links;
}

ClusterFigures ClusterFace::figures() const {
    const ClusterCounters& counters = node_.cluster->counters;
    ClusterFigures figures;
    figures.messages_sent = read(counters.frames_sent);
    figures.messages_received = read(counters.frames_received);
    figures.bytes_sent = read(counters.bytes_sent);
    figures.bytes_received = read(counters.bytes_received);
    figures.links_over_limit = read(counters.links_overrun) + read(node_.control->counters().links_overrun);
    figures.forwards = read(counters.forwards_sent);
    figures.forwards_received = read(counters.forwards_served);
    figures.redirects = read(counters.redirects);
    figures.hedges = read(counters.hedges);
    figures.hedges_won = read(counters.hedges_won);
    figures.noreplicas = read(counters.no_replicas);
    figures.indoubt = read(counters.in_doubt);
    figures.hints_delivered = read(counters.hints_delivered);
    figures.hints_dropped = read(counters.hints_refused);
    figures.hints_kept = read(counters.hints_kept);
    figures.exchanges = read(counters.exchanges);
    figures.repaired_keys = read(counters.repaired_in) + read(counters.repaired_out);
    figures.read_repairs = read(counters.read_repairs);
    figures.siblings_max = read(counters.most_siblings);
    figures.siblings_dropped = read(counters.siblings_dropped);
    figures.siblings_overwritten_unread = read(counters.siblings_overwritten_unread);
    figures.tombstones_reaped = read(counters.tombstones_reaped);
    figures.entries_retired = read(counters.entries_retired);
    count_cells(figures);
    ask_workers(figures);
    return figures;
}

void ClusterFace::count_cells(ClusterFigures& figures) const {
    const auto topology = node_.cluster->topology();
    const int64_t now_ms = node_.environment.clock.wall_ms();
    for (unsigned s = 0; s < kShards; ++s) {
        const auto shard = static_cast<ShardId>(s);
        const ShardCells& cells = node_.cluster->cells[s];
        figures.keys_with_siblings += count_of(cells.with_siblings);
        figures.tombstones += count_of(cells.tombstones);
        if (topology->ring->owns(self(), shard) || topology->ring->will_own(self(), shard)) continue;
        figures.hints_pending += count_of(cells.keys) + count_of(cells.tombstones);
        figures.hints_bytes += count_of(cells.bytes);
        if (const int64_t since_ms = cells.foreign_since_ms.load(std::memory_order_relaxed); since_ms != 0)
            figures.oldest_hint_ms = std::max(figures.oldest_hint_ms, now_ms - since_ms);
    }
}

void ClusterFace::ask_workers(ClusterFigures& figures) const {
    std::lock_guard guard(node_.workers_mutex);
    const int64_t now_ms = node_.environment.clock.monotonic_ns() / 1'000'000;
    for (const WorkerCore* worker : node_.workers) {
        figures.divergent_ranges += worker->sync->divergent();
        if (const int64_t oldest_ms = worker->sync->oldest_comparison_ms(); oldest_ms != 0)
            figures.oldest_unrepaired_ms = std::max(figures.oldest_unrepaired_ms, now_ms - oldest_ms);
    }
    const auto each = [&](auto visit) {
        for (const WorkerCore* worker : node_.workers) visit(worker->coordinator->times());
    };
    for (size_t level = 0; level < kConsistencies; ++level) {
        figures.reads[level] = RequestTimes::sum(each, false, static_cast<Consistency>(level));
        figures.writes[level] = RequestTimes::sum(each, true, static_cast<Consistency>(level));
    }
}

// ---- what an operator may ask for

Result<void> ClusterFace::meet(const std::string& host, uint16_t port, uint16_t bus_port) {
    if (bus_port == 0) bus_port = static_cast<uint16_t>(port + kBusPortDistance);
    node_.control->meet({host == "localhost" ? "127.0.0.1" : host, bus_port});
    return {};
}

Result<void> ClusterFace::forget(NodeId node) {
    const ClusterPicture seen = picture();
    const ClusterNode* const known = seen.node(node);
    if (known != nullptr && known->in_ring)
        return fail(
            ErrorKind::refused,
            "ERR The node is a member of the ring: TORC.DRAIN it, or TORC.RING FORCE-REMOVE it when it's "
            "gone for good");
    node_.control->forget(node);
    return {};
}

Result<void> ClusterFace::drain() {
    const ClusterPicture seen = picture();
    const ClusterNode* const own = seen.node(seen.self);
    if (own == nullptr || !own->in_ring)
        return fail(ErrorKind::refused, "ERR This node is no member of a ring: there is nothing to drain");
    const auto members = std::ranges::count_if(seen.nodes, [](const ClusterNode& n) { return n.in_ring; });
    if (members < 2)
        return fail(ErrorKind::refused, "ERR This node is alone in its ring: nobody could take its data");
    node_.control->drain();
    return {};
}

Result<void> ClusterFace::force_remove(NodeId node) {
    if (node == self()) return fail(ErrorKind::refused, "ERR A node can't remove itself: TORC.DRAIN");
    node_.control->force_remove(node);
    return {};
}

Result<void> ClusterFace::reset(bool hard) {
    node_.control->reset(hard);
    return {};
}

Result<uint64_t> ClusterFace::start_repair(SlotRange slots) {
    const auto topology = node_.cluster->topology();
    std::vector<ShardId> shards;
    for (unsigned s = slots.first / kSlotsPerShard; s <= slots.last / kSlotsPerShard; ++s)
        if (topology->ring->owns(self(), static_cast<ShardId>(s))) shards.push_back(static_cast<ShardId>(s));
    const auto number = repairs_.open(shards);
    if (!number) return fail(ErrorKind::refused, "ERR Too many repairs are under way");
    std::lock_guard guard(node_.workers_mutex);
    for (WorkerCore* worker : node_.workers) {
        std::vector<ShardId> part;
        std::ranges::copy_if(shards, std::back_inserter(part),
                             [&](ShardId shard) { return shard % worker->count == worker->index; });
        if (part.empty()) continue;
        worker->host.post([this, worker, part = std::move(part), number = *number] {
            for (const ShardId shard : part)
                worker->sync->want_repair(shard, [this, number](const ShardSync::Repaired& done) {
                    repairs_.ended(number, {done.shard, done.root, done.complete}, done.sent, done.received);
                });
        });
    }
    return *number;
}

}  // namespace torc
