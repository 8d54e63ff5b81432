#include "engine/segment_set_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "engine/database_map.h"
#include "engine/recovery.h"
#include "engine/segment_file.h"

namespace torc {
namespace {

SegmentInfo info_of(const TableSegment& segment, uint64_t live_bytes) {
    return {segment.ticket.id,  segment.ticket.place, segment.bytes, live_bytes,
            segment.lowest_lsn, segment.highest_lsn,  segment.sealed};
}

bool contains(std::span<const uint64_t> ids, uint64_t id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

ManifestSegment listing_of(const TableSegment& segment) {
    return {segment.ticket.id, segment.bytes, segment.lowest_lsn, segment.highest_lsn, segment.ticket.origin};
}

void insert_by_id(std::vector<ManifestSegment>& segments, const ManifestSegment& segment) {
    const auto at = std::lower_bound(segments.begin(), segments.end(), segment,
                                     [](const auto& a, const auto& b) { return a.id < b.id; });
    segments.insert(at, segment);
}

}  // namespace

SegmentSetImpl::SegmentSetImpl(Disk& disk, std::string directory, std::unique_ptr<DirectoryLock> lock,
                               Manifest manifest)
    : disk_(disk),
      directory_(std::move(directory)),
      lock_(std::move(lock)),
      directory_id_(manifest.directory_id),
      hash_seed_(manifest.hash_seed),
      manifest_(std::move(manifest)) {}

std::string SegmentSetImpl::segment_path(uint64_t id) const {
    return path_in(directory_, segment_file_name(id));
}

std::string SegmentSetImpl::hint_path(uint64_t id) const {
    return path_in(directory_, hint_file_name(id));
}

// ---- opening

Result<void> SegmentSetImpl::load(const std::vector<std::string>& names) {
    table_.set_next_id(manifest_.next_segment_id);
    for (const ManifestSegment& listed : manifest_.segments)
        if (auto loaded = load_listed(listed); !loaded) return loaded;
    const auto is_listed = [&](uint64_t id) {
        return std::any_of(manifest_.segments.begin(), manifest_.segments.end(),
                           [&](const auto& listed) { return listed.id == id; });
    };
    for (const std::string& name : names) {
        bool leftover = name.ends_with(".tmp");
        if (const auto id = segment_id_of(name)) {
            table_.set_next_id(*id + 1);
            if (!is_listed(*id)) {
                const auto taken = load_unlisted(*id);
                if (!taken) return fail(taken.error());
                leftover = !*taken;
            }
        } else if (const auto hint = hint_id_of(name)) {
            leftover = !is_listed(*hint);
        }
        if (!leftover) continue;
        log_notice("Removing {}, a leftover of unfinished work", path_in(directory_, name));
        if (auto removed = disk_.remove(path_in(directory_, name)); !removed) return removed;
    }
    return {};
}

Result<void> SegmentSetImpl::load_listed(const ManifestSegment& listed) {
    TableSegment segment;
    segment.ticket = table_.reserve_for(listed.id, listed.bytes, listed.origin);
    segment.bytes = listed.bytes;
    segment.lowest_lsn = listed.lowest_lsn;
    segment.highest_lsn = listed.highest_lsn;
    segment.sealed = true;
    auto file = disk_.open(segment_path(listed.id), false);
    if (file)
        segment.file = std::move(*file);
    else if (file.error().kind != ErrorKind::not_found)
        return fail(file.error());
    else
        log_warning("{} is missing: reads of the keys in it will fail", segment_path(listed.id));
    table_.insert(std::move(segment));
    return {};
}

Result<bool> SegmentSetImpl::load_unlisted(uint64_t id) {
    if (id < manifest_.log_tail_id) return false;
    auto file = disk_.open(segment_path(id), true);
    if (!file) return fail(file.error());
    const auto size = (*file)->size();
    if (!size) return fail(size.error());
    const auto header = read_segment_header(**file, segment_path(id), directory_id_);
    if (header) {
        const bool of_log = header->origin == static_cast<uint8_t>(format::SegmentOrigin::log);
        if (!of_log || header->base_lsn < manifest_.sealed_lsn) return false;
    } else if (header.error().kind != ErrorKind::corrupt) {
        return fail(header.error());
    }
    TableSegment segment;
    segment.ticket = table_.reserve_for(id, *size, format::SegmentOrigin::log);
    segment.file = std::move(*file);
    segment.bytes = *size;
    table_.insert(std::move(segment));
    return true;
}

Result<RecoveryReport> SegmentSetImpl::recover(const std::function<void(SlotId, DbId, uint64_t)>& expected,
                                               const std::function<void(const RecoveredKey&)>& on_key,
                                               const std::function<void(double)>& progress) {
    const std::lock_guard guard(change_mutex_);
    auto report = Recovery(disk_, directory_, manifest_, table_)
                      .run(unsealed_log_segments(), expected, on_key, progress);
    if (!report) return report;
    // Only now that the tail is cut may the manifest say that it was written under this boot.
    const std::string boot_id = disk_.boot_id();
    if (manifest_.boot_id != boot_id) {
        Manifest next = manifest_;
        next.boot_id = boot_id;
        if (auto stored = store_locked(std::move(next)); !stored) return fail(stored.error());
    }
    return report;
}

// ---- reading

Result<StoredRecord> SegmentSetImpl::read(LogAddress address, uint32_t size_hint) const {
    constexpr size_t kGuess = 4096;
    TableSegment segment;
    if (!table_.find_place(address.place(), segment))
        return fail(ErrorKind::corrupt, "an address points to no segment of the log");
    const uint64_t offset =
        LogAddress{address.units - LogAddress::of(segment.ticket.place, 0).units}.units * LogAddress::kUnit;
    const auto corrupt = [&](std::string_view what) {
        return fail(ErrorKind::corrupt,
                    fmt::format("{}: {} at offset {}", segment_path(segment.ticket.id), what, offset));
    };
    if (!segment.file) return corrupt("the file is missing; a record was");

    StoredRecord stored;
    const auto fetch = [&](uint64_t size) -> Result<bool> {
        const size_t have = stored.bytes.size();
        if (size <= have) return true;
        stored.bytes.resize_and_overwrite(size, [](char*, size_t n) { return n; });
        const auto read = segment.file->read_at(offset + have, {stored.bytes.data() + have, size - have});
        if (!read) return fail(read.error());
        stored.bytes.resize(have + *read);
        return stored.bytes.size() == size;
    };
    auto whole = fetch(size_hint != 0 ? size_hint : kGuess);
    if (!whole) return fail(whole.error());
    if (stored.bytes.size() < sizeof(format::RecordHeader)) return corrupt("there is no record");
    const uint64_t announced = announced_size(stored.bytes.data());
    if (announced == 0) return corrupt("there is no record");
    if (announced > stored.bytes.size() && *whole) {
        // A long record: first its head, so that a damaged length can't make us read gigabytes.
        const uint64_t head = announced_head_size(stored.bytes.data());
        const auto size = segment.file->size();
        if (!size) return fail(size.error());
        if (offset + head > *size) return corrupt("there is no record");
        whole = fetch(std::max<uint64_t>(head, stored.bytes.size()));
        if (!whole) return fail(whole.error());
        if (!parse_record(stored.bytes, directory_id_))
            return corrupt("the record's header or key is damaged");
        whole = fetch(std::min(announced, *size - offset));
        if (!whole) return fail(whole.error());
    }
    const auto record = parse_record(stored.bytes, directory_id_);
    if (!record) return corrupt("the record's header or key is damaged");
    stored.lsn = record->lsn;
    stored.slot = record->slot;
    stored.db = record->db;
    stored.kind = record->kind;
    stored.type = record->type;
    stored.expire_at_ms = record->expire_at_ms;
    stored.key = record->key;
    stored.value = record->value;
    stored.value_length = record->value_length;
    stored.value_damaged = record->value_damaged;
    stored.padded_size = static_cast<uint32_t>(record->padded_size);
    return stored;
}

std::vector<SegmentInfo> SegmentSetImpl::list() const {
    std::vector<SegmentInfo> infos;
    for (const TableSegment& segment : table_.all())
        infos.push_back(info_of(segment, table_.live_bytes(segment.ticket)));
    return infos;
}

uint64_t SegmentSetImpl::total_bytes() const {
    uint64_t sum = 0;
    for (const TableSegment& segment : table_.all()) sum += segment.bytes;
    return sum;
}

uint64_t SegmentSetImpl::live_bytes() const {
    uint64_t sum = 0;
    for (const TableSegment& segment : table_.all()) sum += table_.live_bytes(segment.ticket);
    return sum;
}

Result<std::shared_ptr<File>> SegmentSetImpl::segment(uint64_t id) const {
    TableSegment segment;
    if (!table_.find(id, segment) || !segment.file)
        return fail(ErrorKind::not_found, fmt::format("{} is missing", segment_path(id)));
    return segment.file;
}

Result<std::shared_ptr<HintFile>> SegmentSetImpl::hints(uint64_t id) const {
    TableSegment segment;
    if (!table_.find(id, segment) || !segment.sealed)
        return fail(ErrorKind::not_found, fmt::format("{} isn't sealed", segment_path(id)));
    if (segment.hints) return segment.hints;
    auto file = HintFile::open(disk_, hint_path(id), id, directory_id_);
    if (!file) return fail(file.error());
    std::shared_ptr<HintFile> hints = std::move(*file);
    table_.update(id, [&](TableSegment& it) { it.hints = hints; });
    return hints;
}

LogAddress SegmentSetImpl::address_of(uint64_t id, uint64_t offset) const {
    TableSegment segment;
    TORC_CHECK(table_.find(id, segment));
    return LogAddress::of(segment.ticket.place, offset);
}

bool SegmentSetImpl::may_hold_older(SlotId slot, uint64_t hash, uint64_t hash2, Lsn lsn,
                                    std::span<const uint64_t> except) const {
    for (const TableSegment& segment : table_.all()) {
        const uint64_t id = segment.ticket.id;
        if (contains(except, id) || segment.lowest_lsn >= lsn) continue;
        if (!segment.sealed) {
            // One that is only being filled and has nothing yet gets only newer records, if it's the log's.
            if (segment.lowest_lsn == 0 && segment.ticket.origin == format::SegmentOrigin::log) continue;
            return true;
        }
        const auto file = hints(id);
        if (!file) return true;
        const auto found = (*file)->contains(slot, hash, hash2);
        if (!found || *found) return true;
    }
    return false;
}

bool SegmentSetImpl::may_hold_older(Lsn lsn, std::span<const uint64_t> except) const {
    const std::vector<TableSegment> all = table_.all();
    return std::any_of(all.begin(), all.end(), [&](const TableSegment& segment) {
        return !contains(except, segment.ticket.id) && segment.lowest_lsn != 0 && segment.lowest_lsn < lsn;
    });
}

// ---- the writing side

void SegmentSetImpl::adopt(const SegmentTicket& ticket, std::shared_ptr<File> file) {
    TableSegment segment;
    segment.ticket = ticket;
    segment.file = std::move(file);
    table_.insert(std::move(segment));
}

void SegmentSetImpl::exchange_file(uint64_t id, std::shared_ptr<File> file) {
    table_.update(id, [&](TableSegment& it) { it.file = std::move(file); });
}

void SegmentSetImpl::note_written(uint64_t id, uint64_t bytes, Lsn lowest_lsn, Lsn highest_lsn) {
    table_.update(id, [&](TableSegment& it) {
        it.bytes = bytes;
        it.lowest_lsn = lowest_lsn;
        it.highest_lsn = highest_lsn;
    });
}

std::vector<uint64_t> SegmentSetImpl::unsealed_log_segments() const {
    std::vector<TableSegment> segments = table_.all();
    std::erase_if(segments, [](const TableSegment& segment) {
        return segment.sealed || segment.ticket.origin != format::SegmentOrigin::log;
    });
    std::vector<uint64_t> ids;
    for (const TableSegment& segment : segments) ids.push_back(segment.ticket.id);
    return ids;
}

Result<SegmentScan> SegmentSetImpl::close_segment(const TableSegment& segment) {
    const uint64_t id = segment.ticket.id;
    const auto size = segment.file->size();
    if (!size) return fail(size.error());
    auto scan = scan_segment(*segment.file, directory_id_, hash_seed_, *size, segment.ticket.origin,
                             segment.base_lsn);
    if (!scan) return scan;
    for (const SegmentFlaw& flaw : scan->flaws) log_warning("{}", describe(flaw, segment_path(id)));
    sort_hints(scan->entries);
    const HintSummary summary{id, scan->entries.size(), scan->lowest_lsn, scan->highest_lsn, *size};
    TORC_CRASH_POINT("seal.before_hint");
    if (auto written = write_hint_file(disk_, hint_path(id), summary, directory_id_, scan->entries); !written)
        return fail(written.error());
    if (auto synced = disk_.sync_directory(directory_); !synced) return fail(synced.error());
    TORC_CRASH_POINT("seal.after_hint");
    return scan;
}

Result<void> SegmentSetImpl::seal(uint64_t id) {
    TableSegment segment;
    if (!table_.find(id, segment) || !segment.file)
        return fail(ErrorKind::not_found, fmt::format("{} is missing", segment_path(id)));
    const auto scan = close_segment(segment);
    if (!scan) return fail(scan.error());
    const std::lock_guard guard(change_mutex_);
    if (scan->entries.empty() && scan->flaws.empty()) return discard_locked(id);
    segment.bytes = scan->end;
    segment.lowest_lsn = scan->lowest_lsn;
    segment.highest_lsn = scan->highest_lsn;
    Manifest next = manifest_;
    insert_by_id(next.segments, listing_of(segment));
    next.sealed_lsn = std::max(next.sealed_lsn, scan->highest_lsn);
    apply_swaps(next.databases, next.databases_lsn, scan->entries);
    const auto set_sealed = [&](bool sealed) {
        table_.update(id, [&](TableSegment& it) {
            it.bytes = segment.bytes;
            it.lowest_lsn = segment.lowest_lsn;
            it.highest_lsn = segment.highest_lsn;
            it.sealed = sealed;
        });
    };
    set_sealed(true);  // the manifest's log_tail_id goes by this
    auto stored = store_locked(std::move(next));
    if (!stored) set_sealed(false);
    TORC_CRASH_POINT("seal.after_manifest");
    return stored;
}

Result<SegmentInfo> SegmentSetImpl::finish(uint64_t id) {
    TableSegment segment;
    if (!table_.find(id, segment) || !segment.file)
        return fail(ErrorKind::not_found, fmt::format("{} is missing", segment_path(id)));
    if (auto synced = segment.file->sync(); !synced) return fail(synced.error());
    const auto scan = close_segment(segment);
    if (!scan) return fail(scan.error());
    table_.update(id, [&](TableSegment& it) {
        it.bytes = scan->end;
        it.lowest_lsn = scan->lowest_lsn;
        it.highest_lsn = scan->highest_lsn;
        it.sealed = true;
        segment = it;
    });
    return info_of(segment, table_.live_bytes(segment.ticket));
}

Result<void> SegmentSetImpl::replace(std::span<const uint64_t> sources, std::span<const uint64_t> outputs) {
    const std::lock_guard guard(change_mutex_);
    Manifest next = manifest_;
    std::erase_if(next.segments, [&](const ManifestSegment& listed) { return contains(sources, listed.id); });
    for (const uint64_t id : outputs) {
        TableSegment output;
        TORC_CHECK(table_.find(id, output) && output.sealed);
        insert_by_id(next.segments, listing_of(output));
    }
    if (auto stored = store_locked(std::move(next)); !stored) return stored;
    TORC_CRASH_POINT("replace.before_remove");
    for (const uint64_t id : sources) {
        table_.erase(id);
        remove_files(id);
    }
    TORC_CRASH_POINT("replace.after_remove");
    return {};
}

Result<void> SegmentSetImpl::discard(uint64_t id) {
    const std::lock_guard guard(change_mutex_);
    if (manifest_uncertain_) {  // the file may be listed: first a manifest without it
        if (auto stored = store_locked(manifest_); !stored) return stored;
    }
    return discard_locked(id);
}

Result<void> SegmentSetImpl::discard_locked(uint64_t id) {
    table_.erase(id);
    remove_files(id);
    return disk_.sync_directory(directory_);
}

/// What can't be removed now is removed as a leftover at the next start.
void SegmentSetImpl::remove_files(uint64_t id) {
    for (const std::string& path : {segment_path(id), hint_path(id)}) {
        if (!disk_.exists(path)) continue;
        if (auto removed = disk_.remove(path); !removed) log_warning("{}", removed.error().message);
    }
}

Result<void> SegmentSetImpl::store_locked(Manifest next) {
    next.next_segment_id = table_.next_id();
    next.log_tail_id = table_.log_tail_id();
    for (const ManifestSegment& segment : next.segments)
        next.highest_lsn = std::max(next.highest_lsn, segment.highest_lsn);
    auto stored = store_manifest(disk_, directory_, next);
    manifest_uncertain_ = !stored;
    if (!stored) return stored;
    manifest_ = std::move(next);
    return {};
}

std::shared_ptr<void> SegmentSetImpl::hold() {
    return std::make_shared<std::shared_lock<std::shared_mutex>>(change_mutex_);
}

}  // namespace torc
