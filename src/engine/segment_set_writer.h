// The writing side of a SegmentSet, for the log, for compaction and for backups. There's one implementation
// of both faces; of() gives this one.
//
// Life of a log segment:         reserve -> adopt (when the file exists) -> seal.
// Life of a compaction output:   reserve -> create its file, adopt -> write -> finish -> relocate the index
//                                -> replace(sources, outputs). Or discard.
// Thread-safe. Only reserve() and segment() may be called under a spin lock; the others do I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/hint_file.h"
#include "engine/segment_set.h"

namespace torc {

/// An id and a place that nobody else has.
struct SegmentTicket {
    uint64_t id = 0;
    uint32_t place = 0;
    format::SegmentOrigin origin = format::SegmentOrigin::log;
    uint32_t places = 1;  // more when the segment is larger than 256 MB: LogAddress::of() runs into the next
};

class SegmentSetWriter : public SegmentSet {
  public:
    static SegmentSetWriter& of(SegmentSet& set) { return static_cast<SegmentSetWriter&>(set); }

    virtual Disk& disk() = 0;
    virtual uint64_t directory_id() const = 0;
    virtual std::string segment_path(uint64_t id) const = 0;
    virtual std::string hint_path(uint64_t id) const = 0;

    /// No I/O.
    virtual SegmentTicket reserve(uint64_t max_bytes, format::SegmentOrigin origin) = 0;
    /// Gives back a ticket that was never adopted.
    virtual void release(const SegmentTicket& ticket) = 0;

    /// The file stands at segment_path(ticket.id): reads at its place work from now on.
    virtual void adopt(const SegmentTicket& ticket, std::shared_ptr<File> file) = 0;
    /// Another file took this one's name (after a failed sync). Readers of the old one finish on it.
    virtual void exchange_file(uint64_t id, std::shared_ptr<File> file) = 0;
    /// Appending to an adopted segment: its size and LSNs, for list(). Cheap.
    virtual void note_written(uint64_t id, uint64_t bytes, Lsn lowest_lsn, Lsn highest_lsn) = 0;

    /// Closes a log segment, which the log has synced: scans it, writes its hint file, lists it in the
    /// manifest. Segments of the log are sealed in the order of their LSNs. A segment without a record is
    /// removed instead.
    virtual Result<void> seal(uint64_t id) = 0;
    /// Syncs a compaction's output and does the same, but doesn't list it yet: replace() does that.
    virtual Result<SegmentInfo> finish(uint64_t id) = 0;
    /// Lists the outputs and drops the sources in one replacement of the manifest, then removes the sources'
    /// files. Before the call no index entry may refer to a source any more.
    virtual Result<void> replace(std::span<const uint64_t> sources, std::span<const uint64_t> outputs) = 0;
    /// Removes an adopted segment that isn't listed (a compaction that gave up, an empty log segment).
    virtual Result<void> discard(uint64_t id) = 0;
    /// Log segments that aren't sealed, by id, which is the order of their LSNs.
    virtual std::vector<uint64_t> unsealed_log_segments() const = 0;

    /// CORRECTNESS 9: whether a segment other than `except` may hold a record of this key older than `lsn`.
    /// True when it can't be excluded.
    virtual bool may_hold_older(SlotId slot, uint64_t hash, uint64_t hash2, Lsn lsn,
                                std::span<const uint64_t> except) const = 0;
    /// The same for any key at all: what flush and swap records ask.
    virtual bool may_hold_older(Lsn lsn, std::span<const uint64_t> except) const = 0;

    /// The segment's file, for a SegmentScanner or to read entries one by one.
    virtual Result<std::shared_ptr<File>> segment(uint64_t id) const = 0;
    /// A sealed segment's hints; corrupt or not_found when they can't be used.
    virtual Result<std::shared_ptr<HintFile>> hints(uint64_t id) const = 0;
    virtual LogAddress address_of(uint64_t id, uint64_t offset) const = 0;

    /// While any holder lives, no file of the directory is removed and the manifest isn't replaced:
    /// what it says stays as it is. Keep it short (hard links); to be dropped by the thread that took it.
    virtual std::shared_ptr<void> hold() = 0;
};

}  // namespace torc
