// How long to wait before trying something again: twice as long after each failure, up to a limit, and each
// time a random part of it, so that many who failed together don't come back together.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/rng.h"

namespace torc {

class Backoff {
  public:
    using Time = std::chrono::milliseconds;

    Backoff(Time first, Time longest, uint64_t seed) : first_(first), longest_(longest), rng_(seed) {}

    /// After a failure: between half of the present wait and all of it.
    Time next() {
        wait_ = wait_ == Time::zero() ? first_ : std::min(wait_ * 2, longest_);
        const auto half = static_cast<uint64_t>(wait_.count() / 2);
        return Time(static_cast<Time::rep>(half + rng_.below(half + 1)));
    }
    /// After a success.
    void reset() { wait_ = Time::zero(); }

  private:
    const Time first_, longest_;
    Time wait_{0};
    Rng rng_;
};

}  // namespace torc
