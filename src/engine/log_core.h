// The insides of Log, shared by log.cc (appending), log_flush.cc and log_sync.cc.
//
// Locks, in this order: sync_mutex and background_mutex (slow work, one thread each), the flushing flag (one
// writer), `lock` (instructions only). No I/O under `lock`.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/spin_lock.h"
#include "engine/log.h"
#include "engine/log_buffer.h"
#include "engine/log_segment.h"
#include "engine/segment_set_writer.h"

namespace torc {

struct Log::Core {
    Core(SegmentSetWriter& set, const Options& wanted) : segments(set), options(wanted) {}

    SegmentSetWriter& segments;
    const Options options;
    std::function<void()> on_progress;

    SpinLock lock;
    LogBuffer buffer;                                  // behind lock
    std::shared_ptr<LogSegment> active;                // likewise
    std::deque<std::shared_ptr<LogSegment>> unsealed;  // likewise; in LSN order, the active one last
    Lsn marked_lsn = 0;                                // likewise: of the last sync mark

    std::atomic<bool> flushing{false};
    std::vector<std::string_view> pieces;  // the flusher's
    std::atomic<bool> directory_changed{false};

    std::mutex sync_mutex;
    std::mutex background_mutex;
    std::mutex message_mutex;
    std::string message;

    // ---- with `lock` held
    void open_segment(Lsn base_lsn, uint64_t frame_bytes);
    void roll(Lsn last_lsn, uint64_t frame_bytes);
    /// Puts the header in front of the first frame of a segment.
    void begin_segment();

    /// The segment's file, made when it isn't there yet. Only by the flusher.
    Result<std::shared_ptr<File>> file_of(LogSegment& segment);
    void notify() {
        if (on_progress) on_progress();
    }
};

}  // namespace torc
