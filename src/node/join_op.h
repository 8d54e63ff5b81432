// Before a command runs on what may be a stale copy: other replicas' cells of its keys are fetched and joined
// into this node's, and replicas that turned out to be behind are brought up to date before the reply leaves,
// so that reads never go back in time (CORRECTNESS 2; SEMANTICS, read repair).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "node/bus_op.h"
#include "node/reply_queue.h"
#include "node/shard_plan.h"

namespace torc {

class Coordinator;
class WakeHandle;

class JoinOp final : public BusOp {
  public:
    /// `client` is paused until it's over: then ClusterClient::joined is set and it's woken. `must`: the
    /// level has to be met (a read), else the command gets -NOREPLICAS; a write goes on with what there is.
    /// `all_alive`: beyond the level, whoever isn't even suspected is waited for, for a while.
    JoinOp(Coordinator& coordinator, ClientCore& client, ShardId shard, std::vector<std::string> keys,
           Consistency level, bool must, bool all_alive = false);

    /// True when it's over at once: nobody need be asked.
    bool start();

    bool on_read_reply(NodeId from, const ReadReply& reply) override;
    bool on_ack(NodeId from, const AckMessage& ack) override;
    bool on_peer_lost(NodeId peer) override;
    bool on_tick(int64_t now_ms) override;
    bool on_deadline() override;

  private:
    enum class Phase : uint8_t { reading, merging, repairing, over };
    struct Answer {
        NodeId node = 0;
        size_t place = 0;
        bool waiting = false;
        bool repairing = false;
        std::string changes;
    };
    Answer* answer_of(NodeId node);
    bool nobody_left() const;
    bool enough() const;
    void ask();
    bool finish(bool met);
    void merge();
    void merged();
    void not_merged();
    void repair(std::string_view mine);

    Coordinator& coordinator_;
    const std::shared_ptr<ReplyQueue> client_;  // tells whether it's still there
    const ShardId shard_;
    const std::vector<std::string> keys_;
    const Consistency level_;
    const bool must_;
    bool all_alive_;
    const int64_t born_ns_;
    const uint64_t pauses_;  // Coordinator::pauses() when it began
    std::shared_ptr<const ShardPlan> plan_;
    Quorum quorum_;
    Phase phase_ = Phase::reading;
    std::vector<Answer> answers_;
};

}  // namespace torc
