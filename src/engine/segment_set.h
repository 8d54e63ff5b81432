// The segments of one data directory: which exist, which are sealed, how much in each is live, reading a
// record by its address, and the manifest that names them. Thread-safe unless said otherwise; reading keeps a
// segment's file open although compaction may have removed it meanwhile.
//
// Directory:  MANIFEST  LOCK  <id>.seg  <id>.hint      (id: 16 hex digits)
// Recovery takes the segments the manifest lists, plus the segments of origin `log` that weren't sealed yet
// (manifest.h tells them); anything else is a leftover and is removed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/address.h"
#include "engine/format.h"

namespace torc {

/// One record as read from a segment; the views point into `bytes`.
struct StoredRecord {
    std::string bytes;
    Lsn lsn = 0;
    SlotId slot = 0;
    DbId db = 0;
    format::RecordKind kind{};
    ValueType type{};
    int64_t expire_at_ms = kNoExpiry;
    std::string_view key;
    std::string_view value;
    bool value_damaged = false;  // the key is right, the value isn't
    uint32_t value_length = 0;   // also of a damaged one
    uint32_t padded_size = 0;
};

/// A live key as recovery hands it to the index.
struct RecoveredKey {
    uint64_t hash;
    Lsn lsn;
    int64_t expire_at_ms;
    LogAddress address;
    uint32_t padded_size;
    SlotId slot;
    DbId db;
    ValueType type;
    bool damaged;  // reads must fail; nothing older may show
};

struct SegmentInfo {
    uint64_t id = 0;
    uint32_t place = 0;
    uint64_t bytes = 0;       // file size
    uint64_t live_bytes = 0;  // padded sizes of the records that the index points to
    Lsn lowest_lsn = 0;
    Lsn highest_lsn = 0;
    bool sealed = false;
};

struct RecoveryReport {
    Lsn highest_lsn = 0;
    uint64_t keys = 0;
    uint64_t damaged_records = 0;
    uint64_t unreadable_ranges = 0;     // not even a header could be read
    uint64_t truncated_bytes = 0;       // of a torn tail
    std::vector<std::string> messages;  // file, offset and what, for the log
    /// logical -> physical database
    std::vector<DbId> databases;
};

class SegmentSet {
  public:
    virtual ~SegmentSet() = default;

    /// Locks the directory (creating it when missing), reads the manifest, removes leftovers. ErrorKind::busy
    /// when another process runs on it; corrupt with a remedy when the manifest can't be used.
    static Result<std::unique_ptr<SegmentSet>> open(Disk& disk, const std::string& directory,
                                                    uint64_t random_seed, unsigned databases);

    /// The seed of hash64 for index hashes, fixed with the directory.
    virtual uint64_t hash_seed() const = 0;
    virtual const std::string& directory() const = 0;

    /// Finds the newest record of every key: hint files of sealed segments and a scan of the others, merged
    /// by hash. Keys come in the order of (slot, hash). Called once, before any append. `expected` is called
    /// first with the number of hint entries per slot (an upper bound of the keys), so that tables can be
    /// sized. `progress` with 0..1. Expired keys are passed on like others: the caller hides them. Live bytes
    /// of all keys passed on are already accounted.
    virtual Result<RecoveryReport> recover(const std::function<void(SlotId, DbId, uint64_t)>& expected,
                                           const std::function<void(const RecoveredKey&)>& on_key,
                                           const std::function<void(double)>& progress) = 0;

    /// Reads and verifies the record at an address; blocking. ErrorKind::corrupt when its header or place is
    /// wrong. size_hint: padded size if known, else 0 (then one read of 4 KB and perhaps a second).
    virtual Result<StoredRecord> read(LogAddress address, uint32_t size_hint) const = 0;

    /// Live-byte accounting, relaxed atomics: called under shard locks.
    virtual void add_live(LogAddress address, uint32_t padded_size) = 0;
    virtual void remove_live(LogAddress address, uint32_t padded_size) = 0;

    virtual std::vector<SegmentInfo> list() const = 0;
    virtual uint64_t total_bytes() const = 0;
    virtual uint64_t live_bytes() const = 0;

    // The log's and the compaction's side of it is in segment_set_writer.h.
};

}  // namespace torc
