// Walks a segment file record by record, verifying every byte. Where bytes are no record it searches forward
// in 16-byte steps for the next one and reports the range in between. What damage *means* (a torn tail, or
// damage in the middle) is decided by the callers: recovery (recovery.h), sealing, compaction, `torc check`.
//
// One thread at a time. Reads the file in big blocks; a record larger than a block is held whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"
#include "engine/record_codec.h"

namespace torc {

class SegmentScanner {
  public:
    enum class Kind : uint8_t {
        record,  // `record` is valid in header and key; look at value_damaged and cut
        gap,     // bytes [offset, offset + size) are no record
        end,     // the end of the file
    };
    struct Step {
        Kind kind = Kind::end;
        uint64_t offset = 0;
        uint64_t size = 0;  // padded; a cut record: what is there of it
        RecordView record;  // valid until the next call
    };

    /// Scans [from, to) of the file; `to` is usually its size. `from` is at least kSegmentHeaderBytes (the
    /// header is checked by read_segment_header). `ascending`: after a gap only a record with an LSN above
    /// the last good one's is accepted, as in segments of origin `log`, so that nothing inside a value is
    /// taken for a record.
    SegmentScanner(const File& file, uint64_t directory_id, uint64_t from, uint64_t to, bool ascending,
                   Lsn above = 0);

    /// The next step. An error is the disk's.
    Result<Step> next();

    uint64_t offset() const { return offset_; }

  private:
    /// Makes bytes [offset_, offset_ + size) available in window_; false when the range ends before.
    Result<bool> need(uint64_t offset, uint64_t size);
    std::string_view at(uint64_t offset, uint64_t size) const;
    Result<bool> record_at(uint64_t offset, Step& step);

    const File& file_;
    uint64_t directory_id_;
    uint64_t offset_;
    uint64_t end_;
    bool ascending_;
    Lsn last_lsn_;
    std::string window_;  // bytes from window_start_ on
    uint64_t window_start_;
};

}  // namespace torc
