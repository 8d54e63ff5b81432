#include "engine/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/database_map.h"
#include "engine/segment_file.h"

namespace torc {
namespace {

using format::HintEntry;
using format::RecordKind;

constexpr size_t kBufferBytes = 16 << 20;  // for reading hint files, all together
constexpr size_t kVerifyBytes = 1 << 20;
constexpr size_t kAllDatabases = 256;
constexpr double kShareOfReading = 0.4;  // of the progress; the rest is the merge

bool is_kind(const HintEntry& entry, RecordKind kind) {
    return entry.kind == static_cast<uint8_t>(kind);
}

}  // namespace

std::string Recovery::path_of(uint64_t id) const {
    return path_in(directory_, segment_file_name(id));
}

Result<RecoveryReport> Recovery::run(const std::vector<uint64_t>& tail, const OnExpected& expected,
                                     const OnKey& on_key, const OnProgress& progress) {
    per_slot_.resize(kAllDatabases);
    flushed_.resize(kAllDatabases);
    report_.highest_lsn = manifest_.highest_lsn;
    if (auto loaded = load_tail(tail); !loaded) return fail(loaded.error());
    if (auto applied = apply_tail(); !applied) return fail(applied.error());
    if (auto gathered = gather_sealed(progress); !gathered) return fail(gathered.error());
    report_expected(expected);

    report_.databases = manifest_.databases;
    Lsn applied = manifest_.databases_lsn;
    apply_swaps(report_.databases, applied, keyless_);
    uint64_t merged = 0;
    const auto merge = merge_hints(inputs_, kBufferBytes, [&](const HintEntry& entry, size_t input) {
        emit(entry, input, on_key);
        if ((++merged & 0xffff) == 0)
            progress(kShareOfReading + (1 - kShareOfReading) * static_cast<double>(merged) /
                                           static_cast<double>(std::max(entries_, merged)));
    });
    if (!merge) return fail(merge.error());
    progress(1);
    return std::move(report_);
}

Result<void> Recovery::load_tail(const std::vector<uint64_t>& ids) {
    std::vector<TailSegment> unborn;
    Lsn lsn_before = manifest_.sealed_lsn;
    for (const uint64_t id : ids) {
        TableSegment segment;
        if (!table_.find(id, segment)) continue;
        TailSegment tail;
        tail.id = id;
        tail.path = path_of(id);
        const auto header = read_segment_header(*segment.file, tail.path, manifest_.directory_id);
        if (header) {
            tail.base_lsn = header->base_lsn;
            tail.previous_id = header->previous_id;
        } else if (header.error().kind != ErrorKind::corrupt) {
            return fail(header.error());
        } else {
            tail.base_lsn = lsn_before;
        }
        auto scan = scan_segment(*segment.file, manifest_.directory_id, manifest_.hash_seed, segment.bytes,
                                 format::SegmentOrigin::log, tail.base_lsn);
        if (!scan) return fail(scan.error());
        report_.highest_lsn = std::max({report_.highest_lsn, scan->highest_lsn, tail.base_lsn});
        tail.scan = std::move(*scan);
        if (!header)
            tail.scan.flaws.insert(tail.scan.flaws.begin(),
                                   {SegmentFlaw::Kind::gap, 0, kSegmentHeaderBytes, 0, lsn_before,
                                    tail.scan.records == 0 && tail.scan.flaws.empty()});
        lsn_before = std::max({lsn_before, tail.base_lsn, tail.scan.highest_lsn});
        if (segment.bytes >= kSegmentHeaderBytes) {
            tail_.push_back(std::move(tail));
        } else {  // it was only just being made: nothing in it was ever acknowledged
            tail.dropped = true;
            unborn.push_back(std::move(tail));
        }
    }
    settle_tail(tail_, manifest_.boot_id == disk_.boot_id(), manifest_.sealed_lsn, report_);
    for (TailSegment& segment : unborn) tail_.push_back(std::move(segment));
    return {};
}

Result<void> Recovery::apply_tail() {
    bool removed = false;
    for (TailSegment& tail : tail_) {
        TableSegment segment;
        table_.find(tail.id, segment);
        if (tail.dropped || (tail.scan.entries.empty() && tail.scan.flaws.empty())) {
            table_.erase(tail.id);
            if (auto gone = disk_.remove(tail.path); !gone) return gone;
            removed = true;
            continue;
        }
        if (tail.cut_at) {
            if (auto cut = segment.file->truncate(*tail.cut_at); !cut) return cut;
            if (auto synced = segment.file->sync(); !synced) return synced;
        }
        table_.update(tail.id, [&](TableSegment& it) {
            it.bytes = tail.scan.end;
            it.base_lsn = tail.base_lsn;
            it.lowest_lsn = tail.scan.lowest_lsn;
            it.highest_lsn = tail.scan.highest_lsn;
        });
        HintInput input;
        input.memory = std::move(tail.scan.entries);
        sort_hints(input.memory);
        for (const HintEntry& entry : input.memory) count_entry(entry);
        inputs_.push_back(std::move(input));
        sources_.push_back({segment.ticket, tail.scan.end});
    }
    // What was dropped must stay away, or a later start might take it for the log's tail again.
    return removed ? disk_.sync_directory(directory_) : Result<void>{};
}

Result<void> Recovery::gather_sealed(const OnProgress& progress) {
    const std::vector<TableSegment> all = table_.all();
    size_t done = 0;
    for (const TableSegment& segment : all) {
        if (!segment.sealed) continue;
        uint64_t bytes = 0;
        if (segment.file) {
            const auto header =
                read_segment_header(*segment.file, path_of(segment.ticket.id), manifest_.directory_id);
            if (!header && header.error().kind != ErrorKind::corrupt) return fail(header.error());
            if (!header) {
                ++report_.unreadable_ranges;
                report_.messages.push_back(header.error().message);
            }
            const auto size = segment.file->size();
            if (!size) return fail(size.error());
            bytes = *size;
        }
        if (bytes < segment.bytes)
            report_.messages.push_back(fmt::format("{}: {} of its {} bytes are missing",
                                                   path_of(segment.ticket.id), segment.bytes - bytes,
                                                   segment.bytes));
        auto input = hints_of(segment);
        if (!input) return fail(input.error());
        inputs_.push_back(std::move(*input));
        sources_.push_back({segment.ticket, bytes});
        progress(kShareOfReading * static_cast<double>(++done) / static_cast<double>(all.size()));
    }
    return {};
}

Result<HintInput> Recovery::hints_of(const TableSegment& segment) {
    const uint64_t id = segment.ticket.id;
    auto file = HintFile::open(disk_, path_in(directory_, hint_file_name(id)), id, manifest_.directory_id);
    if (!file) return rescan(segment, file.error().message);
    HintInput input;
    input.file = std::move(*file);
    // Verified as a whole before any of it is used. (Counts of a file that fails are only an upper bound.)
    HintReader reader(*input.file, kVerifyBytes);
    for (;;) {
        const auto entries = reader.next();
        if (!entries) return rescan(segment, entries.error().message);
        if (entries->empty()) return input;
        for (const HintEntry& entry : *entries) count_entry(entry);
    }
}

Result<HintInput> Recovery::rescan(const TableSegment& segment, const std::string& why) {
    HintInput input;
    const uint64_t id = segment.ticket.id;
    if (!segment.file) {
        ++report_.unreadable_ranges;
        report_.messages.push_back(
            fmt::format("{}: the segment is missing, and its hints can't be read: {}", path_of(id), why));
        return input;
    }
    report_.messages.push_back(fmt::format("{}; its segment is read instead", why));
    const auto size = segment.file->size();
    if (!size) return fail(size.error());
    auto scan = scan_segment(*segment.file, manifest_.directory_id, manifest_.hash_seed,
                             std::min(*size, segment.bytes), segment.ticket.origin, segment.base_lsn);
    if (!scan) return fail(scan.error());
    for (const SegmentFlaw& flaw : scan->flaws) {
        if (flaw.kind == SegmentFlaw::Kind::gap)
            ++report_.unreadable_ranges;
        else
            ++report_.damaged_records;
        report_.messages.push_back(describe(flaw, path_of(id)));
    }
    sort_hints(scan->entries);
    const HintSummary summary{id, scan->entries.size(), segment.lowest_lsn, segment.highest_lsn,
                              segment.bytes};
    const auto written = write_hint_file(disk_, path_in(directory_, hint_file_name(id)), summary,
                                         manifest_.directory_id, scan->entries);
    if (!written)
        report_.messages.push_back(
            fmt::format("{}; the next start will have to read the segment again", written.error().message));
    input.memory = std::move(scan->entries);
    for (const HintEntry& entry : input.memory) count_entry(entry);
    return input;
}

void Recovery::count_entry(const HintEntry& entry) {
    report_.highest_lsn = std::max(report_.highest_lsn, entry.lsn);
    if (entry.slot == kNoSlot) {
        keyless_.push_back(entry);
        if (is_kind(entry, RecordKind::flush)) flushed_[entry.db] = std::max(flushed_[entry.db], entry.lsn);
        return;
    }
    ++entries_;
    std::vector<uint32_t>& slots = per_slot_[entry.db];
    if (slots.empty()) slots.resize(kSlots);
    if (entry.slot < kSlots) ++slots[entry.slot];
}

void Recovery::report_expected(const OnExpected& expected) const {
    for (size_t db = 0; db < per_slot_.size(); ++db) {
        for (size_t slot = 0; slot < per_slot_[db].size(); ++slot) {
            if (per_slot_[db][slot] != 0)
                expected(static_cast<SlotId>(slot), static_cast<DbId>(db), per_slot_[db][slot]);
        }
    }
}

void Recovery::emit(const HintEntry& entry, size_t input, const OnKey& on_key) {
    if (is_kind(entry, RecordKind::tombstone) || entry.lsn < flushed_[entry.db] || entry.slot >= kSlots)
        return;
    const Source& source = sources_[input];
    const uint64_t offset = entry.offset * format::kAlignment;
    const uint64_t size = entry.size * format::kAlignment;
    RecoveredKey key{};
    key.hash = entry.hash;
    key.lsn = entry.lsn;
    key.expire_at_ms = entry.expire_at_ms;
    key.address = LogAddress::of(source.ticket.place, offset);
    key.padded_size = static_cast<uint32_t>(size);
    key.slot = entry.slot;
    key.db = entry.db;
    key.type = static_cast<ValueType>(entry.type);
    key.damaged = (entry.flags & format::kHintDamagedValue) != 0 || offset + size > source.file_bytes ||
                  !is_kind(entry, RecordKind::put);
    table_.add_live(key.address.place(), static_cast<int64_t>(size));
    ++report_.keys;
    on_key(key);
}

}  // namespace torc
