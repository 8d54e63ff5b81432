// What the node has measured about its own work, as SLOWLOG, LATENCY and INFO read it: small faces that node/
// implements (slow_log, latency_monitor, command_stats, error_stats). Thread-safe; reading copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace torc {

struct SlowLogEntry {
    uint64_t id = 0;
    int64_t unix_seconds = 0;
    int64_t microseconds = 0;
    std::vector<std::string> words;  // shortened
    std::string client_address;
    std::string client_name;
};

class SlowLogView {
  public:
    virtual ~SlowLogView() = default;
    /// The newest `count` entries, newest first.
    virtual std::vector<SlowLogEntry> newest(size_t count) const = 0;
    virtual size_t size() const = 0;
    virtual void reset() = 0;
};

struct LatencySample {
    int64_t unix_seconds = 0;
    int64_t milliseconds = 0;
};

struct LatencyEvent {
    std::string name;
    std::vector<LatencySample> samples;  // oldest first, at least one
    int64_t max_ms = 0;                  // since the last reset, perhaps older than the samples
};

class LatencyView {
  public:
    virtual ~LatencyView() = default;
    /// All events that ever spiked, by name.
    virtual std::vector<LatencyEvent> events() const = 0;
    /// Forgets these events, or all when `names` is empty. Returns how many there were.
    virtual size_t reset(const std::vector<std::string>& names) = 0;
};

/// Latencies of one command: `count` calls took at most `upto_ns` and more than the bucket before.
struct LatencyBucket {
    int64_t upto_ns = 0;
    uint64_t count = 0;
};

struct CommandUse {
    std::string name;  // "get", "client|list"
    uint64_t calls = 0;
    uint64_t nanoseconds = 0;  // of all calls
    uint64_t rejected = 0;     // by a check before it ran
    uint64_t failed = 0;       // replied an error
};

struct CommandLatency {
    std::string name;
    uint64_t calls = 0;
    std::vector<LatencyBucket> buckets;  // ascending, only those with counts
};

class CommandStatsView {
  public:
    virtual ~CommandStatsView() = default;
    /// Commands that were called, rejected or failed, in the order of the command table.
    virtual std::vector<CommandUse> used() const = 0;
    /// Those with measured latencies. `names`: full names to choose; empty: all.
    virtual std::vector<CommandLatency> latencies(const std::vector<std::string>& names) const = 0;
    virtual void reset() = 0;
};

class ErrorStatsView {
  public:
    virtual ~ErrorStatsView() = default;
    /// Error code (its first word) and how often it was replied, by code.
    virtual std::vector<std::pair<std::string, uint64_t>> counts() const = 0;
    virtual uint64_t total() const = 0;
    virtual void reset() = 0;
};

}  // namespace torc
