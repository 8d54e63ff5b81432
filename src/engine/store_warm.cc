// After a start every entry is cold. warm_step() reads the segments from end to end, newest first, and puts
// each record into RAM whose address the index still holds: sequential reads of many megabytes instead of a
// random one per key. Keys that clients ask for in between are fetched on their own.
#include <algorithm>

#include "base/hash.h"
#include "engine/segment_file.h"
#include "engine/store_impl.h"

namespace torc {
namespace {

// Warming stops short of maxmemory, so that it doesn't push out what clients just fetched.
constexpr uint64_t kFullPercent = 90;

}  // namespace

struct Store::Impl::Warmer {
    std::vector<SegmentInfo> segments;  // still to be read, the next one last
    std::shared_ptr<File> file;
    std::unique_ptr<SegmentScanner> scanner;
};

void Store::Impl::WarmerDeleter::operator()(Warmer* warmer) const {
    delete warmer;
}

bool Store::warm_step(unsigned budget) {
    Impl& im = *impl_;
    auto& set = SegmentSetWriter::of(*im.segments);
    if (im.warmer == nullptr) {
        im.warmer.reset(new Impl::Warmer());
        im.warmer->segments = set.list();
        std::ranges::sort(im.warmer->segments, {}, &SegmentInfo::highest_lsn);
    }
    Impl::Warmer& warmer = *im.warmer;
    const uint64_t maxmemory = im.maxmemory.load(std::memory_order_relaxed);
    while (budget > 0) {
        if (maxmemory != 0 && used_bytes() >= maxmemory / 100 * kFullPercent) return false;
        if (warmer.scanner == nullptr) {
            if (warmer.segments.empty()) return false;
            const SegmentInfo& segment = warmer.segments.back();
            auto file = set.segment(segment.id);
            // Compaction may have removed it: what was live in it was moved, and is fetched when asked for.
            if (!file) {
                warmer.segments.pop_back();
                continue;
            }
            warmer.file = std::move(*file);
            warmer.scanner = std::make_unique<SegmentScanner>(*warmer.file, set.directory_id(),
                                                              kSegmentHeaderBytes, segment.bytes, false);
        }
        auto step = warmer.scanner->next();
        if (!step || step->kind == SegmentScanner::Kind::end) {
            warmer.scanner.reset();
            warmer.file.reset();
            warmer.segments.pop_back();
            continue;
        }
        const RecordView& view = step->record;
        if (step->kind != SegmentScanner::Kind::record || view.kind != format::RecordKind::put ||
            view.value_damaged || view.cut)
            continue;
        // By the place: compaction may drop the segment at any moment, and then no entry has this address.
        const LogAddress address = LogAddress::of(warmer.segments.back().place, step->offset);
        const uint64_t hash = hash64(view.key, im.hash_seed);
        const auto slot = static_cast<SlotId>(view.slot % kSlots);
        ShardLock& lock = shard_lock(shard_of(slot));
        lock.lock();
        if (im.exists(view.db, slot)) {
            const Impl::Where w = im.where(view.db, slot);
            if (const HashIndex::Place place = Impl::place_of(w.table, hash, address)) {
                Record* record = Record::create(view.key, view.type, view.value, view.expire_at_ms);
                record->set_address(address);
                record->set_access(im.fresh_access(im.clock.wall_ms()));
                HashIndex::replace(place, IndexEntry::resident(record));
                im.account_record(w, record, +1);
                --budget;
            }
        }
        lock.unlock();
    }
    return true;
}

}  // namespace torc
