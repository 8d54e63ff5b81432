// Makes a damaged data directory usable again: `torc check --repair`.
//
// Every good record of a damaged segment goes into a new segment; a record that is known to have stood there
// but can't be read becomes a tombstone of the same LSN, so that the loss is final rather than uncovering an
// older value (CORRECTNESS 11). Its key comes from the record itself, or, when even that is unreadable, from
// an older record with the same hashes: where there is none, nothing could be uncovered. Damaged hint files
// are taken away (they are made again at the next start), a lost manifest is made from the segments.
//
// Nothing is deleted: what is replaced is moved to DIR/damaged-<n>. Each step leaves a directory that is
// either as it was or repaired.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "engine/directory_check.h"
#include "engine/directory_files.h"

namespace torc {

struct RepairReport {
    std::string set_aside;           // the directory with the originals; empty: nothing was damaged
    std::vector<std::string> lines;  // what was done, and each key that lost its value
    uint64_t kept_records = 0;
    uint64_t lost_records = 0;
};

/// `check` is what check_directory said of the same files. The caller holds the directory's lock.
/// `random`: for the ids of a new manifest, when the old one is lost.
Result<RepairReport> repair_directory(Disk& disk, const std::string& directory, const DirectoryFiles& files,
                                      const CheckReport& check, uint64_t random);

}  // namespace torc
