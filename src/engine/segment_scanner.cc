#include "engine/segment_scanner.h"

#include <algorithm>

#include "engine/format.h"

namespace torc {
namespace {

constexpr uint64_t kBlock = 1 << 20;
constexpr uint64_t kHeader = sizeof(format::RecordHeader);

}  // namespace

SegmentScanner::SegmentScanner(const File& file, uint64_t directory_id, uint64_t from, uint64_t to,
                               bool ascending, Lsn above)
    : file_(file),
      directory_id_(directory_id),
      offset_(from),
      end_(to),
      ascending_(ascending),
      last_lsn_(above),
      window_start_(from) {}

Result<bool> SegmentScanner::need(uint64_t offset, uint64_t size) {
    if (offset + size > end_) return false;
    if (offset >= window_start_ && offset + size <= window_start_ + window_.size()) return true;
    // What is already there of it is kept, the rest comes with the next block.
    if (offset >= window_start_ && offset < window_start_ + window_.size())
        window_.erase(0, offset - window_start_);
    else
        window_.clear();
    window_start_ = offset;
    const uint64_t have = window_.size();
    const uint64_t want = std::min(end_ - offset, std::max(size, have + kBlock));
    window_.resize_and_overwrite(want, [](char*, size_t n) { return n; });
    const auto read = file_.read_at(offset + have, {window_.data() + have, want - have});
    if (!read) return fail(read.error());
    window_.resize(have + *read);
    if (have + *read < want) end_ = offset + have + *read;  // shorter than was said
    return offset + size <= end_;
}

std::string_view SegmentScanner::at(uint64_t offset, uint64_t size) const {
    return std::string_view(window_).substr(offset - window_start_, size);
}

Result<bool> SegmentScanner::record_at(uint64_t offset, Step& step) {
    auto there = need(offset, kHeader);
    if (!there || !*there) return there;
    const uint64_t announced = announced_size(at(offset, kHeader).data());
    if (announced == 0) return false;
    const uint64_t head = announced_head_size(at(offset, kHeader).data());
    const uint64_t available = std::min(announced, end_ - offset);
    if (available < head) return false;
    if (available > kBlock) {  // the head alone decides whether a long value is worth reading
        there = need(offset, head);
        if (!there || !*there) return there;
        if (!parse_record(at(offset, head), directory_id_)) return false;
    }
    there = need(offset, available);
    if (!there || !*there) return there;
    const auto record = parse_record(at(offset, available), directory_id_);
    if (!record) return false;
    step = {Kind::record, offset, available, *record};
    return true;
}

Result<SegmentScanner::Step> SegmentScanner::next() {
    Step step;
    auto found = record_at(offset_, step);
    if (!found) return fail(found.error());
    if (!*found) {
        const uint64_t start = offset_;
        uint64_t at = offset_;
        while (at < end_) {
            at += format::kAlignment;
            found = record_at(at, step);
            if (!found) return fail(found.error());
            if (*found && (!ascending_ || step.record.lsn > last_lsn_)) break;
        }
        const uint64_t stop = std::min(at, end_);
        offset_ = stop;
        if (stop > start) return Step{Kind::gap, start, stop - start, {}};
        return Step{Kind::end, stop, 0, {}};
    }
    // A batch record bears the LSN of its last member, which is still to come.
    if (step.record.kind != format::RecordKind::batch) last_lsn_ = std::max(last_lsn_, step.record.lsn);
    offset_ = step.offset + step.size;
    return step;
}

}  // namespace torc
