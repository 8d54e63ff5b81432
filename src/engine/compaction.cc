#include "engine/compaction.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "engine/hint_file.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"

namespace torc {

namespace {

constexpr uint64_t kHintBlocksPerStep = 16;
constexpr size_t kKeysPerLock = 64;
constexpr size_t kRelocationsPerStep = 4096;
constexpr uint64_t kCopyBytesPerStep = 256 << 10;
constexpr uint64_t kGapWorthReading = 8 << 10;  // dead bytes read along rather than skipped
constexpr uint64_t kMaxEntries = 2 << 20;  // of all sources' hints: bounds a job's memory to about 100 MB
constexpr int64_t kRetryUs = 100'000;
constexpr uint64_t kJobsUntilPinnedIsTriedAgain = 8;

bool stands_alone(format::RecordKind kind) {
    return kind != format::RecordKind::put;
}

/// The leading entries that belong together, as many as one hold of a shard's lock is for.
template <class Entry, class Belongs>
std::span<Entry> under_one_lock(std::span<Entry> entries, Belongs belongs) {
    const auto some = entries.first(std::min(kKeysPerLock, entries.size()));
    const auto end = std::ranges::find_if_not(some, belongs);
    return some.first(static_cast<size_t>(end - some.begin()));
}

}  // namespace

struct Compaction::Job {
    explicit Job(SegmentSetWriter& segments) : output(segments) {}

    std::vector<SegmentInfo> sources;  // by address
    std::vector<uint64_t> source_ids;
    CompactionOutput output;
    uint64_t bytes_read = 0;

    // select and ask: the hint file being read
    std::vector<SegmentInfo> others;  // to be asked
    size_t segment = 0;               // of sources or others
    std::shared_ptr<HintFile> hints;
    std::optional<HintReader> reader;
    size_t next_question = 0;
    Lsn judged_at = 0;  // the log's last LSN after the last judgement

    std::vector<Item> items;  // what is kept, by address
    std::vector<Question> questions;
    uint64_t pinned_bytes = 0;  // of kept records that the index doesn't refer to

    // copy and relocate
    size_t source = 0;
    std::shared_ptr<File> file;
    size_t next_item = 0;
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
        case Phase::ask:
            done = ask();
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
    uint64_t entries = 0;
    std::erase_if(sources, [&](const SegmentInfo& info) {
        const bool full = entries >= kMaxEntries;
        if (const auto hints = segments_.hints(info.id); hints && !full)
            entries += (*hints)->summary().entries;
        return full;
    });
    std::ranges::sort(sources, {},
                      [&](const SegmentInfo& info) { return segments_.address_of(info.id, 0).units; });
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
    const uint64_t id = job.source_ids[job.segment];
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
    }
    for (uint64_t block = 0; block < kHintBlocksPerStep; ++block) {
        const auto entries = job.reader->next();
        if (!entries) {
            unusable_.insert(id);
            return fail(entries.error());
        }
        job.bytes_read += format::kHintBlock;
        if (entries->empty()) {
            job.reader.reset();
            if (++job.segment == job.sources.size()) end_select();
            return {};
        }
        if (auto judged = select_entries(*entries); !judged) return judged;
    }
    return {};
}

/// With the lock of their shard held.
template <class Entries>
void Compaction::prefetch(const Entries& entries) {
    for (const auto& entry : entries) index_.prefetch_bucket(entry.db, entry.slot, entry.hash);
    for (const auto& entry : entries) index_.prefetch_record(entry.db, entry.slot, entry.hash);
}

