// A data directory at rest, as its files say: for the tools, which must not change what they look at. The
// rules for what belongs to it are those of recovery (segment_set.h, manifest.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/format.h"
#include "engine/manifest.h"

namespace torc {

struct DirectorySegment {
    uint64_t id = 0;
    std::string path;
    std::string hint_path;
    bool listed = false;   // in the manifest: sealed; else it belongs to the log's open end
    bool there = true;     // the file can be opened
    bool foreign = false;  // of another directory, or of a newer version: nothing of it can be judged
    uint64_t bytes = 0;    // to be looked at
    format::SegmentOrigin origin = format::SegmentOrigin::log;
    Lsn base_lsn = 0;
    uint64_t previous_id = 0;
    std::string problem;  // of its existence, size or header; empty: none
};

struct DirectoryFiles {
    Manifest manifest;                       // when unusable: only what the segments' headers tell
    std::string manifest_problem;            // empty: it's good
    std::vector<DirectorySegment> segments;  // by id
    std::vector<std::string> leftovers;      // files of ours that the next start removes
    bool after_power_loss = false;           // another boot wrote the log's open end
};

/// not_found when this is no data directory; refused when it is of a newer version.
Result<DirectoryFiles> read_directory(Disk& disk, const std::string& directory);

}  // namespace torc
