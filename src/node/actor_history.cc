#include "node/actor_history.h"

#include <algorithm>

namespace torc {

void ActorHistory::see(std::span<const ActorId> present, int64_t now_ms) {
    std::lock_guard guard(mutex_);
    if (!first_ms_) first_ms_ = now_ms;
    for (const ActorId actor : present_) left_ms_[actor] = now_ms;
    present_.assign(present.begin(), present.end());
    for (const ActorId actor : present_) left_ms_.erase(actor);
}

std::optional<std::vector<ActorId>> ActorHistory::at_work(int64_t now_ms, int64_t for_ms) {
    std::lock_guard guard(mutex_);
    if (!first_ms_ || now_ms - *first_ms_ < for_ms) return std::nullopt;
    std::erase_if(left_ms_, [&](const auto& left) { return now_ms - left.second >= for_ms; });
    std::vector<ActorId> all = present_;
    for (const auto& [actor, since] : left_ms_) all.push_back(actor);
    std::ranges::sort(all);
    return all;
}

}  // namespace torc
