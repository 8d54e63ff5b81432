// CLIENT PAUSE: until when which commands wait. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace torc {

class ClientPause {
  public:
    /// Extends a pause that's on; pausing all is the stronger kind and stays while it's on.
    void pause(int64_t until_ms, bool all, int64_t now_ms) {
        const bool on = now_ms < until_ms_.load();
        all_.store(all || (on && all_.load()));
        if (!on || until_ms > until_ms_.load()) until_ms_.store(until_ms);
    }
    void unpause() { until_ms_.store(0); }
    /// Must a command wait? `writes`: it may change data.
    bool holds(bool writes, int64_t now_ms) const {
        const int64_t until = until_ms_.load(std::memory_order_relaxed);
        if (__builtin_expect(until == 0, 1)) return false;
        return now_ms < until && (writes || all_.load(std::memory_order_relaxed));
    }

  private:
    std::atomic<int64_t> until_ms_{0};
    std::atomic<bool> all_{false};
};

}  // namespace torc
