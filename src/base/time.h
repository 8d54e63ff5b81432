// Time enters every core through a Clock; only clock_system.cc reads the machine's clocks.
#pragma once

#include <cstdint>

namespace torc {

class Clock {
  public:
    virtual ~Clock() = default;
    /// Microseconds since the Unix epoch. May jump either way.
    virtual int64_t wall_us() const = 0;
    /// Nanoseconds from an arbitrary origin; never goes back.
    virtual int64_t monotonic_ns() const = 0;

    int64_t wall_ms() const { return wall_us() / 1000; }
};

/// The machine's own clocks. Thread-safe.
Clock& system_clock();

}  // namespace torc
