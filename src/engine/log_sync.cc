// The log's slow side: syncing, recovering from a failed sync, sealing.

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/coding.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "engine/log.h"
#include "engine/log_core.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"
#include "engine/segment_scan.h"

namespace torc {
namespace {

/// What of an unsealed segment is to be synced.
struct Unsynced {
    std::shared_ptr<LogSegment> segment;
    std::shared_ptr<File> file;
    uint64_t written = 0;
    uint64_t synced = 0;
    Lsn written_lsn = 0;
};

/// Copies the first `bytes` of a file.
Result<void> copy_file(const File& from, File& to, uint64_t bytes) {
    constexpr uint64_t kBlock = 1 << 20;
    std::string block;
    for (uint64_t at = 0; at < bytes; at += block.size()) {
        block.resize(std::min(kBlock, bytes - at));
        const auto read = from.read_at(at, block);
        if (!read) return fail(read.error());
        if (*read < block.size())
            return fail(ErrorKind::corrupt, "the file is shorter than what was written");
        const std::string_view piece = block;
        if (auto written = to.write_at(at, {&piece, 1}); !written) return written;
    }
    return {};
}

std::vector<Unsynced> unsynced_segments(SpinLock& lock, const auto& segments) {
    std::vector<Unsynced> unsynced;
    const std::lock_guard guard(lock);
    for (const auto& segment : segments) {
        if (segment->file && (segment->written > segment->synced || segment->suspect))
            unsynced.push_back(
                {segment, segment->file, segment->written, segment->synced, segment->written_lsn});
    }
    return unsynced;
}

/// Writes the segment's written bytes to a new file that takes the old one's name, so that all addresses stay
/// what they are. What was not synced before is verified first.
Result<std::shared_ptr<File>> rewrite(SegmentSetWriter& set, const Unsynced& unsynced) {
    const uint64_t id = unsynced.segment->ticket.id;
    const std::string path = set.segment_path(id);
    const auto scan = scan_segment(*unsynced.file, set.directory_id(), set.hash_seed(), unsynced.written,
                                   format::SegmentOrigin::log, unsynced.segment->base_lsn);
    if (!scan) return fail(scan.error());
    for (const SegmentFlaw& flaw : scan->flaws) {
        // Behind the last whole frame there may be a part of one whose rest is still buffered.
        if (flaw.offset + flaw.size > unsynced.synced && flaw.lsn_before < unsynced.written_lsn)
            return fail(ErrorKind::corrupt, describe(flaw, path) + ": it can't be read back");
    }
    Disk& disk = set.disk();
    const std::string draft = path + ".tmp";
    if (disk.exists(draft)) {
        if (auto removed = disk.remove(draft); !removed) return fail(removed.error());
    }
    auto made = disk.create(draft);
    if (!made) return fail(made.error());
    if (auto copied = copy_file(*unsynced.file, **made, unsynced.written); !copied)
        return fail(copied.error());
    if (auto synced = (*made)->sync(); !synced) return fail(synced.error());
    TORC_CRASH_POINT("log.before_exchange");
    if (auto renamed = disk.rename(draft, path); !renamed) return fail(renamed.error());
    TORC_CRASH_POINT("log.after_exchange");
    if (auto synced = disk.sync_directory(set.directory()); !synced) return fail(synced.error());
    return std::shared_ptr<File>(std::move(*made));
}

}  // namespace

Result<void> Log::sync() {
    Core& core = *core_;
    const std::lock_guard guard(core.sync_mutex);
    if (state() == State::sync_failed) {
        if (auto recovered = recover_failed_sync(); !recovered) return recovered;
    }
    flush();
    if (state() == State::sync_failed) return fail(ErrorKind::io, state_message());
    const Lsn lsn = written_lsn();
    for (const Unsynced& unsynced : unsynced_segments(core.lock, core.unsealed)) {
        TORC_CRASH_POINT("log.before_sync");
        auto synced = unsynced.file->sync();
        TORC_CRASH_POINT("log.after_sync");
        if (!synced) {
            mark_suspect(*unsynced.segment);
            refuse_writes(State::sync_failed, synced.error().message);
            return synced;
        }
        const std::lock_guard lock(core.lock);
        unsynced.segment->synced = unsynced.written;
    }
    if (core.directory_changed.exchange(false, std::memory_order_acq_rel)) {
        if (auto synced = core.segments.disk().sync_directory(core.segments.directory()); !synced) {
            core.directory_changed.store(true, std::memory_order_release);
            return synced;  // the files are whole; only their names aren't sure yet
        }
    }
    if (lsn > synced_lsn()) {
        synced_lsn_.store(lsn, std::memory_order_release);
        append_sync_mark(lsn);
        core.notify();
    }
    return {};
}

/// Says in the log what is synced; goes out with the next flush. It takes no LSN of its own.
void Log::append_sync_mark(Lsn synced) {
    Core& core = *core_;
    std::string record;
    std::string value;
    append_le(value, synced);
    encode_record(record, {.kind = format::RecordKind::sync_mark, .value = value});
    const uint64_t pre_hash = record_pre_hash(record.data());
    const std::lock_guard guard(core.lock);
    if (core.active->appended == 0 || synced <= core.marked_lsn) return;
    core.marked_lsn = synced;
    const Lsn last = last_lsn_.load(std::memory_order_relaxed);
    stamp_record(record.data(), pre_hash, core.segments.directory_id(), last);
    core.buffer.append(core.active, core.active->appended, record);
    core.buffer.end_frame(last);
    core.active->appended += record.size();
    add_buffered(static_cast<int64_t>(record.size()));
}

void Log::mark_suspect(LogSegment& segment) {
    const std::lock_guard guard(core_->lock);
    segment.suspect = true;
}

/// Everything that is written but perhaps not on the disk goes into new files. The caller holds sync_mutex.
Result<void> Log::recover_failed_sync() {
    Core& core = *core_;
    while (core.flushing.exchange(true, std::memory_order_acq_rel)) std::this_thread::yield();
    Result<void> result;
    for (const Unsynced& unsynced : unsynced_segments(core.lock, core.unsealed)) {
        auto file = rewrite(core.segments, unsynced);
        if (!file) {
            result = fail(file.error());
            break;
        }
        core.segments.exchange_file(unsynced.segment->ticket.id, *file);
        const std::lock_guard lock(core.lock);
        unsynced.segment->file = *file;
        unsynced.segment->synced = unsynced.written;
        unsynced.segment->suspect = false;
    }
    core.flushing.exchange(false, std::memory_order_acq_rel);
    if (!result) {
        log_warning("The log is still not safe on disk: {}", result.error().message);
        return result;
    }
    accept_writes(State::sync_failed);
    return {};
}

void Log::retry() {
    switch (state()) {
        case State::ok:
            return;
        case State::write_failed:
            flush();
            return;
        case State::sync_failed:
            (void)sync();
            return;  // the state says what came of it
    }
}

bool Log::background_step() {
    Core& core = *core_;
    const std::lock_guard guard(core.background_mutex);
    if (state() == State::sync_failed) return false;
    std::shared_ptr<LogSegment> oldest;
    {
        const std::lock_guard lock(core.lock);
        oldest = core.unsealed.front();
        if (!oldest->closed || oldest->written < oldest->appended) return false;
    }
    {
        const std::lock_guard lock(core.sync_mutex);
        if (state() == State::sync_failed) return false;
        if (auto synced = oldest->file->sync(); !synced) {
            mark_suspect(*oldest);
            refuse_writes(State::sync_failed, synced.error().message);
            return false;
        }
    }
    if (auto sealed = core.segments.seal(oldest->ticket.id); !sealed) {
        log_warning("Cannot seal a segment of the log, trying again: {}", sealed.error().message);
        return false;
    }
    const std::lock_guard lock(core.lock);
    core.unsealed.pop_front();
    return core.unsealed.front()->closed;
}

Result<void> Log::close() {
    if (auto rolled = roll(); !rolled) return rolled;
    if (auto synced = sync(); !synced) return synced;
    while (background_step()) {
    }
    const std::lock_guard lock(core_->lock);
    if (core_->unsealed.size() > 1) return fail(ErrorKind::io, "the log's last segments could not be sealed");
    return {};
}

}  // namespace torc
