// What requests took of other nodes, by consistency level: from their own end here to the answer that met the
// level. One worker's; summed up by whoever shows them.
//
// Thread rule: its worker counts, any thread reads. A histogram is made when its level is first used, and
// stays.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

#include "base/consistency.h"
#include "commands/cluster_view.h"
#include "node/latency_histogram.h"

namespace torc {

class RequestTimes {
  public:
    RequestTimes() = default;
    RequestTimes(const RequestTimes&) = delete;
    RequestTimes& operator=(const RequestTimes&) = delete;
    ~RequestTimes() {
        for (auto& series : series_) delete series.histogram.load();
    }

    void count(bool write, Consistency level, int64_t ns) {
        Series& series = series_[index(write, level)];
        LatencyHistogram* histogram = series.histogram.load(std::memory_order_relaxed);
        if (histogram == nullptr) {
            histogram = new LatencyHistogram;
            series.histogram.store(histogram, std::memory_order_release);
        }
        const auto took = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
        histogram->count(took, 1);
        if (took > series.most_ns.load(std::memory_order_relaxed))
            series.most_ns.store(took, std::memory_order_relaxed);
    }

    /// Several workers' together.
    template <class Each>
    static LevelUse sum(const Each& each_worker, bool write, Consistency level) {
        std::array<uint64_t, LatencyHistogram::kBuckets> counts{};
        LevelUse use;
        each_worker([&](const RequestTimes& times) {
            const Series& series = times.series_[index(write, level)];
            const LatencyHistogram* histogram = series.histogram.load(std::memory_order_acquire);
            if (histogram == nullptr) return;
            for (size_t bucket = 0; bucket < counts.size(); ++bucket) {
                counts[bucket] += histogram->at(bucket);
                use.calls += histogram->at(bucket);
            }
            use.max_us = std::max(use.max_us, series.most_ns.load(std::memory_order_relaxed) / 1000);
        });
        // A bucket says "up to"; the longest is known exactly.
        use.p50_us = std::min(percentile(counts, use.calls, 50), use.max_us);
        use.p99_us = std::min(percentile(counts, use.calls, 99), use.max_us);
        return use;
    }

  private:
    struct Series {
        std::atomic<LatencyHistogram*> histogram{nullptr};
        std::atomic<uint64_t> most_ns{0};
    };
    static size_t index(bool write, Consistency level) {
        return (write ? kConsistencies : 0) + static_cast<size_t>(level);
    }
    static uint64_t percentile(const std::array<uint64_t, LatencyHistogram::kBuckets>& counts, uint64_t calls,
                               uint64_t percent) {
        const uint64_t wanted = std::max<uint64_t>(1, (calls * percent + 99) / 100);
        uint64_t seen = 0;
        for (size_t bucket = 0; bucket < counts.size(); ++bucket)
            if ((seen += counts[bucket]) >= wanted && calls != 0)
                return static_cast<uint64_t>(LatencyHistogram::highest_in(bucket)) / 1000;
        return 0;
    }

    std::array<Series, 2 * kConsistencies> series_;
};

}  // namespace torc
