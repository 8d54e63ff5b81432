#include "node/latency_monitor.h"

#include <algorithm>

namespace torc {

void LatencyMonitor::add(std::string_view event, int64_t milliseconds, int64_t unix_seconds) {
    std::lock_guard lock(mutex_);
    auto found = events_.find(event);
    if (found == events_.end()) {
        found = events_.emplace(std::string(event), LatencyEvent{}).first;
        found->second.name = event;
    }
    LatencyEvent& entry = found->second;
    entry.max_ms = std::max(entry.max_ms, milliseconds);
    auto& samples = entry.samples;
    if (!samples.empty() && samples.back().unix_seconds == unix_seconds) {
        samples.back().milliseconds = std::max(samples.back().milliseconds, milliseconds);
        return;
    }
    if (samples.size() == kMaxSamples) samples.erase(samples.begin());
    samples.push_back({unix_seconds, milliseconds});
}

std::vector<LatencyEvent> LatencyMonitor::events() const {
    std::lock_guard lock(mutex_);
    std::vector<LatencyEvent> all;
    all.reserve(events_.size());
    for (const auto& [name, event] : events_) all.push_back(event);
    return all;
}

size_t LatencyMonitor::reset(const std::vector<std::string>& names) {
    std::lock_guard lock(mutex_);
    size_t removed = 0;
    if (names.empty()) {
        removed = events_.size();
        events_.clear();
    }
    for (const auto& name : names) removed += events_.erase(name);
    return removed;
}

}  // namespace torc
