#include "repl/stamp_clock.h"

#include <algorithm>

#include "base/check.h"

namespace torc {
namespace {

/// The year 10889: 50 days of stamps before the end of the scale, so that whatever a clock says, there are
/// stamps above it.
constexpr int64_t kLatestMs = (int64_t{1} << 48) - (int64_t{1} << 32);

/// The first stamp of a millisecond. A clock that is off the scale is held at its ends.
Stamp stamp_at(int64_t ms) {
    return static_cast<Stamp>(std::clamp<int64_t>(ms, 0, kLatestMs)) << 16;
}

}  // namespace

Stamp StampClock::next(int64_t cluster_now_ms) {
    const Stamp now = stamp_at(cluster_now_ms);
    Stamp last = last_.load(std::memory_order_relaxed);
    Stamp issued;
    do {
        // The counter's overflow is the millisecond's increment.
        TORC_CHECK(last != UINT64_MAX);
        issued = std::max(last + 1, now);
    } while (!last_.compare_exchange_weak(last, issued, std::memory_order_relaxed));
    return issued;
}

void StampClock::observe(Stamp remote, int64_t bound_ms) {
    const Stamp to = std::min<Stamp>(remote, stamp_at(bound_ms) | 0xffff);
    Stamp last = last_.load(std::memory_order_relaxed);
    while (last < to && !last_.compare_exchange_weak(last, to, std::memory_order_relaxed)) {
    }
}

bool StampClock::acceptable(Stamp stamp, int64_t now_ms) {
    return stamp_ms(stamp) <= stamp_ms(stamp_at(now_ms)) + kAcceptAheadMs;
}

}  // namespace torc
