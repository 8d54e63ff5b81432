// After a start every entry is cold. What then wants all values reads the segments from end to end, newest
// first: sequential reads of many megabytes instead of a random one per key. warm_step() puts each record into
// RAM whose address the index still holds; keys that clients ask for in between are fetched on their own.
// visit_stored() shows each such record to a node that must know all of them before it serves.
#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/segment_file.h"
#include "engine/store_impl.h"

namespace torc {
namespace {

// Warming stops short of maxmemory, so that it doesn't push out what clients just fetched.
constexpr uint64_t kFullPercent = 90;

// Of visit_stored(): records whose index entries are fetched into the cache side by side, and their bytes.
constexpr size_t kRecordsAhead = 64;
constexpr size_t kBytesAhead = 1 << 20;

bool is_whole_put(const SegmentScanner::Step& step) {
    return step.kind == SegmentScanner::Kind::record && step.record.kind == format::RecordKind::put &&
           !step.record.cut;
}

/// Records of one segment, copied out of the scanner's window, which moves on.
class RecordsAhead {
  public:
    struct One {
        RecordView view;
        uint64_t offset = 0;
        KeyRef key;
    };

    void add(const SegmentScanner::Step& step, uint64_t hash_seed) {
        One& one = records_.emplace_back();
        one.view = step.record;
        one.offset = step.offset;
        one.key = {{}, hash64(step.record.key, hash_seed), static_cast<SlotId>(step.record.slot % kSlots)};
        bytes_.append(step.record.key).append(step.record.value);
    }
    bool full() const { return records_.size() >= kRecordsAhead || bytes_.size() >= kBytesAhead; }
    /// Valid until the next add().
    std::span<One> records() {
        size_t at = 0;
        const auto piece = [&](std::string_view& text) {
            text = std::string_view(bytes_).substr(at, text.size());
            at += text.size();
        };
        for (One& one : records_) {
            piece(one.view.key);
            piece(one.view.value);
            one.key.bytes = one.view.key;
        }
        return records_;
    }
    void clear() {
        records_.clear();
        bytes_.clear();
    }

  private:
    std::vector<One> records_;
    std::string bytes_;
};

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
        if (!is_whole_put(*step) || view.value_damaged) continue;
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

void Store::visit_stored(const VisitStored& visit) {
    auto& set = SegmentSetWriter::of(*impl_->segments);
    std::vector<SegmentInfo> segments = set.list();
    std::ranges::sort(segments, std::greater(), &SegmentInfo::highest_lsn);
    RecordsAhead ahead;
    for (const SegmentInfo& segment : segments) {
        const auto file = set.segment(segment.id);
        if (!file) continue;
        const auto show = [&] {
            const auto records = ahead.records();
            for (const RecordsAhead::One& one : records) prefetch_table(one.view.db, one.key);
            for (const RecordsAhead::One& one : records) prefetch_bucket(one.view.db, one.key);
            for (const RecordsAhead::One& one : records) {
                const LogAddress address = LogAddress::of(segment.place, one.offset);
                ShardLock& lock = shard_lock(one.key.shard());
                lock.lock();
                if (refers_to(one.view.db, one.key.slot, one.key.hash, address)) visit(one.view, address);
                lock.unlock();
            }
            ahead.clear();
        };
        SegmentScanner scanner(**file, set.directory_id(), kSegmentHeaderBytes, segment.bytes, false);
        for (auto step = scanner.next(); step && step->kind != SegmentScanner::Kind::end;
             step = scanner.next()) {
            if (is_whole_put(*step)) ahead.add(*step, impl_->hash_seed);
            if (ahead.full()) show();
        }
        show();
    }
}

}  // namespace torc
