// One write on its way to the other replicas: counts acknowledgements, finds stand-ins for replicas that are
// down or silent, and lets the reply go when the level is met (CORRECTNESS 3, 6, 10; PITFALLS 6, 11).
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "node/bus_op.h"
#include "node/reply_queue.h"
#include "node/shard_plan.h"

namespace torc {

class Coordinator;
struct ReplicaAcks;

class WriteOp final : public BusOp {
  public:
    struct Terms {
        Consistency level = Consistency::quorum;
        bool sloppy = true;  // stand-ins count
    };
    WriteOp(Coordinator& coordinator, ShardId shard, Terms terms, std::string changes,
            std::shared_ptr<ReplicaAcks> acks, ReplyTicket ticket);

    /// Sends it to everyone; afterwards answered() tells whether the level is met already.
    void start();
    bool answered() const { return answered_; }

    bool on_ack(NodeId from, const AckMessage& ack) override;
    bool on_peer_lost(NodeId peer) override;
    bool on_tick(int64_t now_ms) override;
    bool on_deadline() override;

    /// Could the level be met by whom this node can reach now? If not, `have` and `need` say how far from it.
    static bool possible(const ShardPlan& plan, Consistency level, bool sloppy, unsigned& have,
                         unsigned& need);

  private:
    struct Target {
        NodeId node = 0;
        size_t place = 0;  // of the replica in the plan; a stand-in counts for it
        bool stand_in = false;
        bool waiting = false;
    };
    void send_to(NodeId node, size_t place, bool stand_in);
    void find_stand_in(size_t place);
    void send_again();
    void settle_if_met();
    bool over();
    /// Since it was sent the ring has changed: acknowledgements have to be counted by the present one.
    bool is_of_older_ring() const;
    void restart();

    Coordinator& coordinator_;
    const ShardId shard_;
    const Terms terms_;
    const std::string changes_;
    const std::shared_ptr<ReplicaAcks> acks_;
    const ReplyTicket ticket_;
    std::shared_ptr<const ShardPlan> plan_;
    Quorum quorum_;
    boost::container::small_vector<Target, 4> targets_;
    uint64_t epoch_ = 0;  // of the ring that plan_ is by
    int64_t started_ms_ = 0;
    const int64_t born_ns_;
    const uint64_t pauses_;  // Coordinator::pauses() when it began
    bool answered_ = false;
    bool hedged_ = false;
    bool ring_is_old_ = false;  // a replica said so: sent again as soon as ours is newer
};

}  // namespace torc
