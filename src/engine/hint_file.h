// Hint files: for a sealed segment, one entry of 48 bytes per record, sorted by (slot, hash, hash2, db, lsn).
// A restart reads these instead of the segments; compaction asks them whether a key occurs in a segment.
//
// A hint file is derived: whenever it's missing or any block fails its checksum, it is made again from its
// segment. Format: engine/format.h, docs/FORMATS.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/format.h"
#include "engine/record_codec.h"

namespace torc {

/// Slot under which records without a key (flush, swap) are listed. A swap's databases are in db and type.
inline constexpr SlotId kNoSlot = 0xffff;

struct HintSummary {
    uint64_t segment_id = 0;
    uint64_t entries = 0;
    Lsn lowest_lsn = 0;  // of all records, dead ones included; 0 and 0 when there's none
    Lsn highest_lsn = 0;
    uint64_t segment_bytes = 0;
};

/// The entry for a record at `offset` of its segment. Not for batch records and sync marks.
format::HintEntry hint_entry_for(const RecordView& record, uint64_t offset, uint64_t hash_seed);
/// True for the kinds of records that hints list.
bool has_hint_entry(format::RecordKind kind);
uint64_t second_hash(std::string_view key, uint64_t hash_seed);

/// The order of entries in a file and of the merge at recovery.
bool hint_less(const format::HintEntry& a, const format::HintEntry& b);
void sort_hints(std::vector<format::HintEntry>& entries);

/// Writes and syncs the file (over an old one); `entries` must be sorted. The caller syncs the directory.
Result<void> write_hint_file(Disk& disk, const std::string& path, const HintSummary& summary,
                             uint64_t directory_id, std::span<const format::HintEntry> entries);

/// An open hint file. Const calls are safe from any thread.
class HintFile {
  public:
    /// Checks the header. corrupt: make it again from the segment. refused: newer version or foreign.
    static Result<std::unique_ptr<HintFile>> open(Disk& disk, const std::string& path, uint64_t segment_id,
                                                  uint64_t directory_id);

    const HintSummary& summary() const { return summary_; }
    uint64_t blocks() const;
    /// Whether any record of this key (by both hashes, in any database) is listed, by interpolation search.
    Result<bool> contains(SlotId slot, uint64_t hash, uint64_t hash2) const;
    /// Reads and verifies as many blocks as `into` holds, from block `first` on.
    Result<void> read_blocks(uint64_t first, std::span<format::HintBlock> into) const;

  private:
    HintFile(std::unique_ptr<File> file, std::string path, const HintSummary& summary)
        : file_(std::move(file)), path_(std::move(path)), summary_(summary) {}

    std::unique_ptr<File> file_;
    std::string path_;
    HintSummary summary_;
};

/// Reads all entries of a hint file in order, many blocks at a time, verifying each.
class HintReader {
  public:
    HintReader(const HintFile& file, size_t buffer_bytes);
    /// The next entries in order, at most a block's; empty at the end. Valid until the next call.
    Result<std::span<const format::HintEntry>> next();

  private:
    const HintFile& file_;
    std::vector<format::HintBlock> buffer_;
    uint64_t next_block_ = 0;  // to read from the file
    size_t at_ = 0;            // block within the buffer
    size_t loaded_ = 0;        // blocks in the buffer
};

}  // namespace torc
