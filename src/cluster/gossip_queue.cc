#include "cluster/gossip_queue.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace torc {
namespace {

// Infection stays incomplete with probability about members^-(kSpread - 1).
constexpr unsigned kSpread = 3;

}  // namespace

void GossipQueue::add(const MemberUpdate& update) {
    const Topic topic{update.facts.id, update.kind,
                      update.kind == MemberUpdate::Kind::vote ? update.voter : 0};
    news_[topic] = {update.facts.incarnation, encode_update(update), 0};
}

void GossipQueue::forget(NodeId id) {
    std::erase_if(news_, [id](const auto& piece) { return piece.first.subject == id; });
}

void GossipQueue::refuted(NodeId id, uint64_t incarnation) {
    std::erase_if(news_, [&](const auto& piece) {
        return piece.first.subject == id && piece.first.kind != MemberUpdate::Kind::facts &&
               piece.second.incarnation < incarnation;
    });
}

void GossipQueue::fill(std::string& message, size_t limit, size_t members) {
    if (news_.empty()) return;
    std::vector<std::map<Topic, News>::iterator> order;
    order.reserve(news_.size());
    for (auto it = news_.begin(); it != news_.end(); ++it) order.push_back(it);
    std::ranges::stable_sort(order, {}, [](const auto& it) { return it->second.sent; });
    const unsigned enough = kSpread * static_cast<unsigned>(std::bit_width(members + 1));
    for (const auto& it : order) {
        if (message.size() + it->second.bytes.size() > limit) continue;
        message += it->second.bytes;
        if (++it->second.sent >= enough) news_.erase(it);
    }
}

}  // namespace torc
