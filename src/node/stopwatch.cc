#include "node/stopwatch.h"

#include "base/time.h"

namespace torc {
namespace {

/// Nanoseconds per tick in 32.32 fixed point.
uint64_t measure_scale() {
    const int64_t from_ns = system_clock().monotonic_ns();
    const uint64_t from = Stopwatch::ticks();
    int64_t now_ns;
    do now_ns = system_clock().monotonic_ns();
    while (now_ns - from_ns < 1'000'000);
    const uint64_t passed = Stopwatch::ticks() - from;
    return (static_cast<uint64_t>(now_ns - from_ns) << 32) / (passed == 0 ? 1 : passed);
}

}  // namespace

uint64_t Stopwatch::to_ns(uint64_t ticks) {
    static const uint64_t scale = measure_scale();
    return static_cast<uint64_t>((static_cast<__uint128_t>(ticks) * scale) >> 32);
}

}  // namespace torc
