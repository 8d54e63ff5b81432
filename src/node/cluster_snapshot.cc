#include "node/cluster_snapshot.h"

#include <algorithm>
#include <bit>

#include "node/control_plane.h"

namespace torc {
namespace {

/// Shards that the node has to do with and doesn't coordinate alone yet.
unsigned unsettled_of(const RingTable& ring, NodeId id, const ShardSet& unsettled) {
    return static_cast<unsigned>((unsettled & (ring.owned(id) | ring.next_owned(id))).count());
}

ClusterNode node_of(const MemberFacts& facts, const ShardSet& unsettled, const RingTable& ring) {
    ClusterNode node;
    node.id = facts.id;
    node.client = facts.client;
    node.bus = facts.bus;
    node.hostname = facts.hostname;
    node.datacenter = facts.datacenter;
    node.rack = facts.rack;
    node.vnodes = facts.vnodes;
    node.ring_epoch = facts.ring_epoch;
    node.unsettled_shards = unsettled_of(ring, facts.id, unsettled);
    const RingState& state = ring.state();
    if (const RingMember* member = state.member(facts.id)) {
        node.in_ring = true;
        node.vnodes = member->vnodes;
        if (state.move) {
            const bool leaves = state.move->kind == RingMove::Kind::leave;
            node.joining = !leaves && state.move->subject == facts.id;
            node.leaving = leaves && state.move->subject == facts.id;
        }
    }
    return node;
}

}  // namespace

std::vector<ClusterRange> ranges_of(const RingTable& ring) {
    std::vector<ClusterRange> ranges;
    for (unsigned s = 0; s < kShards; ++s) {
        const auto owners = ring.owners(static_cast<ShardId>(s));
        if (owners.empty()) return {};
        const auto last = static_cast<SlotId>((s + 1) * kSlotsPerShard - 1);
        if (!ranges.empty() && std::ranges::equal(ranges.back().owners, owners))
            ranges.back().slots.last = last;
        else
            ranges.push_back(
                {{static_cast<SlotId>(s * kSlotsPerShard), last}, {owners.begin(), owners.end()}});
    }
    return ranges;
}

std::shared_ptr<const ClusterSnapshot> ControlPlane::snapshot() const {
    std::lock_guard guard(mutex_);
    return snapshot_;
}

/// How far the shards that change hands have got, as far as their takers say.
ClusterMove ControlPlane::move_progress(const RingTable& table) const {
    const RingMove& ring_move = *table.state().move;
    ClusterMove move;
    move.kind = ring_move.kind;
    move.subject = ring_move.subject;
    move.replaced = ring_move.replaced;
    move.started_ms = move_started_ms_;
    for (const RingMember& member : table.state().members) {
        const bool self = member.id == settings_.self.id;
        const Member* known = self ? nullptr : membership_->find(member.id);
        const ShardSet unsettled = known == nullptr ? ShardSet() : shard_set_of(known->facts.unsettled);
        for (const ShardId shard : table.gained(member.id)) {
            ++move.shards_total;
            if (self) {
                move.shards_done += cluster_.settled(shard) ? 1 : 0;
                const ShardCells& cells = cluster_.cells[shard];
                const auto count = [](const std::atomic<int64_t>& n) {
                    return static_cast<uint64_t>(std::max<int64_t>(n.load(std::memory_order_relaxed), 0));
                };
                move.keys += count(cells.keys) + count(cells.tombstones);
                move.bytes += count(cells.bytes);
            } else if (known != nullptr && known->facts.ring_epoch == table.epoch()) {
                move.shards_done += unsettled[shard] ? 0 : 1;
            }
        }
    }
    return move;
}

void ControlPlane::refresh_snapshot() {
    const auto topology = cluster_.topology();
    const RingTable& ring = *topology->ring;
    const RingState& state = ring.state();
    const Membership::Now at = now();
    const auto wall = [&](int64_t monotonic_ms) {
        return monotonic_ms == 0 ? 0 : at.wall_ms - (at.monotonic_ms - monotonic_ms);
    };
    if (!state.move)
        move_started_ms_ = 0;
    else if (move_started_ms_ == 0)
        move_started_ms_ = at.wall_ms;

    auto next = std::make_shared<ClusterSnapshot>();
    ClusterPicture& picture = next->picture;
    picture.self = settings_.self.id;
    picture.cluster_id = state.cluster_id;
    picture.epoch = state.epoch;
    picture.replication_factor =
        state.cluster_id != 0 ? state.replication_factor : settings_.replication_factor;
    MemberFacts own = membership_->self();
    own.ring_epoch = state.epoch;
    ClusterNode& self = picture.nodes.emplace_back(node_of(own, ~cluster_.taken_shards(), ring));
    self.link_up = true;
    self.leaving |= draining_;
    self.clock_offset_ms = 0;
    for (const Member* member : membership_->members()) {
        ClusterNode& node = picture.nodes.emplace_back(
            node_of(member->facts, shard_set_of(member->facts.unsettled), ring));
        node.liveness = member->liveness;
        node.link_up = links_.contains(node.id);
        node.ping_sent_ms = wall(member->ping_sent_ms);
        node.last_heard_ms = wall(member->last_heard_ms);
        if (member->clock_known) node.clock_offset_ms = member->clock_offset_ms;
    }
    std::ranges::sort(picture.nodes, {}, &ClusterNode::id);
    // Only this thread ever replaces the snapshot.
    picture.ranges = pictured_ring_ == topology->ring ? snapshot_->picture.ranges : ranges_of(ring);
    pictured_ring_ = topology->ring;
    if (state.move) picture.move = move_progress(ring);
    for (const auto& [peer, links] : links_)
        for (const BusLink* link : {links.dialled, links.accepted}) {
            if (link == nullptr) continue;
            ClusterLink& shown = next->links.emplace_back();
            shown.node = peer;
            shown.outgoing = link->dialled();
            shown.created_ms = shown.outgoing ? links.dialled_ms : links.accepted_ms;
            shown.send_buffer_used = shown.send_buffer_allocated = link->queued_bytes();
            shown.writable = shown.send_buffer_used != 0;
        }
    std::lock_guard guard(mutex_);
    snapshot_ = std::move(next);
}

/// Since when there has been data here of shards that belong to others: hints that wait for their home.
void ControlPlane::note_foreign_data() {
    const auto topology = cluster_.topology();
    const int64_t at_ms = clock_.wall_ms();
    const NodeId self = settings_.self.id;
    const ShardSet own = topology->ring->owned(self) | topology->ring->next_owned(self);
    for (unsigned s = 0; s < kShards; ++s) {
        ShardCells& cells = cluster_.cells[s];
        const bool foreign = !own[s] && cells.bytes.load(std::memory_order_relaxed) > 0;
        if (!foreign)
            cells.foreign_since_ms.store(0, std::memory_order_relaxed);
        else if (cells.foreign_since_ms.load(std::memory_order_relaxed) == 0)
            cells.foreign_since_ms.store(at_ms, std::memory_order_relaxed);
    }
}

}  // namespace torc
