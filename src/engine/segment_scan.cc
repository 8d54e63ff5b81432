#include "engine/segment_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/coding.h"
#include "engine/hint_file.h"
#include "engine/segment_file.h"
#include "engine/segment_scanner.h"

namespace torc {
namespace {

using format::RecordKind;

/// Follows the frames of a segment: single records and batches.
struct FrameCursor {
    uint64_t start = 0;
    uint64_t end = 0;  // of the batch; 0: none is open
    Lsn lsn_before = 0;
    Lsn last_lsn = 0;

    void enter(uint64_t offset) {
        if (offset < end) return;
        start = offset;
        end = 0;
        lsn_before = last_lsn;
    }
};

constexpr size_t kSample = 1024;

/// As many as there will be if the rest is like what was read up to `offset`: growing by doubling would touch
/// three times the memory.
void reserve_entries(SegmentScan& scan, uint64_t offset) {
    const double per_entry = static_cast<double>(offset) / static_cast<double>(scan.entries.size());
    scan.entries.reserve(static_cast<size_t>(static_cast<double>(scan.end) / per_entry * 1.02));
}

}  // namespace

Result<SegmentScan> scan_segment(const File& file, uint64_t directory_id, uint64_t hash_seed, uint64_t bytes,
                                 format::SegmentOrigin origin, Lsn base_lsn) {
    SegmentScan scan;
    scan.end = bytes;
    FrameCursor frame;
    frame.last_lsn = base_lsn;
    SegmentScanner scanner(file, directory_id, kSegmentHeaderBytes, bytes,
                           origin == format::SegmentOrigin::log, base_lsn);
    const auto flaw = [&](SegmentFlaw::Kind kind, uint64_t offset, uint64_t size) {
        scan.flaws.push_back({kind, offset, size, frame.start, frame.lsn_before, false});
    };
    bool last_was_flawed = false;
    for (;;) {
        const auto step = scanner.next();
        if (!step) return fail(step.error());
        if (step->kind == SegmentScanner::Kind::end) break;
        frame.enter(step->offset);
        last_was_flawed = true;
        if (step->kind == SegmentScanner::Kind::gap) {
            flaw(SegmentFlaw::Kind::gap, step->offset, step->size);
            // Where the range swallowed the end of a batch, its frame ends with it.
            if (step->offset + step->size > frame.end) frame.end = 0;
            continue;
        }
        const RecordView& record = step->record;
        ++scan.records;
        if (record.kind == RecordKind::batch) {
            frame.end = step->offset + step->size + record.batch_bytes;
            last_was_flawed = false;
            continue;
        }
        frame.last_lsn = std::max(frame.last_lsn, record.lsn);
        scan.lowest_lsn = scan.lowest_lsn == 0 ? record.lsn : std::min(scan.lowest_lsn, record.lsn);
        scan.highest_lsn = std::max(scan.highest_lsn, record.lsn);
        if (has_hint_entry(record.kind)) {
            if (scan.entries.size() == kSample) reserve_entries(scan, step->offset);
            scan.entries.push_back(hint_entry_for(record, step->offset, hash_seed));
        }
        if (record.cut)
            flaw(SegmentFlaw::Kind::cut, step->offset, step->size);
        else if (record.value_damaged)
            flaw(SegmentFlaw::Kind::damaged, step->offset, step->size);
        else
            last_was_flawed = false;
        if (record.kind == RecordKind::sync_mark && !record.value_damaged)
            scan.synced_lsn = std::max(scan.synced_lsn, load_le<uint64_t>(record.value.data()));
    }
    if (last_was_flawed) scan.flaws.back().at_end = true;
    if (frame.end > bytes && (scan.flaws.empty() || scan.flaws.back().kind != SegmentFlaw::Kind::cut)) {
        flaw(SegmentFlaw::Kind::cut, bytes, 0);  // a batch that ends between two of its records
        scan.flaws.back().at_end = true;
    }
    return scan;
}

void cut_scan(SegmentScan& scan, uint64_t offset) {
    std::erase_if(scan.entries,
                  [&](const auto& entry) { return entry.offset * format::kAlignment >= offset; });
    std::erase_if(scan.flaws, [&](const auto& flaw) { return flaw.offset + flaw.size > offset; });
    scan.end = std::min(scan.end, offset);
    scan.lowest_lsn = scan.highest_lsn = 0;
    for (const format::HintEntry& entry : scan.entries) {
        scan.lowest_lsn = scan.lowest_lsn == 0 ? entry.lsn : std::min(scan.lowest_lsn, entry.lsn);
        scan.highest_lsn = std::max(scan.highest_lsn, entry.lsn);
    }
}

std::string describe(const SegmentFlaw& flaw, const std::string& path) {
    switch (flaw.kind) {
        case SegmentFlaw::Kind::gap:
            return fmt::format("{}: {} bytes at offset {} are unreadable (records after LSN {})", path,
                               flaw.size, flaw.offset, flaw.lsn_before);
        case SegmentFlaw::Kind::damaged:
            return fmt::format("{}: the record at offset {} has a damaged value", path, flaw.offset);
        case SegmentFlaw::Kind::cut:
            return fmt::format("{}: the file ends inside the record or batch at offset {}", path,
                               flaw.frame_offset);
    }
    return path;
}

}  // namespace torc
