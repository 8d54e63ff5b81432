// A command on its way to the node that coordinates it, and back. When that node dies a read is sent again;
// a write is in doubt (CORRECTNESS 3).
#pragma once

#include "node/bus_op.h"
#include "node/coordinator.h"

namespace torc {

class ErrandOp final : public BusOp {
  public:
    ErrandOp(Coordinator& coordinator, Coordinator::Errand errand, NodeId target);

    /// False when there's no link to the target.
    bool start();

    bool on_forward_reply(NodeId from, const ForwardReply& reply) override;
    bool on_peer_lost(NodeId peer) override;
    bool on_tick(int64_t now_ms) override;
    bool on_deadline() override;

  private:
    void try_later(int64_t at_ms);
    bool retry();
    ClientCore* origin() const;
    void finish(std::string_view reply);
    void fail(std::string_view text);

    Coordinator& coordinator_;
    Coordinator::Errand errand_;
    const NodeId target_;
    const uint64_t pauses_;
    int64_t retry_at_ms_ = 0;  // the target asked for it
};

/// May the command be sent to a second coordinator although the first may have run it? Only reads: a write
/// run by both is two writes with a dot each, and a later delete that covers the one leaves the other
/// standing.
bool is_resendable(const CommandSpec& spec);

}  // namespace torc
