#include "cluster/member_post.h"

#include <algorithm>
#include <utility>

namespace torc {

std::string MemberPost::head(MembershipMessage& message) const {
    const MemberFacts& self = table_.self();
    message.cluster_id = self.cluster_id;
    message.incarnation = self.incarnation;
    message.version = self.version;
    message.wall_ms = now_.wall_ms;
    return encode_message(message);
}

void MemberPost::send(NodeId to, MembershipMessage& message, std::span<const std::string> updates) {
    std::string payload = head(message);
    for (const std::string& update : updates) payload += update;
    queue_.fill(payload, std::min(payload.size() + kPiggyback, Membership::kMaxPayload),
                table_.records().size());
    outgoing_.push_back({to, std::move(payload)});
}

void MemberPost::send_pages(NodeId to, std::span<const std::string> updates) {
    MembershipMessage message;
    while (!updates.empty()) {
        std::string payload = head(message);
        size_t count = 0;
        while (count < updates.size() && payload.size() + updates[count].size() <= Membership::kMaxPayload)
            payload += updates[count++];
        updates = updates.subspan(count);
        outgoing_.push_back({to, std::move(payload)});
    }
}

void MemberPost::spread(const MemberUpdate& update) {
    queue_.add(update);
    const std::string bytes = encode_update(update);
    for (const NodeId to : some_members(kUrgent)) send_pages(to, {&bytes, 1});
}

void MemberPost::gossip(unsigned fanout) {
    if (queue_.empty()) return;
    for (const NodeId to : some_members(fanout)) {
        MembershipMessage message;
        std::string payload = head(message);
        const size_t bare = payload.size();
        queue_.fill(payload, Membership::kMaxPayload, table_.records().size());
        if (payload.size() > bare) outgoing_.push_back({to, std::move(payload)});
    }
}

std::vector<NodeId> MemberPost::some_members(size_t most) {
    std::vector<NodeId> members;
    for (const auto& [id, record] : table_.records()) {
        if (!record.gone()) members.push_back(id);
    }
    most = std::min(most, members.size());
    for (size_t i = 0; i < most; ++i) std::swap(members[i], members[i + rng_.below(members.size() - i)]);
    members.resize(most);
    return members;
}

std::vector<Outgoing> MemberPost::take() {
    return std::exchange(outgoing_, {});
}

}  // namespace torc