Result<void> Compaction::select_entries(std::span<const format::HintEntry> entries) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.segment];
    const LogAddress start = segments_.address_of(id, 0);
    const auto item_of = [&](const format::HintEntry& entry) {
        return Item{entry.hash, {start.units + entry.offset}, {}, entry.size, entry.slot, entry.db,
                    entry.kind};
    };
    for (size_t i = 0; i < entries.size();) {
        const auto& entry = entries[i];
        switch (static_cast<format::RecordKind>(entry.kind)) {
            case format::RecordKind::put: {
                const ShardId shard = shard_of(entry.slot);
                const auto puts = under_one_lock(entries.subspan(i), [&](const format::HintEntry& other) {
                    return other.kind == entry.kind && shard_of(other.slot) == shard;
                });
                ShardLock& lock = index_.shard_lock(shard);
                lock.lock();
                prefetch(puts);
                for (const format::HintEntry& put : puts) {
                    const Item item = item_of(put);
                    if (index_.refers_to(put.db, put.slot, put.hash, item.from)) job.items.push_back(item);
                }
                lock.unlock();
                i += puts.size();
                continue;
            }
            case format::RecordKind::tombstone:
                job.questions.push_back({item_of(entry), entry.hash2, entry.lsn, false});
                break;
            case format::RecordKind::flush:
                if (segments_.may_hold_older(entry.lsn, job.source_ids)) {
                    job.items.push_back(item_of(entry));
                    job.pinned_bytes += uint64_t{entry.size} * format::kAlignment;
                }
                break;
            case format::RecordKind::swap:
                break;
            default:
                unusable_.insert(id);
                return fail(ErrorKind::refused,
                            fmt::format("{}: a record of kind {} that this version can't move",
                                        segments_.segment_path(id), entry.kind));
        }
        ++i;
    }
    return {};
}

void Compaction::end_select() {
    Job& job = *job_;
    job.judged_at = log_.last_lsn();
    std::ranges::sort(job.questions, {}, [](const Question& question) {
        return std::tuple(question.item.slot, question.item.hash, question.hash2);
    });
    begin_ask();
}

// ---- ask

/// Not asked: the sources, which go with everything older that they hold. A segment that the log begins later
/// holds only newer records.
void Compaction::begin_ask() {
    Job& job = *job_;
    Lsn highest = 0;
    for (const Question& question : job.questions) highest = std::max(highest, question.lsn);
    for (const SegmentInfo& info : segments_.list()) {
        if (std::ranges::find(job.source_ids, info.id) != job.source_ids.end()) continue;
        if (info.lowest_lsn == 0 || info.lowest_lsn >= highest) continue;
        if (info.sealed)
            job.others.push_back(info);
        else
            pin_above(info.lowest_lsn);
    }
    job.segment = 0;
    job.next_question = 0;
    phase_ = Phase::ask;
}

/// Whatever a segment holds that can't be looked into.
void Compaction::pin_above(Lsn lsn) {
    for (Question& question : job_->questions) question.pinned = question.pinned || question.lsn > lsn;
}

Result<void> Compaction::ask() {
    Job& job = *job_;
    for (uint64_t block = 0; block < kHintBlocksPerStep; ++block) {
        if (job.questions.empty() || job.segment == job.others.size()) {
            end_ask();
            return {};
        }
        const SegmentInfo& other = job.others[job.segment];
        std::span<const format::HintEntry> entries;
        if (!job.reader) {
            if (auto hints = segments_.hints(other.id)) {
                job.hints = std::move(*hints);
                job.reader.emplace(*job.hints, kHintBlocksPerStep * format::kHintBlock);
            }
        }
        if (job.reader) {
            if (const auto read = job.reader->next())
                entries = *read;
            else
                pin_above(other.lowest_lsn);
            job.bytes_read += format::kHintBlock;
        } else {
            pin_above(other.lowest_lsn);
        }
        if (entries.empty() || job.next_question == job.questions.size()) {
            job.reader.reset();
            job.next_question = 0;
            ++job.segment;
        } else {
            answer(entries);
        }
    }
    return {};
}

