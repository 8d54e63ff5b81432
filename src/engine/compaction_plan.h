// Which segments to compact: a pure function of their sizes.
//
// Disk use is bounded by `max_space_percent` of the live bytes plus `slack_segments` segments: while it is
// above, the segments that give back most per byte are rewritten, as many as fill one output segment with
// what is live in them. A segment that gives back too little is left alone, so that work always buys space:
// with p the allowed factor, a segment qualifies when at least half of 1 - 1/p of it is dead. Were there
// none, all together couldn't be above the bound.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/segment_set.h"

namespace torc {

struct CompactionLimits {
    uint64_t segment_bytes = 64ULL << 20;
    uint64_t max_space_percent = 200;
    uint64_t bytes_per_second = 0;  // of reading and writing; 0: unlimited
    /// Room for the active segment, its successor, a segment being sealed, and the output that stands next to
    /// its sources until they go.
    uint64_t slack_segments = 4;
};

inline constexpr size_t kMaxSources = 16;

uint64_t space_bound(uint64_t live_bytes, const CompactionLimits& limits);

/// The sources of the next job, best first; empty when nothing needs to be, or can be, done. `pinned`: bytes
/// of a segment that are neither live nor could be dropped when they were last looked at (tombstones that
/// something older needs). `excluded` segments are never chosen.
std::vector<SegmentInfo> choose_sources(std::span<const SegmentInfo> segments, const CompactionLimits& limits,
                                        const std::function<uint64_t(uint64_t id)>& pinned,
                                        const std::function<bool(uint64_t id)>& excluded);

}  // namespace torc
