// Verifies every byte of a data directory at rest: `torc check`. Changes nothing.
//
// Damage is what a server can't have left behind by dying; a torn end of the log, a leftover file or a
// missing hint file are notes. Where a hint file is good, it tells which records stood in an unreadable
// range; else the neighbours tell which LSNs may be missing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "engine/directory_files.h"
#include "engine/log_tail.h"
#include "engine/segment_scan.h"

namespace torc {

struct CheckFinding {
    bool damage = false;  // else a note
    std::string text;     // names the file and the offset
};

/// What's known of one segment after it was read from its first byte to its last.
struct SegmentCheck {
    SegmentScan scan;                     // without what recovery would cut off as a torn end
    std::vector<format::HintEntry> lost;  // listed by the hint file, unreadable in the segment
    bool segment_damaged = false;
    bool hints_damaged = false;
    bool hints_there = false;
};

struct CheckReport {
    std::vector<CheckFinding> findings;
    std::vector<uint64_t> damaged_segments;
    std::vector<uint64_t> damaged_hints;
    bool manifest_damaged = false;
    uint64_t segments = 0;
    uint64_t records = 0;
    uint64_t bytes = 0;
    uint64_t damages = 0;

    bool clean() const { return damages == 0; }
};

using Progress = std::function<void(double)>;

/// The segments of the log's open end, settled as the next start will settle them.
Result<std::vector<TailSegment>> settle_open_end(Disk& disk, const DirectoryFiles& files);

/// The whole directory. `progress` gets 0..1.
Result<CheckReport> check_directory(Disk& disk, const DirectoryFiles& files, const Progress& progress);

/// One segment of it; findings are added to `report`. open_end: from settle_open_end.
Result<SegmentCheck> check_segment(Disk& disk, const DirectoryFiles& files,
                                   const std::vector<TailSegment>& open_end, const DirectorySegment& segment,
                                   CheckReport& report);

}  // namespace torc
