// Cheap timing of commands: the processor's time stamp counter, scaled to nanoseconds once at start. Reading
// a clock through the kernel's vDSO costs three times as much, which shows at 300 ns per command. Only for
// statistics.
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace torc {

class Stopwatch {
  public:
    static uint64_t ticks() { return __rdtsc(); }
    /// Thread-safe; measures the counter's rate against the monotonic clock at the first call (about a
    /// millisecond).
    static uint64_t to_ns(uint64_t ticks);
};

}  // namespace torc
