#include <time.h>

#include "base/time.h"

namespace torc {
namespace {

class SystemClock : public Clock {
  public:
    int64_t wall_us() const override {
        timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec * 1'000'000LL + t.tv_nsec / 1000;
    }
    int64_t monotonic_ns() const override {
        timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
    }
};

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

}  // namespace torc
