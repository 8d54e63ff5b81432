// What a clustered node keeps about one connection.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
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

/// The replicas that have acknowledged one write.
struct ReplicaAcks {
    struct Replica {
        NodeId node = 0;
        uint64_t link = 0;   // by which it came (Coordinator::answering_link()): to this run of that node
        bool asked = false;  // whether it's on its disk (SyncOp)
        bool synced = false;
    };
    boost::container::small_vector<Replica, 3> replicas;

    uint32_t count() const { return static_cast<uint32_t>(replicas.size()); }
    uint32_t synced() const {
        return static_cast<uint32_t>(std::ranges::count_if(replicas, &Replica::synced));
    }
};

/// Who has acknowledged what a connection wrote on one node: for WAIT and WAITAOF. Shared with the operations
/// that add to them; a write that is over (its operation is gone) no longer counts once there's a later one.
class WriteAcks {
  public:
    using Acks = std::shared_ptr<ReplicaAcks>;

    /// Null: nobody else will ever have it.
    void add(Acks acks) {
        while (!writes_.empty() && writes_.front().use_count() <= 1) writes_.pop_front();
        writes_.push_back(std::move(acks));
    }
    /// Replicas that have every write.
    uint32_t least() const { return least_of(&ReplicaAcks::count); }
    /// ... on their disks.
    uint32_t least_synced() const { return least_of(&ReplicaAcks::synced); }
    /// Visits what counts.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const Acks& acks : writes_)
            if (acks.use_count() > 1 || &acks == &writes_.back()) visit(acks);
    }

  private:
    uint32_t least_of(uint32_t (ReplicaAcks::*number)() const) const {
        uint32_t least = UINT32_MAX;
        for_each([&](const Acks& acks) { least = std::min(least, acks == nullptr ? 0 : (*acks.*number)()); });
        return writes_.empty() ? 0 : least;
    }

    std::deque<Acks> writes_;
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
