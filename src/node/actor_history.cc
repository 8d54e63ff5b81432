#include "node/actor_history.h"

#include <algorithm>

namespace torc {

void ActorHistory::see(std::span<const ActorId> present, int64_t now_ms) {
    std::lock_guard guard(mutex_);
    if (!known_since_ms_) known_since_ms_ = now_ms;
    for (const ActorId actor : present_) left_ms_[actor] = now_ms;
    present_.assign(present.begin(), present.end());
    for (const ActorId actor : present_) left_ms_.erase(actor);
}

std::optional<std::vector<ActorId>> ActorHistory::at_work(int64_t now_ms, int64_t for_ms) {
    std::lock_guard guard(mutex_);
    const int64_t since_ms = now_ms - for_ms;
    if (!known_since_ms_ || since_ms < *known_since_ms_) return std::nullopt;
    std::erase_if(left_ms_, [&](const auto& left) { return left.second <= since_ms; });
    known_since_ms_ = since_ms;
    std::vector<ActorId> all = present_;
    for (const auto& [actor, since] : left_ms_) all.push_back(actor);
    std::ranges::sort(all);
    return all;
}

}  // namespace torc
