// The segments that a compaction writes: records, bytes unchanged, appended one after another and rolled to
// the next segment when one is full. Nothing here is listed in the manifest yet; segments that never are, are
// removed at the next start.
//
// One thread. After any error only discard() may be called.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/segment_set_writer.h"

namespace torc {

class CompactionOutput {
  public:
    /// Where a record went. Its address is valid for readers after flush().
    struct Place {
        uint64_t segment_id = 0;
        uint64_t offset = 0;
    };

    explicit CompactionOutput(SegmentSetWriter& segments) : segments_(segments) {}
    CompactionOutput(const CompactionOutput&) = delete;
    CompactionOutput& operator=(const CompactionOutput&) = delete;

    /// `record`: padded bytes of one record. One larger than `segment_bytes` gets a segment of its own.
    Result<Place> append(std::string_view record, Lsn lsn, uint64_t segment_bytes);
    /// Hands what is buffered to the file.
    Result<void> flush();
    /// Syncs the next written segment and writes its hint file; false when all are.
    Result<bool> finish_one();
    /// Gives everything up; errors are only logged, since leftovers are removed at the next start anyway.
    void discard();

    const std::vector<uint64_t>& segment_ids() const { return ids_; }
    uint64_t bytes() const { return bytes_; }
    bool empty() const { return ids_.empty(); }

  private:
    Result<void> open_segment(uint64_t max_bytes);

    SegmentSetWriter& segments_;
    std::vector<uint64_t> ids_;
    size_t finished_ = 0;
    std::shared_ptr<File> file_;
    std::string buffer_;
    uint64_t written_ = 0;  // bytes of the current segment that are in the file
    uint64_t bytes_ = 0;    // of all segments
    Lsn lowest_lsn_ = 0;    // of the current segment
    Lsn highest_lsn_ = 0;
};

}  // namespace torc
