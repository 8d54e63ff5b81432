// Backups without a fork and without a copy: a directory of hard links to sealed segments and their hint
// files, with a manifest of its own. Sealed files never change, so the links cost no space until compaction
// drops the originals. The result is a data directory as any other: `torc-server --dir <backup>` serves it,
// `torc check` verifies it, and copied to another machine it's whole.
//
// It's called <dir>/backups/<UTC date>-<time>, since hard links need the same file system. It is built as
// <name>.tmp, synced, and renamed, so that a directory without .tmp is complete.
#pragma once

#include <cstdint>
#include <string>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/log.h"
#include "engine/segment_set.h"

namespace torc {

struct BackupReport {
    std::string path;
    uint64_t segments = 0;
    uint64_t bytes = 0;
    Lsn lsn = 0;  // everything up to here is in it
};

/// A name that isn't taken yet, from the wall clock: "20261122-114500", and with "-2" and so on behind it
/// when there have been several in that second.
std::string backup_path(Disk& disk, const std::string& data_directory, int64_t wall_ms);

/// Writes everything the log has taken before the call. Blocking; only on the thread that calls
/// Log::background_step(), because it closes and seals the active segment first. The parent directory is made
/// when missing; drafts (*.tmp) that earlier backups left in it are removed: it's for backups only.
Result<BackupReport> make_backup(SegmentSet& segments, Log& log, const std::string& target);

}  // namespace torc
