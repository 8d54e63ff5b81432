// The cluster as commands see it: a picture of ring and members at one moment, figures for INFO, and the
// things that an operator may ask for. Implemented by node/; NodeView::cluster() is null on a node without a
// cluster.
//
// Thread rule: any thread. Nothing here waits: an action is checked, begun, and goes on by itself; what
// became of it shows in the pictures to come. The message of a refused action is the whole error reply, code
// first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/consistency.h"
#include "base/result.h"
#include "base/types.h"
#include "cluster/membership.h"
#include "cluster/node_id.h"
#include "cluster/ring.h"

namespace torc {

struct SlotRange {
    SlotId first = 0;
    SlotId last = 0;  // inclusive
    friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

struct ClusterNode {
    NodeId id = 0;
    Endpoint client;  // host is empty while a node doesn't know its own address
    Endpoint bus;
    std::string hostname;
    std::string datacenter;
    std::string rack;
    uint32_t vnodes = 0;
    Liveness liveness = Liveness::alive;
    bool in_ring = false;  // a member of the ring, not only of the gossip
    bool joining = false;  // in the ring, its data still on the way
    bool leaving = false;
    bool link_up = false;           // this node's own connection to it; to itself: true
    int64_t ping_sent_ms = 0;       // wall clock; 0: no ping under way
    int64_t last_heard_ms = 0;      // wall clock; 0: never, and for the node itself
    uint64_t ring_epoch = 0;        // that it has, as last heard
    unsigned unsettled_shards = 0;  // that it doesn't coordinate alone yet
    std::optional<int64_t> clock_offset_ms;
};

/// Slots in a row with one preference list.
struct ClusterRange {
    SlotRange slots;
    std::vector<NodeId> owners;  // in preference order; never empty
    friend bool operator==(const ClusterRange&, const ClusterRange&) = default;
};

struct ClusterMove {
    RingMove::Kind kind = RingMove::Kind::join;
    NodeId subject = 0;
    NodeId replaced = 0;  // of a replacement
    unsigned shards_done = 0, shards_total = 0;
    uint64_t keys = 0, bytes = 0;  // moved so far, as far as this node knows
    int64_t started_ms = 0;        // wall clock
};

struct ClusterLink {
    NodeId node = 0;
    bool outgoing = false;   // we called
    int64_t created_ms = 0;  // wall clock
    bool readable = true, writable = false;
    uint64_t send_buffer_allocated = 0, send_buffer_used = 0;
};

struct ClusterPicture {
    NodeId self = 0;
    uint64_t cluster_id = 0;  // 0: belongs to no ring yet
    uint64_t epoch = 0;
    uint32_t replication_factor = 0;   // per datacenter
    std::vector<ClusterNode> nodes;    // this one too; each once
    std::vector<ClusterRange> ranges;  // in slot order; without a ring none, else all slots
    std::optional<ClusterMove> move;

    const ClusterNode* node(NodeId id) const {
        for (const ClusterNode& node : nodes)
            if (node.id == id) return &node;
        return nullptr;
    }
};

/// What requests at one consistency level took, since the start.
struct LevelUse {
    uint64_t calls = 0;
    uint64_t p50_us = 0, p99_us = 0, max_us = 0;
};
inline constexpr size_t kConsistencies = kConsistencyNames.size();

struct ClusterFigures {
    // ---- bus
    uint64_t messages_sent = 0, messages_received = 0;
    uint64_t bytes_sent = 0, bytes_received = 0;
    uint64_t links_over_limit = 0;  // dropped since their send buffer was full
    // ---- coordinating
    uint64_t forwards = 0, forwards_received = 0, redirects = 0;
    uint64_t hedges = 0, hedges_won = 0;
    uint64_t noreplicas = 0, indoubt = 0;             // replies
    std::array<LevelUse, kConsistencies> reads = {};  // by Consistency
    std::array<LevelUse, kConsistencies> writes = {};
    // ---- hints
    uint64_t hints_pending = 0, hints_bytes = 0;
    int64_t oldest_hint_ms = 0;  // its age; 0: none
    uint64_t hints_delivered = 0, hints_dropped = 0;
    uint64_t hints_kept = 0;  // of those pending: too old for owners that don't know their keys
    // ---- anti-entropy
    uint64_t divergent_ranges = 0;     // shards that differed from a replica at the last look
    int64_t oldest_unrepaired_ms = 0;  // how long ago the longest-waiting shard was last seen equal
    uint64_t exchanges = 0, repaired_keys = 0, read_repairs = 0;
    // ---- versions
    uint64_t keys_with_siblings = 0, siblings_max = 0, siblings_dropped = 0;
    uint64_t siblings_overwritten_unread = 0;
    uint64_t tombstones = 0, tombstones_reaped = 0;
    uint64_t entries_retired = 0;
};

struct ShardRoot {
    ShardId shard = 0;
    uint64_t root = 0;      // of this node's copy, when its exchanges ended
    bool complete = false;  // every other owner was reached
};

struct RepairReport {
    uint64_t keys_sent = 0, keys_received = 0;
    std::vector<ShardRoot> shards;  // that this node owns, in order
};

class ClusterView {
  public:
    virtual ~ClusterView() = default;

    virtual NodeId self() const = 0;
    virtual ClusterPicture picture() const = 0;
    virtual ClusterFigures figures() const = 0;
    virtual std::vector<ClusterLink> links() const = 0;

    /// Calls a node and joins its cluster, or lets it join ours.
    virtual Result<void> meet(const std::string& host, uint16_t port, uint16_t bus_port) = 0;
    /// Takes a node out of the ring and the gossip. Refused while it owns shards and hasn't been drained.
    virtual Result<void> forget(NodeId node) = 0;
    /// The node that is asked gives its shards away and leaves the ring.
    virtual Result<void> drain() = 0;
    /// An operator's word where no majority is left: out at once, and never again under this id.
    virtual Result<void> force_remove(NodeId node) = 0;
    /// Leaves a ring of one; hard: forgets the other nodes too.
    virtual Result<void> reset(bool hard) = 0;

    /// Compares the range's shards that this node owns with their other owners, and exchanges what differs.
    /// Returns the repair's number. Its end ends Block::Kind::repair waits with that number.
    virtual Result<uint64_t> start_repair(SlotRange slots) = 0;
    /// Nothing while it runs. Reports of the last few repairs are kept; one that's gone is an empty report.
    virtual std::optional<RepairReport> repair_report(uint64_t number) const = 0;
};

}  // namespace torc
