// Something that waits for answers of other nodes. Each kind is a small class; the coordinator finds it by
// its number and takes it away when done() says so.
#pragma once

#include <cstdint>

#include "cluster/node_id.h"
#include "node/bus_message.h"

namespace torc {

class BusOp {
  public:
    virtual ~BusOp() = default;

    // Each returns true when the op is over and may be removed.
    virtual bool on_ack(NodeId, const AckMessage&) { return false; }
    virtual bool on_read_reply(NodeId, const ReadReply&) { return false; }
    virtual bool on_forward_reply(NodeId, const ForwardReply&) { return false; }
    virtual bool on_exchange_reply(NodeId, const ExchangeMessage&) { return false; }
    /// No answer will come from this node any more: its link broke.
    virtual bool on_peer_lost(NodeId) { return false; }
    /// Now and then while it waits, for hedging.
    virtual bool on_tick(int64_t /*now_ms*/) { return false; }
    virtual bool on_deadline() { return true; }

    uint64_t number = 0;
    int64_t deadline_ms = 0;  // monotonic: then on_deadline() comes, once
};

}  // namespace torc
