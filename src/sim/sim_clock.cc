#include "sim/sim_clock.h"

#include "base/check.h"

namespace torc {

void SimClock::advance_us(int64_t us) {
    TORC_CHECK(us >= 0);
    wall_us_.fetch_add(us, std::memory_order_relaxed);
    monotonic_ns_.fetch_add(us * 1000, std::memory_order_relaxed);
}

void SimClock::jump_wall_us(int64_t by_us) {
    wall_us_.fetch_add(by_us, std::memory_order_relaxed);
}

}  // namespace torc
