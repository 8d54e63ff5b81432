// Latency spikes by event ("command", "fast-command", "log-write", ...): the last 160 seconds in which each
// exceeded `latency-monitor-threshold`, the worst per second. The caller compares with the threshold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "commands/diagnostics.h"

namespace torc {

class LatencyMonitor final : public LatencyView {
  public:
    static constexpr size_t kMaxSamples = 160;

    /// Any thread.
    void add(std::string_view event, int64_t milliseconds, int64_t unix_seconds);

    std::vector<LatencyEvent> events() const override;
    size_t reset(const std::vector<std::string>& names) override;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, LatencyEvent, std::less<>> events_;
};

}  // namespace torc
