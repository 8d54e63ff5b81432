// When a read that waits for another replica asks one more, and how many reads may: "The Tail at Scale"
// (Dean, Barroso 2013). After the p99 of what answers took lately: in health one in a hundred is asked twice
// at most. And never more than a share of all reads, so that a cluster that is slow as a whole isn't asked
// for twice as much just then.
//
// Answers are counted in buckets of 8.4 ms: operations are looked at with the loop's timer, finer ones would
// change nothing. What is older counts for less: counts are halved every few seconds.
//
// Thread rule: its worker's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace torc {

class Hedging {
  public:
    /// A replica has answered; `ns`: since it was asked.
    void answered(int64_t ns) {
        const auto took = static_cast<uint64_t>(std::max<int64_t>(ns, 0)) >> kBucketBits;
        ++counts_[std::min<uint64_t>(took, kBuckets - 1)];
    }
    /// A read begins to wait.
    void begun() { allowance_ = std::min(allowance_ + 1, kBurst * kReadsPerHedge); }
    /// Now and then: looks at what has been counted. `now_ms` is monotonic.
    void on_tick(int64_t now_ms) {
        after_ms_ = p99_ms();
        if (now_ms - halved_ms_ < kHalfLifeMs) return;
        halved_ms_ = now_ms;
        for (uint32_t& count : counts_) count /= 2;
    }

    /// Who has been silent for so long isn't waited for alone: between one bucket's width and the last one's
    /// upper end (270 ms).
    int64_t after_ms() const { return after_ms_; }
    /// May one more be asked? If it was, spend().
    bool may() const { return allowance_ >= kReadsPerHedge; }
    void spend() { allowance_ -= kReadsPerHedge; }

    static constexpr int64_t kReadsPerHedge = 20;
    static constexpr int64_t kBurst = 16;  // hedges, saved up by reads that needed none
    static constexpr int64_t kHalfLifeMs = 5000;
    static constexpr int64_t kUnknownMs = 30;  // until there are enough answers to tell
    static constexpr uint64_t kEnough = 200;

  private:
    static constexpr unsigned kBucketBits = 23;  // of ns
    static constexpr size_t kBuckets = 32;

    int64_t p99_ms() const {
        uint64_t all = 0, slower = 0;
        for (const uint32_t count : counts_) all += count;
        if (all < kEnough) return kUnknownMs;
        size_t bucket = kBuckets;
        while (bucket > 1 && (slower + counts_[bucket - 1]) * 100 <= all) slower += counts_[--bucket];
        return static_cast<int64_t>((uint64_t{bucket} << kBucketBits) / 1'000'000);
    }

    std::array<uint32_t, kBuckets> counts_{};
    int64_t allowance_ = kBurst * kReadsPerHedge;
    int64_t after_ms_ = kUnknownMs;
    int64_t halved_ms_ = 0;
};

}  // namespace torc
