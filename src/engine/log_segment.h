// A segment of the log that isn't sealed, as the log keeps it. Internal to log.cc and its neighbours.
#pragma once

#include <cstdint>
#include <memory>

#include "base/disk.h"
#include "base/types.h"
#include "engine/segment_set_writer.h"

namespace torc {

struct LogSegment {
    SegmentTicket ticket;
    Lsn base_lsn = 0;
    uint64_t previous_id = 0;
    uint64_t max_bytes = 0;

    // Behind the log's lock.
    std::shared_ptr<File> file;  // null until the first flush makes it
    uint64_t appended = 0;       // bytes, buffered ones included
    uint64_t written = 0;
    uint64_t synced = 0;
    Lsn lowest_lsn = 0;
    Lsn highest_lsn = 0;   // appended
    Lsn written_lsn = 0;   // of the last frame that is wholly written
    bool suspect = false;  // a write or sync of the file failed: it's to be replaced
    bool closed = false;   // nothing is appended any more
};

}  // namespace torc
