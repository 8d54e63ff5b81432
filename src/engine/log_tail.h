// What damage means at the end of the log: a write that a crash interrupted, or a record that was whole once.
//
// Two facts decide. While the operating system has not been restarted, all that was handed to write() is
// there: only the very end of the last segment can be torn. After a power loss, nothing beyond the last sync
// mark is sure to be there, and pieces may be missing in any order: the log is cut at the first flaw behind
// the mark, so that what remains is a prefix of what was appended. Everything else is damage: it is reported,
// what is good around it is kept, and a key whose newest record is damaged stays damaged (CORRECTNESS 11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "engine/segment_scan.h"
#include "engine/segment_set.h"

namespace torc {

struct TailSegment {
    uint64_t id = 0;
    std::string path;
    Lsn base_lsn = 0;
    uint64_t previous_id = 0;
    SegmentScan scan;
    std::optional<uint64_t> cut_at;  // set by settle_tail: truncate the file here
    bool dropped = false;            // set by settle_tail: nothing of it counts
    bool gap_before = false;         // set by settle_tail: what led up to it is missing, and was synced
};

/// Decides on all unsealed segments of the log, in the order of their LSNs: cuts their scans and says so in
/// cut_at and dropped, and adds to the report. sealed_lsn: everything up to it is in sealed segments.
void settle_tail(std::vector<TailSegment>& segments, bool same_boot, Lsn sealed_lsn, RecoveryReport& report);

}  // namespace torc
