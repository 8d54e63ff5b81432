#include "engine/compaction_output.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "engine/segment_file.h"

namespace torc {

namespace {
constexpr size_t kBufferBytes = 256 << 10;
}

Result<void> CompactionOutput::open_segment(uint64_t max_bytes) {
    const SegmentTicket ticket = segments_.reserve(max_bytes, format::SegmentOrigin::compaction);
    const std::string path = segments_.segment_path(ticket.id);
    TORC_CRASH_POINT("compaction.before_create");
    auto file = segments_.disk().create(path);
    if (!file) {
        segments_.release(ticket);
        return fail(file.error());
    }
    file_ = std::move(*file);
    segments_.adopt(ticket, file_);
    ids_.push_back(ticket.id);
    buffer_ =
        encode_segment_header(ticket.id, segments_.directory_id(), format::SegmentOrigin::compaction, 0);
    written_ = 0;
    lowest_lsn_ = highest_lsn_ = 0;
    TORC_CRASH_POINT("compaction.after_create");
    return {};
}

Result<CompactionOutput::Place> CompactionOutput::append(std::string_view record, Lsn lsn,
                                                         uint64_t segment_bytes) {
    const uint64_t used = written_ + buffer_.size();
    if (!file_ || used + record.size() > std::max<uint64_t>(segment_bytes, 2 * kSegmentHeaderBytes)) {
        // A new segment holds nothing but its header: a record that doesn't fit even there stands alone.
        const bool fresh = file_ && used == kSegmentHeaderBytes;
        if (!fresh) {
            if (auto done = flush(); !done) return fail(done.error());
            if (auto opened = open_segment(std::max(segment_bytes, kSegmentHeaderBytes + record.size()));
                !opened)
                return fail(opened.error());
        }
    }
    const Place place{ids_.back(), written_ + buffer_.size()};
    buffer_.append(record);
    bytes_ += record.size();
    lowest_lsn_ = lowest_lsn_ == 0 ? lsn : std::min(lowest_lsn_, lsn);
    highest_lsn_ = std::max(highest_lsn_, lsn);
    if (buffer_.size() >= kBufferBytes) {
        if (auto done = flush(); !done) return fail(done.error());
    }
    return place;
}

Result<void> CompactionOutput::flush() {
    if (!file_ || buffer_.empty()) return {};
    TORC_CRASH_POINT("compaction.before_write");
    const std::string_view piece = buffer_;
    if (auto done = file_->write_at(written_, std::span(&piece, 1)); !done) return done;
    TORC_CRASH_POINT("compaction.after_write");
    written_ += buffer_.size();
    buffer_.clear();
    segments_.note_written(ids_.back(), written_, lowest_lsn_, highest_lsn_);
    return {};
}

Result<bool> CompactionOutput::finish_one() {
    if (auto done = flush(); !done) return fail(done.error());
    if (finished_ == ids_.size()) return false;
    TORC_CRASH_POINT("compaction.before_finish");
    if (auto done = segments_.finish(ids_[finished_]); !done) return fail(done.error());
    TORC_CRASH_POINT("compaction.after_finish");
    ++finished_;
    return true;
}

void CompactionOutput::discard() {
    file_.reset();
    for (const uint64_t id : ids_) {
        if (auto done = segments_.discard(id); !done)
            log_warning("compaction: leaving {} behind: {}", segments_.segment_path(id),
                        done.error().message);
    }
    ids_.clear();
    finished_ = 0;
    buffer_.clear();
}

}  // namespace torc
