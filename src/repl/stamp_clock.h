// The hybrid logical clock of a node (Kulkarni et al. 2014): issues the stamps of its dots. A stamp is 48
// bits of milliseconds and a 16-bit counter; a full counter runs into the next millisecond. Stamps are order,
// not time (CORRECTNESS 14): they follow the cluster's clock while it advances, and never go back when it
// does.
//
// What others stamped moves this clock too, so that a write is stamped above what its node has seen; but only
// as far as the caller's bound, so that one node with a wild clock doesn't drag all others along. A stamp
// further ahead is still joined and kept. Only one more than a day ahead is refused.
//
// Thread-safe, lock-free.
#pragma once

#include <atomic>
#include <cstdint>

#include "repl/dot.h"

namespace torc {

class StampClock {
  public:
    /// How far beyond the cluster's clock others' stamps may move this one, usually.
    static constexpr int64_t kObserveAheadMs = 500;
    static constexpr int64_t kAcceptAheadMs = 24 * 3600 * 1000;

    /// Issues only stamps above `last`: the highest this node issued or logged before.
    explicit StampClock(Stamp last = 0) : last_(last) {}

    /// Above every stamp issued and observed before, and not below the time given.
    Stamp next(int64_t cluster_now_ms);
    /// The next stamps are above `remote`, or above everything within bound_ms when that's lower.
    void observe(Stamp remote, int64_t bound_ms);
    /// The highest so far.
    Stamp last() const { return last_.load(std::memory_order_relaxed); }

    /// False for a stamp that no sound clock has issued: refuse it, and tell the operator.
    static bool acceptable(Stamp stamp, int64_t now_ms);

  private:
    std::atomic<Stamp> last_;
};

}  // namespace torc