/// Both sides are sorted by slot and hashes.
void Compaction::answer(std::span<const format::HintEntry> entries) {
    Job& job = *job_;
    const auto rank_of = [](const Question& q) { return std::tuple(q.item.slot, q.item.hash, q.hash2); };
    for (const format::HintEntry& entry : entries) {
        const std::tuple rank(entry.slot, entry.hash, entry.hash2);
        size_t& next = job.next_question;
        while (next < job.questions.size() && rank_of(job.questions[next]) < rank) ++next;
        for (size_t i = next; i < job.questions.size() && rank_of(job.questions[i]) == rank; ++i) {
            Question& question = job.questions[i];
            question.pinned = question.pinned || (entry.db == question.item.db && entry.lsn < question.lsn);
        }
    }
}

void Compaction::end_ask() {
    Job& job = *job_;
    job.reader.reset();
    job.hints.reset();
    for (const Question& question : job.questions) {
        if (!question.pinned) continue;
        job.items.push_back(question.item);
        job.pinned_bytes += uint64_t{question.item.size} * format::kAlignment;
    }
    job.questions = {};
    std::ranges::sort(job.items, {}, [](const Item& item) { return item.from.units; });
    phase_ = Phase::copy;
}

// ---- copy

Result<void> Compaction::copy(const CompactionLimits& limits) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    const uint64_t start = segments_.address_of(id, 0).units;
    const uint64_t past =
        start + (job.sources[job.source].bytes + format::kAlignment - 1) / format::kAlignment;
    const auto in_source = [&](size_t i) { return i < job.items.size() && job.items[i].from.units < past; };
    const auto offset_of = [&](size_t i) { return (job.items[i].from.units - start) * format::kAlignment; };
    const auto end_of = [&](size_t i) {
        return offset_of(i) + uint64_t{job.items[i].size} * format::kAlignment;
    };
    if (!job.file && in_source(job.next_item)) {
        auto file = segments_.segment(id);
        if (!file) return fail(file.error());
        job.file = std::move(*file);
    }
    uint64_t budget = kCopyBytesPerStep;
    std::string bytes;
    while (in_source(job.next_item) && budget > 0) {
        // One read for neighbours; a single large record is read whole whatever its size.
        const uint64_t begin = offset_of(job.next_item);
        uint64_t end = end_of(job.next_item);
        size_t last = job.next_item + 1;
        while (in_source(last) && offset_of(last) < end + kGapWorthReading && end_of(last) - begin <= budget)
            end = end_of(last++);
        bytes.resize(end - begin);
        const auto count = job.file->read_at(begin, bytes);
        if (!count) return fail(count.error());
        bytes.resize(*count);
        job.bytes_read += *count;
        if (auto copied = copy_span(bytes, begin, last, limits.segment_bytes); !copied) return copied;
        job.next_item = last;
        budget -= std::min(budget, end - begin);
    }
    if (in_source(job.next_item)) return {};

    job.file.reset();
    if (++job.source == job.sources.size()) phase_ = Phase::finish;
    return {};
}

Result<void> Compaction::copy_span(std::string_view bytes, uint64_t offset, size_t last,
                                   uint64_t segment_bytes) {
    Job& job = *job_;
    const uint64_t id = job.source_ids[job.source];
    const uint64_t start = segments_.address_of(id, 0).units;
    for (size_t i = job.next_item; i < last; ++i) {
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
    job.next_item = 0;
    TORC_CRASH_POINT("compaction.before_relocate");
    phase_ = Phase::relocate;
    return {};
}

void Compaction::relocate() {
    Job& job = *job_;
    const size_t end = std::min(job.items.size(), job.next_item + kRelocationsPerStep);
    while (job.next_item < end) {
        const ShardId shard = shard_of(job.items[job.next_item].slot);
        const auto items = under_one_lock(std::span(job.items).subspan(job.next_item, end - job.next_item),
                                          [&](const Item& item) { return shard_of(item.slot) == shard; });
        ShardLock& lock = index_.shard_lock(shard);
        lock.lock();
        prefetch(items);
        for (const Item& item : items)
            index_.relocate(item.db, item.slot, item.hash, item.from, item.to,
                            item.size * static_cast<uint32_t>(format::kAlignment));
        lock.unlock();
        job.next_item += items.size();
    }
    if (job.next_item == job.items.size()) {
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
