#include "engine/compaction.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"

namespace torc {

namespace {

constexpr uint64_t kHintBlocksPerStep = 16;
constexpr size_t kKeysPerLock = 64;
constexpr size_t kRelocationsPerStep = 4096;
constexpr unsigned kLookupsPerStep = 256;  // of keys in other segments' hints
constexpr uint64_t kCopyBytesPerStep = 256 << 10;
constexpr uint64_t kGapWorthReading = 8 << 10;  // dead bytes read along rather than skipped
constexpr int64_t kRetryUs = 100'000;
constexpr uint64_t kJobsUntilPinnedIsTriedAgain = 8;

bool stands_alone(format::RecordKind kind) {
    return kind != format::RecordKind::put;
}

}  // namespace

struct Compaction::Job {
    explicit Job(SegmentSetWriter& segments) : output(segments) {}

    std::vector<SegmentInfo> sources;
    std::vector<uint64_t> source_ids;
    size_t source = 0;  // the one being read
    CompactionOutput output;
    uint64_t bytes_read = 0;

    // select
    std::shared_ptr<HintFile> hints;
    std::optional<HintReader> reader;
    std::span<const format::HintEntry> entries;  // read but not judged yet
    unsigned lookups = 0;                        // in this step

    // copy
    std::shared_ptr<File> file;
    std::vector<Item> items;  // all kept records; those of this source from first_item on
    size_t first_item = 0;
    size_t next_item = 0;
    uint64_t pinned_bytes = 0;  // of kept records that the index doesn't refer to

