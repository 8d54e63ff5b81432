// The log: one sequence of segments that every change of the node is appended to.
//
//   append()   any thread, under its shard locks: copies the batch into the memory buffer under a short spin
//              lock and gives it LSNs and addresses. Never does I/O, never waits for a flusher.
//   flush()    any I/O thread, at the end of its loop turn, no locks held: writes the buffer. One thread
//              writes at a time; the others learn of it through wait_written().
//   sync()     the background sync thread (or, under appendfsync always, whoever flushes, through it).
//
// Durability of a reply: written_lsn() >= the highest LSN of the shards it saw (synced_lsn() under `always`).
// A failed write keeps its bytes in the buffer and is retried by the next flush(); meanwhile state() says
// why. After a failed sync nothing is acknowledged until everything since the last good sync has been read
// back, verified and appended to a new segment, and that one synced (CORRECTNESS 13; ATC'20 "Can applications
// recover from fsync failures?").
//
// A segment is sealed in the background (background_step): synced, its hint file written, the manifest
// replaced (segment_set_writer.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/disk.h"
#include "base/result.h"
#include "base/time.h"
#include "base/types.h"
#include "engine/address.h"
#include "engine/log_batch.h"
#include "engine/segment_set.h"

namespace torc {

struct LogSegment;

class Log {
  public:
    struct Options {
        uint64_t segment_bytes = 64ULL << 20;
        uint64_t buffer_bytes = 64ULL << 20;  // has_room() is false beyond
        uint64_t large_bytes =
            1ULL << 20;  // batches above are moved into the buffer, not copied under the lock
    };
    /// Why writes are refused at the moment.
    enum class State : uint8_t { ok, write_failed, sync_failed };

    /// `first` is above every LSN in the directory. Opens a new segment. `segments` must outlive the log.
    static Result<std::unique_ptr<Log>> open(SegmentSet& segments, const Clock& clock, Lsn first,
                                             const Options&);
    ~Log();

    /// Appends all changes of the batch as one frame (a batch record in front when there are several) and
    /// fills in their LSNs and addresses. now_ms: the caller's idea of the time, read once per loop turn.
    /// Returns the last LSN.
    Lsn append(LogBatch& batch, int64_t now_ms);

    /// Checked before a shard lock is taken for a write: false while the disk is so far behind that the
    /// buffer is full. The caller parks with wait_written().
    bool has_room() const { return buffered_bytes_.load(std::memory_order_relaxed) < buffer_limit_; }

    /// Writes what is buffered. True when everything appended before the call is written on return; false
    /// when another thread is writing or the disk refused.
    bool flush();
    /// fdatasync of all that is written; blocking. Also recovers from an earlier failure.
    Result<void> sync();
    /// Slow work on a background thread, several times a second: seals one closed segment, prepares the next
    /// segment's file. True when there is more to do. Blocking; beside anything else, but one at a time.
    bool background_step();
    /// Tries to clear a sticky error (called about once a second while state() != ok).
    void retry();

    Lsn last_lsn() const { return last_lsn_.load(std::memory_order_acquire); }
    Lsn written_lsn() const { return written_lsn_.load(std::memory_order_acquire); }
    Lsn synced_lsn() const { return synced_lsn_.load(std::memory_order_acquire); }
    State state() const { return state_.load(std::memory_order_acquire); }
    std::string state_message() const;
    uint64_t buffered_bytes() const { return buffered_bytes_.load(std::memory_order_relaxed); }
    /// Bytes written to log segments since open.
    uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

    /// True when the record at this address (of this log, or of any sealed segment) has been handed to
    /// write(): only then may its RAM copy go.
    bool is_written(LogAddress address) const;

    /// Called, with no lock held and by any thread, each time written_lsn or synced_lsn advances or state()
    /// changes. Set once before use. Must only post.
    void on_progress(std::function<void()> callback);

    /// Closes the active segment, writes what is buffered and starts a new segment: background_step() then
    /// seals all before it. Blocking; for BGSAVE and tests.
    Result<void> roll();

    /// What a clean shutdown does last: flush, sync, seal.
    Result<void> close();

  private:
    Log();
    void refuse_writes(State why, const std::string& message);
    void accept_writes(State no_longer);
    void mark_suspect(LogSegment& segment);
    bool write_buffer();
    void append_sync_mark(Lsn synced);
    Result<void> recover_failed_sync();
    /// Under the core's lock, which spares the atomic addition.
    void add_buffered(int64_t bytes) {
        buffered_bytes_.store(buffered_bytes_.load(std::memory_order_relaxed) + static_cast<uint64_t>(bytes),
                              std::memory_order_relaxed);
    }

    std::atomic<Lsn> last_lsn_{0};
    std::atomic<Lsn> written_lsn_{0};
    std::atomic<Lsn> synced_lsn_{0};
    std::atomic<State> state_{State::ok};
    std::atomic<uint64_t> buffered_bytes_{0};
    std::atomic<uint64_t> bytes_written_{0};
    uint64_t buffer_limit_ = 0;
    struct Core;
    std::unique_ptr<Core> core_;
};

}  // namespace torc
