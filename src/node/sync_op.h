// Asks a replica when what it has acknowledged is on its disk: for WAITAOF. Writes that are over meanwhile
// are none of its business any more.
#pragma once

#include <boost/container/small_vector.hpp>
#include <memory>

#include "node/bus_op.h"
#include "node/cluster_client.h"

namespace torc {

class SyncOp final : public BusOp {
  public:
    /// Writes that it has acknowledged, on the link by which it's asked.
    using Writes = boost::container::small_vector<std::weak_ptr<ReplicaAcks>, 2>;

    SyncOp(NodeId node, Writes writes) : node_(node), writes_(std::move(writes)) {}

    bool on_ack(NodeId from, const AckMessage& ack) override;
    /// It may come back without the write, so it isn't asked again.
    bool on_peer_lost(NodeId peer) override { return peer == node_; }
    bool on_deadline() override;

  private:
    template <class Change>
    void for_each(Change change);

    const NodeId node_;
    const Writes writes_;
};

}  // namespace torc
