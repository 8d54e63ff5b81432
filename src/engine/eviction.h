// What a record's 24 access bits mean, and which of some sampled records should go first.
//
// Under an LFU policy: 16 bits minutes when the counter was last decayed, 8 bits of a logarithmic counter
// that starts at 5, goes up with probability 1 / ((counter - 5) * log_factor + 1) per use and down by one per
// decay_minutes. Under all others: seconds, modulo 2^24 (194 days). The numbers are those of Redis, whose
// users read them through OBJECT IDLETIME and OBJECT FREQ.
//
// Exact LRU order would cost two pointers per record. Instead a few records are sampled at random and the
// best candidates are remembered across rounds in a small pool (the idea of Redis 3.0's approximated LRU).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace torc {

inline constexpr unsigned kLfuInitial = 5;

inline uint32_t lru_access(int64_t now_ms) {
    return static_cast<uint32_t>(now_ms / 1000) & 0xffffff;
}
inline uint64_t lru_idle_seconds(uint32_t access, int64_t now_ms) {
    return (lru_access(now_ms) - access) & 0xffffff;
}

inline uint32_t lfu_access(unsigned counter, int64_t now_ms) {
    return ((static_cast<uint32_t>(now_ms / 60000) & 0xffff) << 8) | (counter & 0xff);
}
/// The counter after the decay that is due. decay_minutes 0: none ever.
unsigned lfu_counter(uint32_t access, int64_t now_ms, unsigned decay_minutes);
/// The counter after one more use.
unsigned lfu_increment(unsigned counter, unsigned log_factor, uint64_t random);

/// A few eviction candidates, the best last.
class EvictionPool {
  public:
    struct Candidate {
        uint64_t score = 0;  // higher: rather this one
        uint64_t hash = 0;
        SlotId slot = 0;
        DbId db = 0;
    };

    /// Keeps the candidate if there's room or it beats the worst; a key that's already in stays as it was.
    void offer(const Candidate& candidate);
    /// Takes the best one out; false when empty.
    bool take(Candidate& candidate);
    void clear() { size_ = 0; }
    size_t size() const { return size_; }

  private:
    static constexpr size_t kCapacity = 16;
    std::array<Candidate, kCapacity> candidates_;  // by ascending score
    size_t size_ = 0;
};

}  // namespace torc
