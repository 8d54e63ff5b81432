// What a clustered node keeps about one connection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/types.h"
#include "cluster/node_id.h"
#include "node/bus_message.h"
#include "node/request_policy.h"

namespace torc {

/// Who has acknowledged what a connection wrote on one node: for WAIT. Counts are shared with the operations
/// that raise them; a write that is over (its operation is gone) no longer counts once there's a later one.
class WriteAcks {
  public:
    using Count = std::shared_ptr<uint32_t>;

    /// Null: nobody else will ever have it.
    void add(Count count) {
        while (!counts_.empty() && counts_.front().use_count() <= 1) counts_.pop_front();
        counts_.push_back(std::move(count));
    }
    uint32_t least() const {
        uint32_t least = UINT32_MAX;
        for (const Count& count : counts_)
            if (count.use_count() > 1 || &count == &counts_.back())
                least = std::min(least, count == nullptr ? 0 : *count);
        return counts_.empty() ? 0 : least;
    }

  private:
    std::deque<Count> counts_;
};

struct ClusterClient {
    // ---- the running command
    uint8_t read_level = ForwardMessage::kDefaultLevel;  // TORC.WITH, or as the forward says
    uint8_t write_level = ForwardMessage::kDefaultLevel;
    bool must_join = false;   // what this node has isn't enough, even for a read (a digest differed)
    bool relayed = false;     // a forward that mustn't go on to a third node
    int64_t deadline_ms = 0;  // of a forward, cluster time; 0: none

    // ---- until it has run
    std::optional<RequestPolicy> policy;  // of its keys; nothing while no prefix has one
    bool joining = false;                 // other replicas are asked for its keys
    bool joined = false;                  // they have answered, and what they had is here
    bool join_failed = false;             // too few have
    bool was_damaged = false;             // they were asked since this node's copy can't be read

    // ---- the connection: its commands take effect in their order, wherever they run
    uint32_t forwards = 0;          // under way
    size_t forwarded_bytes = 0;     // of those that went out one by one, as an executor counts them
    uint64_t forwards_version = 0;  // of the topology they were sent by
    bool forwards_write = false;    // one of them changes something
    /// One of them isn't on the way that the next command for its keys would take behind it: a part of a
    /// command of many slots, one that is tried again, one that came home.
    bool forwards_astray = false;
    std::set<uint64_t> retries;  // those to be tried again, by Errand::order: the first goes first
    uint64_t next_order = 1;
    std::vector<ShardId> reads;         // whose replies wait for other replicas' digests
    std::shared_ptr<WriteAcks> writes;  // of the last write, as far as it ran here; null: it didn't
    std::vector<NodeId> wrote_at;       // where else the last write ran
    std::vector<NodeId> sessions_at;    // nodes that run commands for this connection

    // ---- WATCH
    NodeId watching = 0;      // where its WATCHed keys are watched; 0: here, or none
    int watched_slot = -1;    // of those keys
    bool watch_lost = false;  // who watches can't tell any more: EXEC has to fail
    bool must_watch = false;  // the running EXEC: refused where no key is watched (a session's own end)

    /// May a command run, or be sent, before every forward has been answered? It would overtake none.
    bool may_follow(bool write, uint64_t topology) const {
        if (forwards == 0) return true;
        return forwards_version == topology && !(forwards_astray && (write || forwards_write));
    }
    void begin_forward(bool write, uint64_t topology) {
        ++forwards;
        forwards_version = topology;
        forwards_write |= write;
    }
    void end_forward() {
        if (--forwards == 0) forwards_write = forwards_astray = false;
    }
};

}  // namespace torc
