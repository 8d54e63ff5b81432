#include "engine/log_tail.h"

#include <fmt/format.h>

#include <algorithm>

namespace torc {
namespace {

/// How the segment before one fails to lead up to it.
bool follows(const std::vector<TailSegment>& segments, size_t i, Lsn sealed_lsn) {
    const TailSegment& segment = segments[i];
    if (segment.previous_id == 0 || segment.base_lsn <= sealed_lsn) return true;
    const auto before = std::find_if(segments.begin(), segments.begin() + static_cast<ptrdiff_t>(i),
                                     [&](const auto& other) { return other.id == segment.previous_id; });
    return before != segments.begin() + static_cast<ptrdiff_t>(i) &&
           std::max(before->scan.highest_lsn, before->base_lsn) >= segment.base_lsn;
}

class Settling {
  public:
    Settling(std::vector<TailSegment>& segments, bool same_boot, Lsn sealed_lsn, RecoveryReport& report)
        : segments_(segments), same_boot_(same_boot), sealed_lsn_(sealed_lsn), report_(report) {
        synced_ = sealed_lsn;
        for (const TailSegment& segment : segments) synced_ = std::max(synced_, segment.scan.synced_lsn);
    }

    void run() {
        for (size_t i = 0; i < segments_.size(); ++i) {
            if (!follows(segments_, i, sealed_lsn_) && !accept_gap_before(i)) return drop_from(i);
            if (!settle(i)) return drop_from(i + 1);
        }
    }

  private:
    /// Records between two segments are missing. False: a power loss took them, and what follows goes too.
    bool accept_gap_before(size_t i) {
        const Lsn before =
            i == 0 ? sealed_lsn_ : std::max(segments_[i - 1].scan.highest_lsn, segments_[i - 1].base_lsn);
        if (!same_boot_ && before >= synced_) return false;
        segments_[i].gap_before = true;
        ++report_.unreadable_ranges;
        report_.messages.push_back(
            fmt::format("{}: the log's records from LSN {} to {} before it are missing", segments_[i].path,
                        before + 1, segments_[i].base_lsn));
        return true;
    }

    /// False when the log ends within this segment and later ones don't count.
    bool settle(size_t i) {
        TailSegment& segment = segments_[i];
        for (const SegmentFlaw& flaw : segment.scan.flaws) {
            if (is_torn(flaw, i)) {
                cut(segment, flaw);
                return same_boot_;
            }
            if (flaw.kind == SegmentFlaw::Kind::gap)
                ++report_.unreadable_ranges;
            else
                ++report_.damaged_records;
            report_.messages.push_back(describe(flaw, segment.path));
        }
        return true;
    }

    bool is_torn(const SegmentFlaw& flaw, size_t i) const {
        if (flaw.lsn_before < synced_) return false;
        if (!same_boot_) return true;
        return i + 1 == segments_.size() && flaw.at_end && flaw.kind != SegmentFlaw::Kind::damaged;
    }

    void cut(TailSegment& segment, const SegmentFlaw& flaw) {
        const uint64_t at = flaw.frame_offset;
        const uint64_t bytes = segment.scan.end - at;
        report_.truncated_bytes += bytes;
        report_.messages.push_back(
            fmt::format("{}: the last {} bytes, from offset {}, are an unfinished write and are cut off",
                        segment.path, bytes, at));
        segment.cut_at = at;
        cut_scan(segment.scan, at);
    }

    void drop_from(size_t first) {
        for (size_t i = first; i < segments_.size(); ++i) {
            segments_[i].dropped = true;
            report_.truncated_bytes += segments_[i].scan.end;
            report_.messages.push_back(
                fmt::format("{}: follows a part of the log that was never synced and was lost; its {} bytes "
                            "are dropped",
                            segments_[i].path, segments_[i].scan.end));
        }
    }

    std::vector<TailSegment>& segments_;
    bool same_boot_;
    Lsn sealed_lsn_;
    Lsn synced_ = 0;
    RecoveryReport& report_;
};

}  // namespace

void settle_tail(std::vector<TailSegment>& segments, bool same_boot, Lsn sealed_lsn, RecoveryReport& report) {
    Settling(segments, same_boot, sealed_lsn, report).run();
}

}  // namespace torc