    size_t next_relocation = 0;
    Lsn judged_at = 0;  // the log's last LSN after the last judgement
};

Compaction::Compaction(SegmentSet& segments, Log& log, LiveIndex& index, const Clock& clock)
    : segments_(SegmentSetWriter::of(segments)), log_(log), index_(index), clock_(clock) {}

Compaction::~Compaction() = default;

CompactionStats Compaction::stats() const {
    return {.jobs = jobs_.load(std::memory_order_relaxed),
            .failed_jobs = failed_jobs_.load(std::memory_order_relaxed),
            .bytes_copied = bytes_copied_.load(std::memory_order_relaxed),
            .bytes_freed = bytes_freed_.load(std::memory_order_relaxed),
            .damaged_records = damaged_records_.load(std::memory_order_relaxed),
            .running = running_.load(std::memory_order_relaxed)};
}

uint64_t Compaction::pinned_bytes(uint64_t id) const {
    const auto it = pinned_.find(id);
    if (it == pinned_.end()) return 0;
    const uint64_t age = jobs_.load(std::memory_order_relaxed) - it->second.jobs;
    return age < kJobsUntilPinnedIsTriedAgain ? it->second.bytes : 0;
}

Result<Compaction::Step> Compaction::step(const CompactionLimits& limits) {
    const int64_t now = clock_.monotonic_ns();
    if (now < paced_until_ns_) return Step{.wait_us = (paced_until_ns_ - now) / 1000 + 1};

    const uint64_t moved_before = job_ ? job_->bytes_read + job_->output.bytes() : 0;
    Result<void> done;
    switch (phase_) {
        case Phase::idle:
            if (!start(limits)) return Step{.idle = true, .wait_us = 1'000'000};
            break;
        case Phase::select:
            done = select();
            break;
        case Phase::copy:
            done = copy(limits);
            break;
        case Phase::finish:
            done = finish();
            break;
        case Phase::relocate:
            relocate();
            break;
        case Phase::settle: {
            auto settled = settle();
            if (!settled) return try_again(now, settled.error());
            if (!*settled) return Step{.wait_us = 1000};
            break;
        }
        case Phase::replace:
            if (auto replaced = replace(); !replaced) return try_again(now, replaced.error());
            break;
    }
    if (!done) {
        give_up();
        return fail(done.error());
    }
    if (limits.bytes_per_second != 0 && job_) {
        const uint64_t moved = job_->bytes_read + job_->output.bytes() - moved_before;
        paced_until_ns_ = now + static_cast<int64_t>(static_cast<__uint128_t>(moved) * 1'000'000'000 /
                                                     limits.bytes_per_second);
    }
    return Step{};
}

/// Once the index refers to the outputs there's no way back.
Result<Compaction::Step> Compaction::try_again(int64_t now_ns, const Error& error) {
    paced_until_ns_ = now_ns + kRetryUs * 1000;
    return fail(error);
}

void Compaction::give_up() {
    job_->output.discard();
    job_.reset();
    phase_ = Phase::idle;
    running_ = false;
    failed_jobs_.fetch_add(1, std::memory_order_relaxed);
    paced_until_ns_ = clock_.monotonic_ns() + kRetryUs * 1000;
}

bool Compaction::start(const CompactionLimits& limits) {
    const auto all = segments_.list();
    std::erase_if(pinned_, [&](const auto& pinned) {
        return std::ranges::none_of(all, [&](const auto& info) { return info.id == pinned.first; });
    });
    auto sources = choose_sources(
        all, limits, [&](uint64_t id) { return pinned_bytes(id); },
        [&](uint64_t id) { return unusable_.contains(id); });
    if (sources.empty()) return false;
    job_ = std::make_unique<Job>(segments_);
    job_->sources = std::move(sources);
    for (const auto& info : job_->sources) job_->source_ids.push_back(info.id);
    phase_ = Phase::select;
    running_ = true;
    return true;
}

// ---- select

Result<void> Compaction::select() {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    if (!job.reader) {
        auto hints = segments_.hints(id);
        if (!hints) {
            unusable_.insert(id);
            log_warning("compaction: {} is left alone: {}", segments_.segment_path(id),
                        hints.error().message);
            return fail(hints.error());
        }
        job.hints = std::move(*hints);
        job.reader.emplace(*job.hints, kHintBlocksPerStep * format::kHintBlock);
        job.first_item = job.items.size();
    }
    job.lookups = 0;
    for (uint64_t block = 0; block < kHintBlocksPerStep && job.lookups < kLookupsPerStep; ++block) {
        if (job.entries.empty()) {
            auto entries = job.reader->next();
            if (!entries) {
                unusable_.insert(id);
                return fail(entries.error());
            }
            job.entries = *entries;
            job.bytes_read += format::kHintBlock;
        }
        if (job.entries.empty()) {
            job.judged_at = log_.last_lsn();
            job.reader.reset();
            job.hints.reset();
            std::sort(job.items.begin() + static_cast<ptrdiff_t>(job.first_item), job.items.end(),
                      [](const Item& a, const Item& b) { return a.from.units < b.from.units; });
            job.next_item = job.first_item;
            phase_ = Phase::copy;
            return {};
        }
        if (auto judged = select_entries(job.entries); !judged) return judged;
    }
    return {};
}

Result<void> Compaction::select_entries(std::span<const format::HintEntry> entries) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    const auto keep = [&](const format::HintEntry& entry, LogAddress from) {
        job.items.push_back({entry.hash, from, {}, entry.size, entry.slot, entry.db, entry.kind});
    };
    size_t i = 0;
    while (i < entries.size() && job.lookups < kLookupsPerStep) {
        const auto& entry = entries[i];
        const auto kind = static_cast<format::RecordKind>(entry.kind);
        const LogAddress from = segments_.address_of(id, uint64_t{entry.offset} * format::kAlignment);
        if (kind == format::RecordKind::put) {
            const ShardId shard = shard_of(entry.slot);
            ShardLock& lock = index_.shard_lock(shard);
            lock.lock();
            size_t held = 0;
            for (; i < entries.size() && held < kKeysPerLock; ++i, ++held) {
                const auto& put = entries[i];
                if (put.kind != entry.kind || shard_of(put.slot) != shard) break;
                const LogAddress at = segments_.address_of(id, uint64_t{put.offset} * format::kAlignment);
                if (index_.refers_to(put.db, put.slot, put.hash, at)) keep(put, at);
            }
            lock.unlock();
            continue;
        }
        ++job.lookups;
        if (kind == format::RecordKind::tombstone || kind == format::RecordKind::flush) {
            if (keep_without_owner(entry)) {
                keep(entry, from);
                job.pinned_bytes += uint64_t{entry.size} * format::kAlignment;
            }
        } else if (kind != format::RecordKind::swap) {
            unusable_.insert(id);
            return fail(ErrorKind::refused,
                        fmt::format("{}: a record of kind {} that this version can't move",
                                    segments_.segment_path(id), entry.kind));
        }
        ++i;
    }
    job.entries = entries.subspan(i);
    return {};
}

