// What commands may ask of the node's persistence and of its life: backups and the end. Thread-safe; nothing
// here waits for a disk.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/types.h"

namespace torc {

class Persistence {
  public:
    virtual ~Persistence() = default;

    /// Begins a backup (a consistent directory of hard links) in the background. False when one runs
    /// already; with `schedule` another one then follows it. The error is a whole error reply.
    virtual Result<bool> start_backup(bool schedule) = 0;
    virtual bool backup_running() const = 0;
    /// How many backups have ended, well or not, since the start. Advancing ends Block::Kind::backup waits.
    virtual uint64_t backups_ended() const = 0;
    virtual bool last_backup_ok() const = 0;
    /// Unix seconds of the end of the last good backup; of the start when there was none.
    virtual int64_t last_backup_seconds() const = 0;
    /// LSN of the newest change; a Block of Kind::synced on it waits until all so far is on disk.
    virtual Lsn last_lsn() const = 0;

    struct ShutdownWish {
        bool save = false;    // write a backup first
        bool nosave = false;  // the log is synced nevertheless: it is the data
        bool now = false;
        bool force = false;
    };
    /// Asks for the end of the process. On success no reply is sent: the connection closes with the process.
    virtual Result<void> request_shutdown(const ShutdownWish& wish) = 0;
    /// False when none was pending.
    virtual bool abort_shutdown() = 0;
};

}  // namespace torc
