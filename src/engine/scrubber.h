// Rereads sealed segments, one after another and round after round, to find records that have rotted on the
// disk while there still is another copy of what they held.
//
// A record counts whose value no longer fits its checksum and that the index still refers to. A range where
// not even a record's head can be read is counted and said in the log; whose keys were there can't be told
// from it.
//
// One background thread calls step(); stats() is for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "engine/live_index.h"
#include "engine/segment_scanner.h"
#include "engine/segment_set_writer.h"

namespace torc {

struct ScrubStats {
    uint64_t rounds = 0;  // through all segments
    uint64_t bytes = 0;
    uint64_t damaged_records = 0;    // live ones
    uint64_t unreadable_ranges = 0;  // seen again in each round
};

class Scrubber {
  public:
    /// Told of each damaged live record, on the thread that calls step(). The record may be gone by then.
    using Found = std::function<void(DbId db, const std::string& key)>;

    /// All must outlive this.
    Scrubber(SegmentSet& segments, LiveIndex& index, const Clock& clock, Found found);
    ~Scrubber();

    /// Reads some hundred kilobytes at most. Answers how long not to call again (us). At most one round in an
    /// hour, however small the data. An error is the disk's; the segment is left for the next round.
    Result<int64_t> step(uint64_t bytes_per_second);

    ScrubStats stats() const;

  private:
    bool open_next();
    void look_at(const SegmentScanner::Step& step);
    bool is_live(const RecordView& record, uint64_t offset);
    void leave_segment();

    SegmentSetWriter& segments_;
    LiveIndex& index_;
    const Clock& clock_;
    const Found found_;

    uint64_t segment_ = 0;        // the one being read, or read last
    uint32_t place_ = 0;          // its place in the address space
    uint64_t last_of_round_ = 0;  // the newest sealed one when the round began
    std::shared_ptr<File> file_;
    std::unique_ptr<SegmentScanner> scanner_;
    int64_t wait_until_ns_ = 0;
    std::atomic<uint64_t> rounds_{0}, bytes_{0}, damaged_records_{0}, unreadable_ranges_{0};
};

}  // namespace torc
