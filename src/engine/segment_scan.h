// The result of walking a whole segment: its hint entries in file order, and all that was wrong in it.
// Sealing, rebuilding a hint file, recovery and `torc check` start from this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/format.h"

namespace torc {

/// A range that isn't as it was written.
struct SegmentFlaw {
    enum class Kind : uint8_t {
        gap,      // no record could be read there
        damaged,  // a record whose value or padding is wrong; its key is known
        cut,      // the file ends inside a record or a batch
    };
    Kind kind = Kind::gap;
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t frame_offset = 0;  // where the batch (or the single record) around it begins
    Lsn lsn_before = 0;         // of the last good frame before that; the segment's base LSN if none
    bool at_end = false;        // no valid record follows in this file
};

struct SegmentScan {
    std::vector<format::HintEntry> entries;  // in file order
    std::vector<SegmentFlaw> flaws;          // in file order
    uint64_t records = 0;
    uint64_t end = 0;    // bytes scanned
    Lsn lowest_lsn = 0;  // of the records found; 0 when there's none
    Lsn highest_lsn = 0;
    Lsn synced_lsn = 0;  // the highest sync mark
};

/// Scans [kSegmentHeaderBytes, bytes) of a segment. base_lsn: from its header (0 when unknown).
Result<SegmentScan> scan_segment(const File& file, uint64_t directory_id, uint64_t hash_seed, uint64_t bytes,
                                 format::SegmentOrigin origin, Lsn base_lsn);

/// Takes out what lies at or behind `offset`: entries and flaws. Lowest and highest LSN follow.
void cut_scan(SegmentScan& scan, uint64_t offset);

/// One line for people: file, offset, what.
std::string describe(const SegmentFlaw& flaw, const std::string& path);

}  // namespace torc
