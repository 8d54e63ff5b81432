// Notices that a loop hasn't run for a while: a stopped process, a frozen virtual machine, a step that took
// far too long. What such a loop had read before is old, and others may have acted in its place meanwhile, so
// it must not be executed as if it were new.
//
// Look at every wake-up, before its input is used, and at least every 100 ms (a timer sees to that): then a
// longer gap between two looks than kLimit is a pause, and none that lasts longer goes unseen.
#pragma once

#include <cstdint>

namespace torc {

class PauseWatch {
  public:
    static constexpr int64_t kLimitNs = 500'000'000;

    /// The length of the pause that just ended, in ns; 0: there was none. The first look starts the watch.
    int64_t look(int64_t monotonic_ns) {
        const int64_t gap = last_ns_ == kNever ? 0 : monotonic_ns - last_ns_;
        last_ns_ = monotonic_ns;
        return gap > kLimitNs ? gap : 0;
    }

  private:
    static constexpr int64_t kNever = INT64_MIN;
    int64_t last_ns_ = kNever;
};

}  // namespace torc