bool Compaction::keep_without_owner(const format::HintEntry& entry) const {
    // Not asked: the sources, which go with everything older that they hold, and the outputs, which hold of
    // any key only what was live after this record.
    std::vector<uint64_t> except = job_->source_ids;
    const auto& outputs = job_->output.segment_ids();
    except.insert(except.end(), outputs.begin(), outputs.end());
    if (static_cast<format::RecordKind>(entry.kind) == format::RecordKind::flush)
        return segments_.may_hold_older(entry.lsn, except);
    return segments_.may_hold_older(entry.slot, entry.hash, entry.hash2, entry.lsn, except);
}

// ---- copy

Result<void> Compaction::copy(const CompactionLimits& limits) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    if (!job.file && job.next_item < job.items.size()) {
        auto file = segments_.segment(id);
        if (!file) return fail(file.error());
        job.file = std::move(*file);
    }
    const uint64_t start = segments_.address_of(id, 0).units;
    const auto offset_of = [&](const Item& item) { return (item.from.units - start) * format::kAlignment; };
    const auto end_of = [&](const Item& item) {
        return offset_of(item) + uint64_t{item.size} * format::kAlignment;
    };
    uint64_t budget = kCopyBytesPerStep;
    std::string bytes;
    while (job.next_item < job.items.size() && budget > 0) {
        // One read for neighbours; a single large record is read whole whatever its size.
        const size_t first = job.next_item;
        const uint64_t begin = offset_of(job.items[first]);
        uint64_t end = end_of(job.items[first]);
        size_t last = first + 1;
        while (last < job.items.size() && offset_of(job.items[last]) < end + kGapWorthReading &&
               end_of(job.items[last]) - begin <= budget) {
            end = end_of(job.items[last]);
            ++last;
        }
        bytes.resize(end - begin);
        auto count = job.file->read_at(begin, bytes);
        if (!count) return fail(count.error());
        bytes.resize(*count);
        job.bytes_read += *count;
        if (auto copied = copy_span(bytes, begin, first, last, limits.segment_bytes); !copied) return copied;
        job.next_item = last;
        budget -= std::min(budget, end - begin);
    }
    if (job.next_item < job.items.size()) return {};

    job.file.reset();
    ++job.source;
    phase_ = job.source < job.sources.size() ? Phase::select : Phase::finish;
    return {};
}

