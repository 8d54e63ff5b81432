// The changes of one command (or one EXEC), encoded as log records and appended to the log as one frame.
//
// Usage, all under the locks of the shards concerned: clear(), any number of add_*(), Log::append(batch),
// then lsn()/address() of each change. A batch belongs to one thread and is used again: it keeps its memory
// (up to a bound). Encoding and checksumming happen here, outside the log's lock; only the LSNs are mixed in
// under it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "engine/address.h"
#include "engine/format.h"
#include "engine/record_codec.h"

namespace torc {

class LogBatch {
  public:
    struct Change {
        uint32_t offset;     // of the record in bytes()
        uint32_t size;       // padded bytes
        uint64_t pre_hash;   // hash of header and key without the LSN
        Lsn lsn = 0;         // set by Log::append
        LogAddress address;  // set by Log::append
    };

    void clear();
    bool empty() const { return changes_.empty(); }

    /// Each returns the change's index.
    size_t add_put(DbId db, const KeyRef& key, ValueType type, const std::string_view& value,
                   int64_t expire_at_ms);
    size_t add_tombstone(DbId db, const KeyRef& key);
    size_t add_flush(DbId db);
    size_t add_swap(DbId a, DbId b);

    size_t size() const { return changes_.size(); }
    const Change& change(size_t i) const { return changes_[i]; }
    size_t byte_size() const { return bytes_.size(); }

  private:
    friend class Log;
    size_t add(RecordFields fields);
    void mark_in_batch(Change& change);

    std::string bytes_;
    std::vector<Change> changes_;
};

}  // namespace torc
