#include "engine/compaction_plan.h"

#include <algorithm>

namespace torc {

namespace {

constexpr uint64_t kPercent = 100;
constexpr uint64_t kLeastPercent = 105;

uint64_t allowed_percent(const CompactionLimits& limits) {
    return std::max(limits.max_space_percent, kLeastPercent);
}

struct Candidate {
    SegmentInfo info;
    uint64_t gain = 0;
};

}  // namespace

uint64_t space_bound(uint64_t live_bytes, const CompactionLimits& limits) {
    return live_bytes * allowed_percent(limits) / kPercent + limits.slack_segments * limits.segment_bytes;
}

std::vector<SegmentInfo> choose_sources(std::span<const SegmentInfo> segments, const CompactionLimits& limits,
                                        const std::function<uint64_t(uint64_t id)>& pinned,
                                        const std::function<bool(uint64_t id)>& excluded) {
    uint64_t total = 0;
    uint64_t live = 0;
    std::vector<Candidate> candidates;
    const uint64_t percent = allowed_percent(limits);
    for (const auto& info : segments) {
        total += info.bytes;
        live += info.live_bytes;
        if (!info.sealed || info.bytes == 0 || excluded(info.id)) continue;
        const uint64_t kept = info.live_bytes + pinned(info.id);
        const uint64_t gain = info.bytes > kept ? info.bytes - kept : 0;
        if (gain * percent * 2 >= info.bytes * (percent - kPercent)) candidates.push_back({info, gain});
    }
    if (total <= space_bound(live, limits)) return {};

    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        const auto left = static_cast<__uint128_t>(a.gain) * b.info.bytes;
        const auto right = static_cast<__uint128_t>(b.gain) * a.info.bytes;
        return left != right ? left > right : a.info.id < b.info.id;
    });
    std::vector<SegmentInfo> sources;
    uint64_t output = 0;
    for (const auto& candidate : candidates) {
        const uint64_t kept = candidate.info.bytes - candidate.gain;
        if (!sources.empty() && output + kept > limits.segment_bytes) break;
        output += kept;
        sources.push_back(candidate.info);
        if (sources.size() == kMaxSources) break;
    }
    return sources;
}

}  // namespace torc
