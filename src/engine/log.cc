#include "engine/log.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "engine/log_core.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"

namespace torc {
namespace {

constexpr size_t kBatchRecordBytes = sizeof(format::RecordHeader);

/// The record that opens a batch, still without LSN.
struct BatchRecord {
    char bytes[kBatchRecordBytes];
    uint64_t pre_hash;
};

BatchRecord make_batch_record(size_t count, size_t bytes_that_follow) {
    TORC_CHECK(bytes_that_follow <= UINT32_MAX);
    format::RecordHeader header{};
    header.kind = static_cast<uint8_t>(format::RecordKind::batch);
    header.key_length = static_cast<uint32_t>(count);
    header.value_length = static_cast<uint32_t>(bytes_that_follow);
    BatchRecord record;
    std::memcpy(record.bytes, &header, sizeof header);
    record.pre_hash = record_pre_hash(record.bytes);
    return record;
}

}  // namespace

Log::Log() = default;
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(SegmentSet& segments, const Clock& clock, Lsn first,
                                       const Options& options) {
    std::unique_ptr<Log> log(new Log());
    log->core_ = std::make_unique<Core>(SegmentSetWriter::of(segments), options);
    log->buffer_limit_ = options.buffer_bytes;
    Core& core = *log->core_;
    // Never behind the clock's present, so that LSNs of one run don't depend on who appends first.
    const Lsn last = std::max(first, static_cast<Lsn>(clock.wall_ms()) << 16) - 1;
    const std::vector<SegmentInfo> infos = segments.list();
    for (const uint64_t id : core.segments.unsealed_log_segments()) {
        const auto info =
            std::find_if(infos.begin(), infos.end(), [&](const auto& it) { return it.id == id; });
        auto file = core.segments.segment(id);
        if (!file) return fail(file.error());
        auto segment = std::make_shared<LogSegment>();
        segment->ticket.id = id;
        segment->ticket.place = info->place;
        segment->file = std::move(*file);
        segment->appended = segment->written = segment->max_bytes = info->bytes;
        segment->lowest_lsn = info->lowest_lsn;
        segment->highest_lsn = segment->written_lsn = info->highest_lsn;
        segment->closed = true;
        core.unsealed.push_back(std::move(segment));
    }
    core.directory_changed.store(!core.unsealed.empty());
    core.open_segment(last, 0);
    core.active->previous_id = 0;
    log->last_lsn_.store(last);
    log->written_lsn_.store(last);
    log->synced_lsn_.store(core.unsealed.size() > 1 ? 0 : last);
    core.marked_lsn = last;
    return log;
}

void Log::Core::open_segment(Lsn base_lsn, uint64_t frame_bytes) {
    auto segment = std::make_shared<LogSegment>();
    segment->max_bytes = std::max(options.segment_bytes, frame_bytes + kSegmentHeaderBytes);
    segment->ticket = segments.reserve(segment->max_bytes, format::SegmentOrigin::log);
    segment->base_lsn = base_lsn;
    segment->previous_id = active ? active->ticket.id : 0;
    unsealed.push_back(segment);
    active = std::move(segment);
}

void Log::Core::roll(Lsn last_lsn, uint64_t frame_bytes) {
    if (active->appended != 0) {
        active->closed = true;
        open_segment(last_lsn, frame_bytes);
    } else if (frame_bytes + kSegmentHeaderBytes > active->max_bytes) {
        // Nothing is in it yet: exchanged for one that is large enough.
        const uint64_t previous_id = active->previous_id;
        segments.release(active->ticket);
        unsealed.pop_back();
        open_segment(last_lsn, frame_bytes);
        active->previous_id = previous_id;
    }
}

void Log::Core::begin_segment() {
    const std::string header =
        encode_segment_header(active->ticket.id, segments.directory_id(), format::SegmentOrigin::log,
                              active->base_lsn, active->previous_id);
    buffer.append(active, 0, header);
    active->appended = header.size();
}

Lsn Log::append(LogBatch& batch, int64_t now_ms) {
    const size_t count = batch.changes_.size();
    TORC_CHECK(count != 0);
    const bool several = count > 1;
    const size_t prefix = several ? kBatchRecordBytes : 0;
    const size_t frame = prefix + batch.bytes_.size();
    BatchRecord opener;
    if (several) opener = make_batch_record(count, batch.bytes_.size());

    Core& core = *core_;
    const uint64_t directory_id = core.segments.directory_id();
    core.lock.lock();
    Lsn last = last_lsn_.load(std::memory_order_relaxed);
    if (__builtin_expect(core.active->appended + frame > core.active->max_bytes, 0)) core.roll(last, frame);
    LogSegment& segment = *core.active;
    const uint64_t buffered_from = segment.appended;
    if (__builtin_expect(segment.appended == 0, 0)) core.begin_segment();
    const Lsn first = std::max(last + 1, static_cast<Lsn>(now_ms) << 16);
    last = first + count - 1;
    const uint64_t start = segment.appended + prefix;
    for (size_t i = 0; i < count; ++i) {
        LogBatch::Change& change = batch.changes_[i];
        change.lsn = first + i;
        change.address = LogAddress::of(segment.ticket.place, start + change.offset);
        stamp_record(batch.bytes_.data() + change.offset, change.pre_hash, directory_id, change.lsn);
    }
    if (several) {
        stamp_record(opener.bytes, opener.pre_hash, directory_id, last);
        core.buffer.append(core.active, segment.appended, {opener.bytes, kBatchRecordBytes});
    }
    if (__builtin_expect(batch.bytes_.size() > core.options.large_bytes, 0)) {
        core.buffer.append_moved(core.active, start, std::move(batch.bytes_));
        batch.bytes_.clear();
    } else {
        core.buffer.append(core.active, start, batch.bytes_);
    }
    core.buffer.end_frame(last);
    segment.appended = start + frame - prefix;
    if (segment.lowest_lsn == 0) segment.lowest_lsn = first;
    segment.highest_lsn = last;
    last_lsn_.store(last, std::memory_order_release);
    add_buffered(static_cast<int64_t>(segment.appended - buffered_from));
    core.lock.unlock();
    return last;
}

bool Log::is_written(LogAddress address) const {
    Core& core = *core_;
    const std::lock_guard guard(core.lock);
    for (const auto& segment : core.unsealed) {
        const uint64_t start = LogAddress::of(segment->ticket.place, 0).units;
        if (address.units < start) continue;
        const uint64_t offset = (address.units - start) * LogAddress::kUnit;
        if (offset < segment->max_bytes) return offset < segment->written;
    }
    return true;
}

void Log::on_progress(std::function<void()> callback) {
    core_->on_progress = std::move(callback);
}

std::string Log::state_message() const {
    const std::lock_guard guard(core_->message_mutex);
    return core_->message;
}

Result<void> Log::roll() {
    {
        const std::lock_guard guard(core_->lock);
        core_->roll(last_lsn_.load(std::memory_order_relaxed), 0);
    }
    while (!flush()) {
        if (state() != State::ok) return fail(ErrorKind::io, state_message());
        std::this_thread::yield();  // another thread is writing
    }
    return {};
}

}  // namespace torc
