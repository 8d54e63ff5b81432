// A small, fast, seedable random generator (xoshiro256**, Blackman and Vigna 2018), seeded by splitmix64.
// Not thread-safe and not for secrets; each user owns one, so that one seed replays one run.
#pragma once

#include <cstdint>

namespace torc {

class Rng {
  public:
    explicit Rng(uint64_t seed) {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15ULL;
            uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            word = z ^ (z >> 31);
        }
    }

    uint64_t next() {
        const uint64_t result = rotate(state_[1] * 5, 7) * 9;
        const uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = rotate(state_[3], 45);
        return result;
    }

    /// Uniform in [0, bound); bound > 0.
    uint64_t below(uint64_t bound) {
        return static_cast<uint64_t>((static_cast<__uint128_t>(next()) * bound) >> 64);
    }

    /// True once in `n` calls on average.
    bool one_in(uint64_t n) { return below(n) == 0; }

  private:
    static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

    uint64_t state_[4];
};

}  // namespace torc
