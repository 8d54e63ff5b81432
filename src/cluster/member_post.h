// The outgoing side of membership: heads and packs messages, and lets news ride along.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cluster/gossip_queue.h"
#include "cluster/member_table.h"
#include "cluster/membership_message.h"

namespace torc {

class MemberPost {
  public:
    /// How much news rides on a message that is sent anyway.
    static constexpr size_t kPiggyback = 1024;
    /// To how many members urgent news goes at once; the rest learn it by gossip.
    static constexpr size_t kUrgent = 32;

    MemberPost(const MemberTable& table, uint64_t seed) : table_(table), rng_(seed) {}

    void at(Membership::Now now) { now_ = now; }
    /// Fills in what the head says of this node. `updates`: encoded; they must fit.
    void send(NodeId to, MembershipMessage& message, std::span<const std::string> updates = {});
    /// In as many gossip messages as it takes.
    void send_pages(NodeId to, std::span<const std::string> updates);
    /// To everybody: at once while they are few, and by gossip.
    void spread(const MemberUpdate& update);
    /// Once per interval: what the queue holds, to a few members.
    void gossip(unsigned fanout);

    GossipQueue& queue() { return queue_; }
    std::vector<Outgoing> take();

  private:
    std::string head(MembershipMessage& message) const;
    /// Members worth talking to, in random order, at most `most`.
    std::vector<NodeId> some_members(size_t most);

    const MemberTable& table_;
    Rng rng_;
    Membership::Now now_;
    GossipQueue queue_;
    std::vector<Outgoing> outgoing_;
};

}  // namespace torc
