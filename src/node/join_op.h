// Before a command runs on what may be a stale copy: other replicas' cells of its keys are fetched and joined
// into this node's, and replicas that turned out to be behind are brought up to date before the reply leaves,
// so that reads never go back in time (docs/CORRECTNESS.md, 2).
//
// Where this node's own copy of a key is damaged it counts for nothing: a quorum of the others is joined, or
// all of them where they are fewer than that, and only what they have takes its place (CORRECTNESS 11).
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
struct CommandSpec;

struct JoinTerms {
    Consistency level = Consistency::quorum;
    /// The level has to be met (a read), else the command gets -NOREPLICAS; a write goes on with what it has.
    bool must = true;
    /// Beyond the level, whoever isn't even suspected is waited for, for a while.
    bool all_alive = false;
    /// This node's own copy is no answer; a command that must do without the others' gets -CORRUPT.
    bool own_damaged = false;
};

class JoinOp final : public BusOp {
  public:
    /// `client` is paused until it's over: then ClusterClient::joined is set and it's woken.
    JoinOp(Coordinator& coordinator, ClientCore& client, ShardId shard, std::vector<std::string> keys,
           JoinTerms terms);

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
    bool met() const;
    bool enough() const;
    void ask();
    void own_is_damaged();
    bool finish(bool met);
    void merge();
    void heal(std::vector<std::string> words);
    void ask_others();
    void run(const CommandSpec* spec, const std::vector<std::string>& words, void (JoinOp::*then)());
    void merged();
    void not_merged();
    void repair(std::string_view mine);

    Coordinator& coordinator_;
    const std::shared_ptr<ReplyQueue> client_;  // tells whether it's still there
    const ShardId shard_;
    const std::vector<std::string> keys_;
    JoinTerms terms_;
    const int64_t born_ns_;
    const uint64_t pauses_;  // Coordinator::pauses() when it began
    std::shared_ptr<const ShardPlan> plan_;
    Quorum quorum_;
    Phase phase_ = Phase::reading;
    std::vector<Answer> answers_;
};

}  // namespace torc
