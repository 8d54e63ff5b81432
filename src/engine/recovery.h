// What a restart does: settles the unsealed end of the log, gathers the hints of all segments, and merges
// them into the newest record of every key. A sealed segment without usable hints is scanned, and its hints
// are written again.
//
// Works on the segments that are in the table; one thread, once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "engine/hint_merge.h"
#include "engine/log_tail.h"
#include "engine/manifest.h"
#include "engine/segment_set.h"
#include "engine/segment_table.h"

namespace torc {

class Recovery {
  public:
    using OnExpected = std::function<void(SlotId, DbId, uint64_t)>;
    using OnKey = std::function<void(const RecoveredKey&)>;
    using OnProgress = std::function<void(double)>;

    Recovery(Disk& disk, std::string directory, const Manifest& manifest, SegmentTable& table)
        : disk_(disk), directory_(std::move(directory)), manifest_(manifest), table_(table) {}

    /// `tail`: the unsealed log segments, by id. On return they are cut, and those without a record
    /// are gone from table and disk.
    Result<RecoveryReport> run(const std::vector<uint64_t>& tail, const OnExpected& expected,
                               const OnKey& on_key, const OnProgress& progress);

  private:
    struct Source {
        SegmentTicket ticket;
        uint64_t file_bytes = 0;  // what there is of the segment; less than its hints say if it was cut
    };

    Result<void> load_tail(const std::vector<uint64_t>& ids);
    Result<void> apply_tail();
    Result<void> gather_sealed(const OnProgress& progress);
    Result<HintInput> hints_of(const TableSegment& segment);
    Result<HintInput> rescan(const TableSegment& segment, const std::string& why);
    void count_entry(const format::HintEntry& entry);
    void report_expected(const OnExpected& expected) const;
    void emit(const format::HintEntry& entry, size_t input, const OnKey& on_key);
    std::string path_of(uint64_t id) const;

    Disk& disk_;
    std::string directory_;
    const Manifest& manifest_;
    SegmentTable& table_;
    RecoveryReport report_;
    std::vector<TailSegment> tail_;
    std::vector<HintInput> inputs_;
    std::vector<Source> sources_;                  // of each input
    std::vector<format::HintEntry> keyless_;       // flush and swap records
    std::vector<std::vector<uint32_t>> per_slot_;  // by database: entries per slot
    std::vector<Lsn> flushed_;                     // by database: barrier
    uint64_t entries_ = 0;
};

}  // namespace torc
