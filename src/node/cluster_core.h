// What all threads of a clustered node share: who this node is, the ring and the members as last known, the
// clock of dots, the Merkle trees, and which shards it may coordinate alone.
//
// Thread rule: everything here is safe from any thread. The control plane (control_plane.h) publishes new
// topologies; a worker takes the present one at the start of each loop turn and keeps it for the turn.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/key_policy.h"
#include "cluster/membership.h"
#include "cluster/ring.h"
#include "cluster/shard_set.h"
#include "node/actor_history.h"
#include "node/evictions_under_way.h"
#include "repl/cell.h"
#include "repl/merkle.h"
#include "repl/stamp_clock.h"

namespace torc {

/// Another node, as workers need to know it.
struct Peer {
    NodeId id = 0;
    ActorId actor = 0;  // of its present run
    Liveness liveness = Liveness::down;
    Endpoint bus;
    Endpoint client;
    std::string hostname;
    std::string datacenter;
    std::string rack;
    ShardSet unsettled;
    ShardSet ceded;  // left to it by this node a moment ago (take_over.h): not all know yet
    int64_t ping_ms = 0;

    bool usable() const { return liveness == Liveness::alive || liveness == Liveness::suspect; }
};

/// Who hasn't been heard of by then, after a start, is down; before, this node may just not know yet.
inline constexpr int64_t kStrangerMs = 5'000;

/// The cluster at one moment; immutable.
struct Topology {
    uint64_t version = 0;
    std::shared_ptr<const RingTable> ring;
    std::vector<Peer> peers;  // all but ourselves, by id

    const Peer* peer(NodeId id) const;
    /// Are all members alive and settled, and no move under way? So everybody can be asked, and it's known
    /// who everybody is.
    bool everybody_is_up(NodeId self) const;
};

/// Sums over the node's life, for INFO; relaxed.
struct ClusterCounters {
    std::atomic<uint64_t> forwards_sent{0}, forwards_served{0}, replicated{0}, merges{0}, merges_new{0};
    std::atomic<uint64_t> digest_reads{0}, digest_mismatches{0}, quorum_joins{0}, read_repairs{0};
    std::atomic<uint64_t> in_doubt{0}, no_replicas{0}, resent{0}, hedges{0}, hedges_won{0}, redirects{0};
    std::atomic<uint64_t> hints_taken{0}, hints_delivered{0}, hints_refused{0};
    std::atomic<uint64_t> hints_kept{0};  // at present: those that no owner takes (shard_sync.h)
    std::atomic<uint64_t> exchanges{0}, exchanges_equal{0}, repaired_in{0}, repaired_out{0};
    std::atomic<uint64_t> siblings_made{0}, siblings_dropped{0}, siblings_overwritten_unread{0},
        most_siblings{0};
    std::atomic<uint64_t> tombstones_reaped{0}, expired{0}, entries_retired{0};
    std::atomic<uint64_t> frames_sent{0}, frames_received{0}, bytes_sent{0}, bytes_received{0},
        links_overrun{0};

    static void add(std::atomic<uint64_t>& counter, uint64_t n = 1) {
        counter.fetch_add(n, std::memory_order_relaxed);
    }
};

/// What one shard's cells are, kept current by every change.
struct ShardCells {
    std::atomic<int64_t> keys{0};  // that exist (expired ones that nobody removed yet included)
    std::atomic<int64_t> tombstones{0};
    std::atomic<int64_t> with_expiry{0};
    std::atomic<int64_t> with_siblings{0};     // more values than one
    std::atomic<int64_t> bytes{0};             // of keys and cells
    std::atomic<int64_t> foreign_since_ms{0};  // since when there has been data of a shard that isn't ours
};

class ClusterCore {
  public:
    ClusterCore(NodeId self, ActorId actor, std::string datacenter);

    const NodeId self;
    const ActorId actor;
    const std::string datacenter;

    StampClock stamps;
    MerkleForest forest;
    ClusterCounters counters;
    std::array<ShardCells, kShards> cells;
    EvictionsUnderWay evictions;
    ActorHistory actors;

    // ---- topology
    std::shared_ptr<const Topology> topology() const;
    uint64_t topology_version() const { return version_.load(std::memory_order_acquire); }
    void publish(std::shared_ptr<Topology> topology);
    /// A worker has begun a turn under this topology; from then on, until it's gone, it's asked for.
    void worker_sees(const void* worker, uint64_t version);
    void worker_gone(const void* worker);
    bool seen_by_all(uint64_t version) const;

