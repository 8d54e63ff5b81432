// Keeping copies equal, shard by shard, in the background: one per worker, for the shards that are its part.
//
//   settle       a shard whose copy may lack writes is compared with all other owners that are there, and
//                with so many that every acknowledged write is among what they hold; then it's settled
//                (CORRECTNESS 2). So are shards that a moving ring gives to this node filled.
//   anti-entropy each owned shard is compared with another owner every anti-entropy-interval
//   hand-off     data of shards that aren't ours (kept for an owner that was down, or from before a move)
//                goes to the owners, and from here when all of them have it (CORRECTNESS 10, 15). What they
//                don't take from a node outside of the ring, since it may have been deleted long ago, stays
//   expiry       keys whose time has passed are deleted, by the node that coordinates them
//
// On its worker's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "node/cell_copy.h"
#include "node/coordinator.h"
#include "node/reaper.h"
#include "node/trimmer.h"

namespace torc {

class ShardSync {
  public:
    explicit ShardSync(Coordinator& coordinator);
    ~ShardSync();

    void on_timer();
    /// The responder's side of an exchange (answer_exchange()).
    std::optional<std::string> answer(NodeId peer, std::string_view request);

    /// A key whose context has grown long was written.
    void want_trim(std::string key) { trimmer_.want(std::move(key)); }

    /// How a repair of one shard ended.
    struct Repaired {
        ShardId shard = 0;
        uint64_t root = 0;                // of our copy, at the end
        bool complete = false;            // every other owner was compared with
        uint64_t sent = 0, received = 0;  // keys
    };
    /// TORC.REPAIR: compares the shard with all its other owners as soon as possible, one after another.
    void want_repair(ShardId shard, std::function<void(const Repaired&)> done);
    /// Any thread: of our shards with other owners, those that differed when last compared; and when
    /// (monotonic clock) the one was last compared whose turn was longest ago. 0: there are none.
    unsigned divergent() const { return divergent_.load(std::memory_order_relaxed); }
    int64_t oldest_comparison_ms() const { return oldest_comparison_ms_.load(std::memory_order_relaxed); }

  private:
    class ExchangeOp;
    class HandOffOp;
    struct ShardState {
        std::map<NodeId, int64_t> compared_ms;  // with whom, since the copy was unsettled or gained
        uint64_t unsettles = 0;                 // ClusterCore::unsettle_count() when they began
        int64_t begun_ms = 0;                   // and when that was
        int64_t last_ms = 0;                    // any comparison
        int64_t retry_ms = 0;                   // not before
        unsigned running = 0;
        bool handing_off = false;
        bool equal = true;  // at the last look
        // ---- of a shard that isn't ours: what its owners don't take
        std::unordered_set<uint64_t> kept;  // entry_hash() of key and cell
        uint64_t kept_epoch = 0;            // by this ring: by the next one all is offered again
        int64_t kept_bytes = 0;             // of the shard, when nothing else was left in it
    };

    struct Repair {
        std::vector<NodeId> left;  // still to be compared with
        unsigned failures = 0;     // in a row
        Repaired result;
        std::vector<std::function<void(const Repaired&)>> done;
    };
    void start_more();
    bool is_sent_writes(ShardId shard) const;
    bool start_one(ShardId shard, ShardState& state, int64_t now);
    void ended(ShardId shard, NodeId peer, bool good, bool equal, uint64_t unsettles,
               const ExchangeStats& stats);
    NodeId next_of_repair(ShardId shard);
    void repair_went_on(ShardId shard, NodeId peer, bool good, const ExchangeStats& stats);
    void end_repair(ShardId shard, bool complete);
    void watch_comparisons();
    bool all_there_compared(ShardId shard, const ShardState& state) const;
    void settle_if_proven(ShardId shard, ShardState& state);
    bool wants(ShardId shard, bool ours, const ShardState& state, int64_t now) const;
    bool is_due(const ShardState& state, int64_t now) const;
    void hand_off(ShardId shard, ShardState& state);
    bool forget_damaged(ShardId shard);
    void hand_off_ended(ShardId shard, bool good);  // at once again, or after a pause
    void keep(ShardState& state, uint64_t entry);
    void offer_again(ShardState& state, uint64_t epoch);
    void expire_some();
    /// What this node held before it came into its ring is known to nobody there: it's compared with all
    /// owners.
    void spread_what_came_along();
    bool spend(uint64_t bytes);

    Coordinator& coordinator_;
    ClusterCore& cluster_;
    WorkerCore& worker_;
    CellCopy copy_;
    Reaper reaper_;
    Trimmer trimmer_;
    std::vector<ShardState> shards_;
    unsigned running_ = 0;
    unsigned next_shard_ = 0;
    unsigned next_expiry_shard_ = 0;
    unsigned expiry_tries_ = 0;  // of that shard
    uint64_t spread_in_ = 0;     // the cluster to which what this node held has been shown
    int64_t allowance_ = 0;      // bytes that may be moved now
    int64_t allowance_ms_ = 0;
    std::map<ShardId, Repair> repairs_;
    const int64_t born_ms_;
    int64_t next_watch_ms_ = 0;
    std::atomic<unsigned> divergent_{0};
    std::atomic<int64_t> oldest_comparison_ms_{0};
};

}  // namespace torc
