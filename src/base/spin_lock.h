// A spin lock for critical sections of some tens of instructions that never block. A holder may still lose
// its processor, so waiters yield after a while.
#pragma once

#include <sched.h>

#include <atomic>

namespace torc {

class SpinLock {
  public:
    void lock() {
        for (int spin = 0; locked_.exchange(true, std::memory_order_acquire);) {
            while (locked_.load(std::memory_order_relaxed)) {
                if (++spin < kSpins)
                    __builtin_ia32_pause();
                else
                    sched_yield();
            }
        }
    }
    void unlock() { locked_.store(false, std::memory_order_release); }

  private:
    static constexpr int kSpins = 200;
    std::atomic<bool> locked_{false};
};

}  // namespace torc
