// The segments of a directory in memory: who has which place, and how many bytes of each are live. No I/O;
// the counters are lock-free, the rest is behind a mutex that is held for a few instructions only.
//
// Places go round: one that was given back comes last, so that an address kept for a moment by a reader can't
// mean another segment (it takes 32 TB of 64 MB segments to get once around).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/disk.h"
#include "engine/address.h"
#include "engine/format.h"
#include "engine/hint_file.h"
#include "engine/segment_set.h"
#include "engine/segment_set_writer.h"

namespace torc {

/// One segment that stands on disk. The fields are a snapshot; the table holds the truth.
struct TableSegment {
    SegmentTicket ticket;
    std::shared_ptr<File> file;  // null: it's missing
    std::shared_ptr<HintFile> hints;
    uint64_t bytes = 0;
    Lsn base_lsn = 0;
    Lsn lowest_lsn = 0;
    Lsn highest_lsn = 0;
    bool sealed = false;  // closed for good: synced, with hints (but perhaps not listed yet)
};

class SegmentTable {
  public:
    SegmentTable();
    ~SegmentTable();
    SegmentTable(const SegmentTable&) = delete;
    SegmentTable& operator=(const SegmentTable&) = delete;

    void set_next_id(uint64_t id);
    uint64_t next_id() const;
    SegmentTicket reserve(uint64_t max_bytes, format::SegmentOrigin origin);
    /// For a segment that has its id already.
    SegmentTicket reserve_for(uint64_t id, uint64_t max_bytes, format::SegmentOrigin origin);
    /// Places come free; the id is gone.
    void release(const SegmentTicket& ticket);

    void insert(TableSegment segment);
    void erase(uint64_t id);  // and releases its ticket
    /// Applies `change` to the segment; false when there's none.
    template <class Change>
    bool update(uint64_t id, Change&& change) {
        const std::lock_guard guard(mutex_);
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) return false;
        change(found->second);
        return true;
    }
    bool find(uint64_t id, TableSegment& into) const;
    bool find_place(uint32_t place, TableSegment& into) const;
    std::vector<TableSegment> all() const;  // by id
    /// The lowest id that an unsealed or reserved log segment has; next_id() when there's none.
    uint64_t log_tail_id() const;

    void add_live(uint32_t place, int64_t bytes) {
        if (Counters* block = counters_[place / kBlock].load(std::memory_order_acquire))
            (*block)[place % kBlock].fetch_add(bytes, std::memory_order_relaxed);
    }
    uint64_t live_bytes(const SegmentTicket& ticket) const;

  private:
    static constexpr uint32_t kPlaces = 1U << LogAddress::kPlaceBits;
    static constexpr uint32_t kBlock = 1024;
    using Counters = std::array<std::atomic<int64_t>, kBlock>;

    uint32_t take_places(uint32_t count, uint64_t id);

    mutable std::mutex mutex_;
    uint64_t next_id_ = 1;
    uint32_t next_place_ = 0;
    std::map<uint64_t, TableSegment> by_id_;
    std::map<uint64_t, SegmentTicket> reserved_;
    std::map<uint32_t, uint64_t> id_by_place_;  // each place taken
    std::array<std::atomic<Counters*>, kPlaces / kBlock> counters_{};
};

}  // namespace torc