Result<void> Compaction::copy_span(std::string_view bytes, uint64_t offset, size_t first, size_t last,
                                   uint64_t segment_bytes) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    const uint64_t start = segments_.address_of(id, 0).units;
    for (size_t i = first; i < last; ++i) {
        Item& item = job.items[i];
        const uint64_t at = (item.from.units - start) * format::kAlignment;
        const uint64_t size = uint64_t{item.size} * format::kAlignment;
        const std::string_view stored =
            at - offset + size <= bytes.size() ? bytes.substr(at - offset, size) : std::string_view{};
        const auto record = parse_record(stored, segments_.directory_id());
        if (!record || record->padded_size != size || record->db != item.db ||
            (record->slot != item.slot && item.slot != kNoSlot) ||
            record->kind != static_cast<format::RecordKind>(item.kind)) {
            // Its key can't be known, so nothing could stand for it in the output.
            unusable_.insert(id);
            damaged_records_.fetch_add(1, std::memory_order_relaxed);
            return fail(ErrorKind::corrupt,
                        fmt::format("{}: record at offset {} is unreadable; the segment is left alone",
                                    segments_.segment_path(id), at));
        }
        if (record->value_damaged) {
            damaged_records_.fetch_add(1, std::memory_order_relaxed);
            log_warning("compaction: {}: the value at offset {} is damaged; its key stays unreadable",
                        segments_.segment_path(id), at);
        }
        auto place = job.output.append(stored, record->lsn, segment_bytes);
        if (!place) return fail(place.error());
        item.to = segments_.address_of(place->segment_id, place->offset);
        bytes_copied_.fetch_add(size, std::memory_order_relaxed);
    }
    return {};
}

// ---- the output takes over

Result<void> Compaction::finish() {
    Job& job = *job_;
    auto more = job.output.finish_one();
    if (!more) return fail(more.error());
    if (*more) return {};
    std::erase_if(job.items,
                  [](const Item& item) { return stands_alone(static_cast<format::RecordKind>(item.kind)); });
    std::sort(job.items.begin(), job.items.end(), [](const Item& a, const Item& b) {
        return a.slot != b.slot ? a.slot < b.slot : a.hash < b.hash;
    });
    TORC_CRASH_POINT("compaction.before_relocate");
    phase_ = Phase::relocate;
    return {};
}

void Compaction::relocate() {
    Job& job = *job_;
    const size_t end = std::min(job.items.size(), job.next_relocation + kRelocationsPerStep);
    while (job.next_relocation < end) {
        const ShardId shard = shard_of(job.items[job.next_relocation].slot);
        ShardLock& lock = index_.shard_lock(shard);
        lock.lock();
        for (size_t held = 0; held < kKeysPerLock && job.next_relocation < end; ++held) {
            const Item& item = job.items[job.next_relocation];
            if (shard_of(item.slot) != shard) break;
            index_.relocate(item.db, item.slot, item.hash, item.from, item.to,
                            item.size * static_cast<uint32_t>(format::kAlignment));
            ++job.next_relocation;
        }
        lock.unlock();
    }
    if (job.next_relocation == job.items.size()) {
        TORC_CRASH_POINT("compaction.after_relocate");
        phase_ = Phase::settle;
    }
}

Result<bool> Compaction::settle() {
    if (log_.synced_lsn() < job_->judged_at) {
        log_.flush();
        if (auto synced = log_.sync(); !synced) return fail(synced.error());
        if (log_.synced_lsn() < job_->judged_at) return false;
    }
    phase_ = Phase::replace;
    return true;
}

Result<void> Compaction::replace() {
    Job& job = *job_;
    TORC_CRASH_POINT("compaction.before_replace");
    if (auto done = segments_.replace(job.source_ids, job.output.segment_ids()); !done) return done;
    TORC_CRASH_POINT("compaction.after_replace");

    uint64_t before = 0;
    for (const auto& info : job.sources) before += info.bytes;
    const auto& outputs = job.output.segment_ids();
    const uint64_t after = job.output.bytes() + outputs.size() * kSegmentHeaderBytes;
    const uint64_t freed = before > after ? before - after : 0;
    bytes_freed_.fetch_add(freed, std::memory_order_relaxed);
    for (const uint64_t id : outputs)
        pinned_[id] = {job.pinned_bytes / outputs.size() + kSegmentHeaderBytes, jobs_.load()};
    // A job that bought nothing doesn't count, so that pinned segments aren't looked at again because of it.
    if (freed * 20 >= before) jobs_.fetch_add(1, std::memory_order_relaxed);
    log_debug("compaction: {} segments, {} bytes -> {} bytes", job.sources.size(), before, after);
    job_.reset();
    phase_ = Phase::idle;
    running_ = false;
    return {};
}

}  // namespace torc
