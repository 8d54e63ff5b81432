#include "engine/eviction.h"

#include <algorithm>

namespace torc {

unsigned lfu_counter(uint32_t access, int64_t now_ms, unsigned decay_minutes) {
    const unsigned counter = access & 0xff;
    if (decay_minutes == 0) return counter;
    const uint32_t minutes = (static_cast<uint32_t>(now_ms / 60000) - (access >> 8)) & 0xffff;
    const unsigned periods = minutes / decay_minutes;
    return periods > counter ? 0 : counter - periods;
}

unsigned lfu_increment(unsigned counter, unsigned log_factor, uint64_t random) {
    if (counter >= 255) return 255;
    const uint64_t above = counter > kLfuInitial ? counter - kLfuInitial : 0;
    const uint64_t one_in = above * log_factor + 1;
    // random / 2^64 < 1 / one_in, without dividing by zero or floating point.
    return random <= UINT64_MAX / one_in ? counter + 1 : counter;
}

void EvictionPool::offer(const Candidate& candidate) {
    for (size_t i = 0; i < size_; ++i) {
        const Candidate& other = candidates_[i];
        if (other.hash == candidate.hash && other.slot == candidate.slot && other.db == candidate.db) return;
    }
    size_t at = 0;
    while (at < size_ && candidates_[at].score < candidate.score) ++at;
    if (size_ < kCapacity) {
        std::move_backward(candidates_.begin() + at, candidates_.begin() + size_,
                           candidates_.begin() + size_ + 1);
        ++size_;
    } else {
        if (at == 0) return;
        // The worst one makes room.
        std::move(candidates_.begin() + 1, candidates_.begin() + at, candidates_.begin());
        --at;
    }
    candidates_[at] = candidate;
}

bool EvictionPool::take(Candidate& candidate) {
    if (size_ == 0) return false;
    candidate = candidates_[--size_];
    return true;
}

}  // namespace torc
