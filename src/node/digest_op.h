// A read that has run here and waits for R - 1 other replicas to say that they have the same (their digest
// over the command's keys is ours). One that has something else makes the command run again, after a join.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/inline_function.h"
#include "node/bus_op.h"
#include "node/reply_queue.h"
#include "node/shard_plan.h"

namespace torc {

class Coordinator;

/// While it lives, a connection's writes to the shard wait: the reply of a read before them isn't sure yet.
class ReadUnderWay {
  public:
    ReadUnderWay(std::shared_ptr<ReplyQueue> replies, ShardId shard);
    ReadUnderWay(ReadUnderWay&&) noexcept = default;
    ~ReadUnderWay();

  private:
    std::shared_ptr<ReplyQueue> replies_;  // null: moved on
    ShardId shard_;
};

class DigestOp final : public BusOp {
  public:
    using Keys = boost::container::small_vector<std::string, 1>;
    /// Runs the command anew, with a join before it, and gives the ticket its reply. Called at most once.
    using Again = InlineFunction<void(ReplyTicket), 96>;
    DigestOp(Coordinator& coordinator, ShardId shard, Consistency level, Keys keys, uint64_t digest,
             ReplyTicket ticket, Again again);

    /// True when it's over at once: nobody can be asked.
    bool start();

    bool on_read_reply(NodeId from, const ReadReply& reply) override;
    bool on_peer_lost(NodeId peer) override;
    bool on_tick(int64_t now_ms) override;
    bool on_deadline() override;

  private:
    struct Asked {
        NodeId node = 0;
        size_t place = 0;
        int64_t asked_ns = 0;
        bool waiting = false;
        bool hedge = false;  // asked since others were slow
    };
    /// Asks the best replica that hasn't been asked. False when there's none.
    bool ask_one();
    bool waits() const;
    bool over();

    Coordinator& coordinator_;
    const Keys keys_;
    const uint64_t digest_;
    const ReplyTicket ticket_;
    const Again again_;
    std::shared_ptr<const ShardPlan> plan_;
    Quorum quorum_;
    const Consistency level_;
    const int64_t born_ns_;
    boost::container::small_vector<Asked, 2> asked_;
    int64_t asked_ms_ = 0;
    bool answered_ = false;
};

}  // namespace torc