    // ---- what holds for keys by their prefix (null: nothing special)
    std::shared_ptr<const KeyPolicies> key_policies() const;
    void set_key_policies(std::shared_ptr<const KeyPolicies> policies);
    /// Raised by each set_key_policies().
    uint64_t key_policies_version() const { return policies_version_.load(std::memory_order_acquire); }

    // ---- settled shards (CORRECTNESS 2): may this node's own copy be trusted by itself?
    bool settled(ShardId shard) const {
        return (settled_[shard / 64].load(std::memory_order_acquire) >> (shard % 64) & 1) != 0;
    }
    /// ... and may it decide by it? Whoever did meanwhile has left the shard to this node (take_over.h).
    bool taken(ShardId shard) const {
        return (taken_[shard / 64].load(std::memory_order_acquire) >> (shard % 64) & 1) != 0;
    }
    ShardSet settled_shards() const { return shards_of(settled_); }
    ShardSet taken_shards() const { return shards_of(taken_); }
    /// Since when; monotonic.
    int64_t taken_since_ms(ShardId shard) const { return since_ms_[shard].load(std::memory_order_relaxed); }
    void settle(ShardId shard);
    /// Nothing happens when anything was unsettled after that count was read.
    void take(ShardId shard, int64_t now_ms, uint64_t unsettle_count);
    void unsettle(ShardId shard);
    void unsettle_all();
    /// Unsettles all when a loop of this node has stood still since the last call (`pauses` counts that):
    /// others may have taken over meanwhile. Alone there is nobody who could.
    void distrust_after_pauses(uint64_t pauses, size_t members) {
        if (__builtin_expect(seen_pauses_.load(std::memory_order_relaxed) == pauses, 1)) return;
        if (seen_pauses_.exchange(pauses) != pauses && members > 1) unsettle_all();
    }
    /// As MemberFacts::unsettled has it: what isn't taken.
    std::string unsettled_bits() const;
    /// Raised by each unsettle: an exchange that began before doesn't settle.
    uint64_t unsettle_count() const { return unsettles_.load(std::memory_order_acquire); }

    /// Has this node, after its start, heard from so many others that a quorum is to be had? Until then
    /// clients are told to try again rather than that too few replicas are up.
    bool gathered() const { return gathered_.load(std::memory_order_acquire); }
    void set_gathered() { gathered_.store(true, std::memory_order_release); }

    // ---- who reaches this node: data links that others made to it. Without one from an owner a replica must
    // not count on being sent that owner's writes.
    void count_link_from(NodeId peer, int change);
    bool hears(NodeId peer) const;

    // ---- time (CORRECTNESS 14): the wall clock bent to the members' median, and never far ahead of it
    int64_t cluster_ms(int64_t wall_ms) const {
        return wall_ms + clock_offset_ms_.load(std::memory_order_relaxed);
    }
    void set_clock_offset(int64_t ms) { clock_offset_ms_.store(ms, std::memory_order_relaxed); }
    WriteStamp next_stamp(int64_t wall_ms) { return {actor, stamps.next(cluster_ms(wall_ms))}; }

    /// Bytes of other nodes' data that this one keeps for them.
    uint64_t foreign_bytes(const RingTable& ring) const;

  private:
    using AtomicWords = std::array<std::atomic<uint64_t>, kShards / 64>;
    static ShardSet shards_of(const AtomicWords& words) {
        ShardSetWords copy;
        for (size_t i = 0; i < words.size(); ++i) copy[i] = words[i].load(std::memory_order_acquire);
        return std::bit_cast<ShardSet>(copy);
    }

    mutable std::mutex mutex_;  // also of changes to what is settled and taken
    std::shared_ptr<const Topology> topology_;
    std::map<const void*, uint64_t> seen_;  // topology versions, by worker
    std::map<NodeId, int> links_from_;
    std::atomic<uint64_t> version_{0};
    std::shared_ptr<const KeyPolicies> policies_;
    std::atomic<uint64_t> policies_version_{0};
    AtomicWords settled_{}, taken_{};
    std::array<std::atomic<int64_t>, kShards> since_ms_{};
    std::atomic<uint64_t> unsettles_{0};
    std::atomic<int64_t> clock_offset_ms_{0};
    std::atomic<bool> gathered_{false};
    std::atomic<uint64_t> seen_pauses_{0};
};

}  // namespace torc
