// The manifest: which sealed segments make up the data directory, and what is fixed with it. Replaced as a
// whole by an atomic rename; it changes when a segment is sealed, when compaction replaces segments, and at
// start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/format.h"

namespace torc {

inline constexpr std::string_view kManifestName = "MANIFEST";

struct ManifestSegment {
    uint64_t id = 0;
    uint64_t bytes = 0;
    Lsn lowest_lsn = 0;
    Lsn highest_lsn = 0;
    format::SegmentOrigin origin = format::SegmentOrigin::log;
    friend bool operator==(const ManifestSegment&, const ManifestSegment&) = default;
};

struct Manifest {
    uint64_t directory_id = 0;
    uint64_t hash_seed = 0;
    uint64_t next_segment_id = 1;
    /// A segment of origin `log` that isn't listed belongs to the directory (it wasn't sealed yet) when its
    /// id is at or above log_tail_id and its base LSN at or above sealed_lsn, the highest LSN of all log
    /// segments that were ever sealed. Others are leftovers of compaction.
    uint64_t log_tail_id = 1;
    Lsn sealed_lsn = 0;
    Lsn highest_lsn = 0;  // at least of everything sealed so far: LSNs never go back
    /// logical -> physical database, with all swap records up to databases_lsn applied.
    std::vector<DbId> databases;
    Lsn databases_lsn = 0;
    /// Run of the operating system under which the unlisted segments were written (Disk::boot_id).
    std::string boot_id;
    std::vector<ManifestSegment> segments;  // by id
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

std::string encode_manifest(const Manifest& manifest);
/// `path` is only for the message. corrupt: fails its checksum; refused: a newer version.
Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path);

/// not_found when there's none.
Result<Manifest> load_manifest(Disk& disk, const std::string& directory);
/// Durable on return.
Result<void> store_manifest(Disk& disk, const std::string& directory, const Manifest& manifest);

}  // namespace torc
