#include "node/sync_op.h"

#include <algorithm>

namespace torc {

template <class Change>
void SyncOp::for_each(Change change) {
    for (const std::weak_ptr<ReplicaAcks>& write : writes_) {
        const std::shared_ptr<ReplicaAcks> acks = write.lock();
        if (acks == nullptr) continue;
        const auto replica = std::ranges::find(acks->replicas, node_, &ReplicaAcks::Replica::node);
        if (replica != acks->replicas.end()) change(*replica);
    }
}

bool SyncOp::on_ack(NodeId from, const AckMessage& ack) {
    if (from != node_) return false;
    // Refused, it may be asked once more: its log may be written again.
    for_each([&](ReplicaAcks::Replica& replica) {
        (ack.status == BusStatus::done ? replica.synced : replica.asked) = ack.status == BusStatus::done;
    });
    return true;
}

bool SyncOp::on_deadline() {
    for_each([](ReplicaAcks::Replica& replica) { replica.asked = false; });
    return true;
}

}  // namespace torc
