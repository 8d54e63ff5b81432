// Counts latencies in buckets whose width is below 1 % of their value, from 1 ns to 2.1 s (longer ones count
// in the last bucket). The bucket layout is that of HdrHistogram (Gil Tene) with two significant digits,
// which LATENCY HISTOGRAM's users know.
//
// Thread rule: one thread writes, any thread reads at the same time: counters are atomics, but written with
// plain load and store, so that counting costs no locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace torc {

class LatencyHistogram {
  public:
    static constexpr unsigned kSubBucketBits = 8;
    static constexpr unsigned kHalf = 1u << (kSubBucketBits - 1);
    static constexpr unsigned kOctaves = 24;
    static constexpr size_t kBuckets = kHalf * (kOctaves + 1);

    static size_t bucket_of(uint64_t ns) {
        if (ns < 2 * kHalf) return ns;
        const unsigned shift = 64 - kSubBucketBits - static_cast<unsigned>(std::countl_zero(ns));
        const size_t bucket = kHalf * size_t{shift} + (ns >> shift);
        return bucket < kBuckets ? bucket : kBuckets - 1;
    }
    /// The largest value that falls into the bucket.
    static int64_t highest_in(size_t bucket) {
        if (bucket < 2 * kHalf) return static_cast<int64_t>(bucket);
        const unsigned shift = static_cast<unsigned>(bucket / kHalf) - 1;
        const uint64_t mantissa = bucket - kHalf * uint64_t{shift};
        return static_cast<int64_t>(((mantissa + 1) << shift) - 1);
    }

    void count(uint64_t ns, uint64_t times) {
        auto& counter = counters_[bucket_of(ns)];
        counter.store(counter.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
    }
    uint64_t at(size_t bucket) const { return counters_[bucket].load(std::memory_order_relaxed); }

  private:
    std::array<std::atomic<uint64_t>, kBuckets> counters_{};
};

}  // namespace torc
