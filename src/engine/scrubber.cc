#include "engine/scrubber.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "engine/segment_file.h"
#include "engine/segment_scan.h"

namespace torc {
namespace {

constexpr uint64_t kBytesPerStep = 256 << 10;
constexpr int64_t kIdleUs = 1'000'000;
constexpr int64_t kNsBetweenRounds = 3600LL * 1'000'000'000;

}  // namespace

Scrubber::Scrubber(SegmentSet& segments, LiveIndex& index, const Clock& clock, Found found)
    : segments_(SegmentSetWriter::of(segments)), index_(index), clock_(clock), found_(std::move(found)) {}

Scrubber::~Scrubber() = default;

ScrubStats Scrubber::stats() const {
    return {.rounds = rounds_.load(std::memory_order_relaxed),
            .bytes = bytes_.load(std::memory_order_relaxed),
            .damaged_records = damaged_records_.load(std::memory_order_relaxed),
            .unreadable_ranges = unreadable_ranges_.load(std::memory_order_relaxed)};
}

void Scrubber::leave_segment() {
    scanner_ = nullptr;
    file_ = nullptr;
}

/// False at the end of a round. Segments have rising ids; what is sealed after a round began, by the log or
/// by compaction, waits for the next: under steady writes there would be no end.
bool Scrubber::open_next() {
    std::vector<SegmentInfo> sealed = segments_.list();
    std::erase_if(sealed, [](const SegmentInfo& info) { return !info.sealed; });
    std::ranges::sort(sealed, {}, &SegmentInfo::id);
    if (segment_ == 0) last_of_round_ = sealed.empty() ? 0 : sealed.back().id;
    for (const SegmentInfo& info : sealed) {
        if (info.id <= segment_ || info.id > last_of_round_) continue;
        segment_ = info.id;
        place_ = info.place;
        auto file = segments_.segment(info.id);
        if (!file) continue;  // compacted away just now
        const auto size = (*file)->size();
        if (!size || *size <= kSegmentHeaderBytes) continue;
        file_ = std::move(*file);
        scanner_ = std::make_unique<SegmentScanner>(*file_, segments_.directory_id(), kSegmentHeaderBytes,
                                                    *size, false);
        return true;
    }
    segment_ = 0;
    return false;
}

/// By the segment's place, not its name: it may be compacted away while it's read.
bool Scrubber::is_live(const RecordView& record, uint64_t offset) {
    const uint64_t hash = hash64(record.key, segments_.hash_seed());
    const LogAddress address = LogAddress::of(place_, offset);
    ShardLock& lock = index_.shard_lock(shard_of(record.slot));
    lock.lock();
    const bool live = index_.refers_to(record.db, record.slot, hash, address);
    lock.unlock();
    return live;
}

void Scrubber::look_at(const SegmentScanner::Step& step) {
    if (step.kind == SegmentScanner::Kind::gap) {
        unreadable_ranges_.fetch_add(1, std::memory_order_relaxed);
        log_warning("{}: {} bytes at offset {} can't be read any more; see `torc check`",
                    segments_.segment_path(segment_), step.size, step.offset);
        return;
    }
    const RecordView& record = step.record;
    if (record.kind != format::RecordKind::put || !record.value_damaged) return;
    if (!is_live(record, step.offset)) return;
    damaged_records_.fetch_add(1, std::memory_order_relaxed);
    const SegmentFlaw flaw{.kind = SegmentFlaw::Kind::damaged, .offset = step.offset};
    log_warning("{}", describe(flaw, segments_.segment_path(segment_)));
    found_(record.db, std::string(record.key));
}

Result<int64_t> Scrubber::step(uint64_t bytes_per_second) {
    if (bytes_per_second == 0) return kIdleUs;
    const int64_t now = clock_.monotonic_ns();
    if (now < wait_until_ns_) return (wait_until_ns_ - now) / 1000 + 1;
    // Compacted away since the last step: the file's blocks are freed when nobody has it open.
    if (scanner_ != nullptr && !segments_.segment(segment_)) leave_segment();
    if (scanner_ == nullptr && !open_next()) {
        rounds_.fetch_add(1, std::memory_order_relaxed);
        wait_until_ns_ = now + kNsBetweenRounds;
        return kIdleUs;
    }
    const uint64_t begin = scanner_->offset();
    while (scanner_->offset() - begin < kBytesPerStep) {
        const auto step = scanner_->next();
        if (!step) {
            leave_segment();
            return fail(step.error());
        }
        if (step->kind == SegmentScanner::Kind::end) break;
        look_at(*step);
    }
    const uint64_t read = scanner_->offset() - begin;
    bytes_.fetch_add(read, std::memory_order_relaxed);
    if (read < kBytesPerStep) leave_segment();
    wait_until_ns_ =
        now + static_cast<int64_t>(static_cast<__uint128_t>(read) * 1'000'000'000 / bytes_per_second);
    return (wait_until_ns_ - now) / 1000 + 1;
}

}  // namespace torc
