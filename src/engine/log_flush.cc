// The log's group commit: whoever comes first writes what all have appended.

#include "base/crash_point.h"
#include "base/log.h"
#include "engine/log.h"
#include "engine/log_core.h"

namespace torc {

Result<std::shared_ptr<File>> Log::Core::file_of(LogSegment& segment) {
    if (segment.file) return segment.file;
    TORC_CRASH_POINT("log.before_create");
    const std::string path = segments.segment_path(segment.ticket.id);
    auto made = segments.disk().create(path);
    if (!made && made.error().kind == ErrorKind::exists) made = segments.disk().open(path, true);
    if (!made) return fail(made.error());
    std::shared_ptr<File> file = std::move(*made);
    segments.adopt(segment.ticket, file);
    directory_changed.store(true, std::memory_order_release);
    {
        const std::lock_guard guard(lock);
        segment.file = file;
    }
    TORC_CRASH_POINT("log.after_create");
    return file;
}

void Log::refuse_writes(State why, const std::string& message) {
    {
        const std::lock_guard guard(core_->message_mutex);
        if (state() == why || state() == State::sync_failed) return;
        core_->message = message;
        state_.store(why, std::memory_order_release);
    }
    log_warning("Writes are refused: {}", message);
    core_->notify();
}

void Log::accept_writes(State no_longer) {
    {
        const std::lock_guard guard(core_->message_mutex);
        if (state() != no_longer) return;
        core_->message.clear();
        state_.store(State::ok, std::memory_order_release);
    }
    log_notice("The log can be written again");
    core_->notify();
}

/// Writes until the buffer is empty. The caller holds the flushing flag.
bool Log::write_buffer() {
    Core& core = *core_;
    LogBuffer::Peeked peeked;
    for (;;) {
        {
            const std::lock_guard guard(core.lock);
            if (!core.buffer.peek(core.pieces, peeked)) return true;
        }
        const auto file = core.file_of(*peeked.segment);
        if (!file) {
            refuse_writes(State::write_failed, file.error().message);
            return false;
        }
        TORC_CRASH_POINT("log.before_write");
        const auto written = (*file)->write_at(peeked.offset, core.pieces);
        TORC_CRASH_POINT("log.after_write");
        if (!written) {
            // A full disk may have room again, and the same bytes go to the same place. A device that fails
            // is not to be trusted with what it has: that is the failed sync's case.
            const bool full = written.error().kind == ErrorKind::no_space;
            if (!full) mark_suspect(*peeked.segment);
            refuse_writes(full ? State::write_failed : State::sync_failed, written.error().message);
            return false;
        }
        LogSegment& segment = *peeked.segment;
        uint64_t bytes;
        Lsn lowest, highest;
        {
            const std::lock_guard guard(core.lock);
            core.buffer.consume(peeked);
            add_buffered(-static_cast<int64_t>(peeked.bytes));
            segment.written = bytes = peeked.offset + peeked.bytes;
            if (peeked.lsn != 0) segment.written_lsn = peeked.lsn;
            lowest = segment.lowest_lsn;
            highest = segment.highest_lsn;
        }
        core.segments.note_written(segment.ticket.id, bytes, lowest, highest);
        bytes_written_.fetch_add(peeked.bytes, std::memory_order_relaxed);
        if (peeked.lsn > written_lsn_.load(std::memory_order_relaxed)) {
            written_lsn_.store(peeked.lsn, std::memory_order_release);
            core.notify();
        }
    }
}

bool Log::flush() {
    Core& core = *core_;
    const Lsn target = last_lsn();
    while (buffered_bytes_.load(std::memory_order_relaxed) != 0) {
        if (state() == State::sync_failed) return false;
        // Who fails here has appended before; the writer looks once more after it gave the flag back, and the
        // two exchanges make it see that.
        if (core.flushing.exchange(true, std::memory_order_acq_rel)) return written_lsn() >= target;
        const bool done = write_buffer();
        core.flushing.exchange(false, std::memory_order_acq_rel);
        if (!done) return false;
        if (state() == State::write_failed) accept_writes(State::write_failed);
    }
    return written_lsn() >= target;
}

}  // namespace torc
