// A clock that moves only when told to.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace torc {

/// Any thread may read and advance it.
class SimClock final : public Clock {
  public:
    explicit SimClock(int64_t wall_us = 1'700'000'000'000'000) : wall_us_(wall_us) {}

    int64_t wall_us() const override { return wall_us_.load(std::memory_order_relaxed); }
    int64_t monotonic_ns() const override { return monotonic_ns_.load(std::memory_order_relaxed); }

    /// Time passes: both clocks move.
    void advance_us(int64_t us);
    void advance_ms(int64_t ms) { advance_us(ms * 1000); }
    /// Somebody sets the wall clock, forwards or back; monotonic time doesn't notice.
    void jump_wall_us(int64_t by_us);

  private:
    std::atomic<int64_t> wall_us_;
    std::atomic<int64_t> monotonic_ns_{0};
};

}  // namespace torc
