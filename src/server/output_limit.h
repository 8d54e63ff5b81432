// client-output-buffer-limit for one connection: above the hard limit it is closed at once, above the soft
// one when it has stayed there for longer than the given seconds without a break. 0 switches a limit off.
#pragma once

#include <cstddef>
#include <cstdint>

namespace torc {

class OutputLimitWatch {
  public:
    struct Limits {
        int64_t hard_bytes = 0, soft_bytes = 0, soft_seconds = 0;
    };

    /// True when a connection with `bytes` of unsent replies has to be closed now.
    bool exceeded(size_t bytes, const Limits& limits, int64_t now_ms) {
        const auto used = static_cast<int64_t>(bytes);
        if (limits.hard_bytes > 0 && used >= limits.hard_bytes) return true;
        if (limits.soft_bytes <= 0 || used < limits.soft_bytes) {
            above_soft_since_ms_ = kNever;
            return false;
        }
        if (above_soft_since_ms_ == kNever) {
            above_soft_since_ms_ = now_ms;
            return false;
        }
        return now_ms - above_soft_since_ms_ > limits.soft_seconds * 1000;
    }

  private:
    static constexpr int64_t kNever = -1;
    int64_t above_soft_since_ms_ = kNever;
};

}  // namespace torc
