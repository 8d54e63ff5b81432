#include "engine/directory_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

#include "base/crash_point.h"
#include "base/hash.h"
#include "engine/hint_file.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"

namespace torc {

namespace {

using format::HintEntry;
using format::RecordKind;

constexpr size_t kWriteBytes = 1 << 20;
constexpr size_t kShownKeyBytes = 64;

/// Writes one replacement segment.
class ReplacementWriter {
  public:
    ReplacementWriter(Disk& disk, const std::string& directory, const Manifest& manifest, uint64_t id)
        : disk_(disk),
          path_(path_in(directory, segment_file_name(id))),
          directory_id_(manifest.directory_id) {
        summary_.id = id;
        summary_.origin = format::SegmentOrigin::compaction;
        buffer_ = encode_segment_header(id, directory_id_, summary_.origin, 0);
    }

    Result<void> append(std::string_view record, Lsn lsn) {
        buffer_.append(record);
        ++records_;
        summary_.lowest_lsn = summary_.lowest_lsn == 0 ? lsn : std::min(summary_.lowest_lsn, lsn);
        summary_.highest_lsn = std::max(summary_.highest_lsn, lsn);
        return buffer_.size() < kWriteBytes ? Result<void>{} : flush();
    }

    Result<void> append_tombstone(DbId db, SlotId slot, std::string_view key, Lsn lsn) {
        std::string record;
        encode_record(record, {.kind = RecordKind::tombstone, .db = db, .slot = slot, .key = key});
        stamp_record(record.data(), record_pre_hash(record.data()), directory_id_, lsn);
        return append(record, lsn);
    }

    /// Nothing when there was no record to keep.
    Result<std::vector<ManifestSegment>> finish() {
        if (records_ == 0) return std::vector<ManifestSegment>{};
        if (auto flushed = flush(); !flushed) return fail(flushed.error());
        if (auto synced = file_->sync(); !synced) return fail(synced.error());
        return std::vector{summary_};
    }

  private:
    Result<void> flush() {
        if (!file_) {
            if (disk_.exists(path_)) {
                if (auto removed = disk_.remove(path_); !removed) return removed;  // of a repair that died
            }
            auto file = disk_.create(path_);
            if (!file) return fail(file.error());
            file_ = std::move(*file);
        }
        const std::string_view piece = buffer_;
        if (auto written = file_->write_at(summary_.bytes, {&piece, 1}); !written) return written;
        summary_.bytes += buffer_.size();
        buffer_.clear();
        return {};
    }

    Disk& disk_;
    std::string path_;
    uint64_t directory_id_;
    std::unique_ptr<File> file_;
    std::string buffer_;
    ManifestSegment summary_;
    uint64_t records_ = 0;
};

std::string shown(std::string_view key) {
    std::string text;
    for (const char c : key.substr(0, kShownKeyBytes)) {
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
            text += c;
        else
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return key.size() > kShownKeyBytes ? text + "..." : text;
}

class Repair {
  public:
    Repair(Disk& disk, const std::string& directory, const DirectoryFiles& files, const CheckReport& check)
        : disk_(disk), directory_(directory), files_(files), check_(check), manifest_(files.manifest) {}

    Result<RepairReport> run(uint64_t random) {
        for (const auto& segment : files_.segments) {
            if (segment.foreign)
                return fail(ErrorKind::refused,
                            segment.problem + "; move that file out of the directory first");
        }
        auto open_end = settle_open_end(disk_, files_);
        if (!open_end) return fail(open_end.error());
        open_end_ = std::move(*open_end);
        if (!files_.manifest_problem.empty()) {
            manifest_.hash_seed = hash64("hash seed", random);
            if (manifest_.directory_id == 0) manifest_.directory_id = hash64("directory", random);
            if (auto listed = list_all(); !listed) return fail(listed.error());
        }
        for (const uint64_t id : check_.damaged_segments) {
            if (auto done = rewrite(segment(id)); !done) return fail(done.error());
        }
        if (auto done = bury_unreadable(); !done) return fail(done.error());
        TORC_CRASH_POINT("repair.after_rewrite");
        if (auto done = exchange(); !done) return fail(done.error());
        return std::move(report_);
    }

  private:
    const DirectorySegment& segment(uint64_t id) const {
        return *std::ranges::find_if(files_.segments, [&](const auto& s) { return s.id == id; });
    }

    bool damaged(uint64_t id) const {
        return std::ranges::find(check_.damaged_segments, id) != check_.damaged_segments.end();
    }

    /// The manifest is lost: every readable segment is part of the directory.
    Result<void> list_all() {
        manifest_.segments.clear();
        for (const auto& segment : files_.segments) {
            CheckReport ignored;
            auto checked = check_segment(disk_, files_, open_end_, segment, ignored);
            if (!checked) return fail(checked.error());
            manifest_.highest_lsn = std::max(manifest_.highest_lsn, checked->scan.highest_lsn);
            if (damaged(segment.id) || checked->scan.highest_lsn == 0) continue;
            manifest_.segments.push_back({segment.id, checked->scan.end, checked->scan.lowest_lsn,
                                          checked->scan.highest_lsn, segment.origin});
        }
        manifest_.sealed_lsn = manifest_.highest_lsn;
        manifest_.log_tail_id = manifest_.next_segment_id;
        return {};
    }

    Result<void> rewrite(const DirectorySegment& segment) {
        aside_.push_back(segment.path);
        if (disk_.exists(segment.hint_path)) aside_.push_back(segment.hint_path);
        std::erase_if(manifest_.segments, [&](const auto& listed) { return listed.id == segment.id; });
        if (!segment.there) {
            aside_.erase(std::ranges::find(aside_, segment.path));
            report_.lines.push_back(segment.path + ": is gone, with all its records");
            return {};
        }
        CheckReport ignored;
        auto checked = check_segment(disk_, files_, open_end_, segment, ignored);
        if (!checked) return fail(checked.error());
        const auto file = disk_.open(segment.path, false);
        if (!file) return fail(file.error());
        ReplacementWriter writer(disk_, directory_, manifest_, manifest_.next_segment_id++);
        std::string bytes;
        for (const HintEntry& entry : checked->scan.entries) {
            bytes.resize(uint64_t{entry.size} * format::kAlignment);
            const auto read = (*file)->read_at(uint64_t{entry.offset} * format::kAlignment, bytes);
            if (!read) return fail(read.error());
            bytes.resize(*read);
            const auto record = parse_record(bytes, files_.manifest.directory_id);
            if (!record) return fail(ErrorKind::io, segment.path + ": reads differ from each other");
            Result<void> written;
            if (record->value_damaged && has_key(record->kind)) {
                written = writer.append_tombstone(record->db, record->slot, record->key, record->lsn);
                note_lost(record->db, record->key, record->lsn);
            } else if (!record->value_damaged) {
                written = writer.append(bytes, record->lsn);
                ++report_.kept_records;
            }
            if (!written) return written;
        }
        for (const HintEntry& lost : checked->lost) {
            if (!has_key(static_cast<RecordKind>(lost.kind))) continue;
            HintEntry& newest = unreadable_[{lost.slot, lost.hash, lost.hash2, lost.db}];
            if (newest.lsn < lost.lsn) newest = lost;
        }
        return list(writer, segment.path);
    }

    static bool has_key(RecordKind kind) { return kind == RecordKind::put || kind == RecordKind::tombstone; }

    void note_lost(DbId db, std::string_view key, Lsn lsn) {
        ++report_.lost_records;
        report_.lines.push_back(
            fmt::format("lost: key \"{}\" of database {} as of LSN {}", shown(key), db, lsn));
    }

    Result<void> list(ReplacementWriter& writer, const std::string& what) {
        auto listed = writer.finish();
        if (!listed) return fail(listed.error());
        for (const auto& one : *listed) {
            manifest_.segments.push_back(one);
            manifest_.highest_lsn = std::max(manifest_.highest_lsn, one.highest_lsn);
            report_.lines.push_back(fmt::format("{}: what is good of it is now in {}", what,
                                                path_in(directory_, segment_file_name(one.id))));
        }
        return {};
    }

    /// Tombstones for keys of which only the hash is left, where an older record could reappear.
    Result<void> bury_unreadable() {
        if (unreadable_.empty()) return {};
        const size_t lost = unreadable_.size();
        ReplacementWriter writer(disk_, directory_, manifest_, manifest_.next_segment_id++);
        for (const auto& segment : files_.segments) {
            if (!segment.there || unreadable_.empty()) continue;
            CheckReport ignored;
            auto checked = check_segment(disk_, files_, open_end_, segment, ignored);
            if (!checked) return fail(checked.error());
            const auto file = disk_.open(segment.path, false);
            if (!file) return fail(file.error());
            for (const HintEntry& entry : checked->scan.entries) {
                const auto it = unreadable_.find({entry.slot, entry.hash, entry.hash2, entry.db});
                if (it == unreadable_.end()) continue;
                std::string bytes(uint64_t{entry.size} * format::kAlignment, '\0');
                const auto read = (*file)->read_at(uint64_t{entry.offset} * format::kAlignment, bytes);
                if (!read) return fail(read.error());
                const auto record = parse_record(bytes, files_.manifest.directory_id);
                if (!record) return fail(ErrorKind::io, segment.path + ": reads differ from each other");
                const Lsn lsn = it->second.lsn;
                if (auto done = writer.append_tombstone(record->db, record->slot, record->key, lsn); !done)
                    return done;
                note_lost(record->db, record->key, lsn);
                unreadable_.erase(it);
            }
        }
        if (!unreadable_.empty()) {
            report_.lost_records += unreadable_.size();
            report_.lines.push_back(fmt::format(
                "lost: {} of {} unreadable records whose keys are unknown; nothing older exists of them",
                unreadable_.size(), lost));
        }
        return list(writer, "keys that only the hint files still knew");
    }

    Result<void> exchange() {
        for (const uint64_t id : check_.damaged_hints) {
            if (!damaged(id)) aside_.push_back(segment(id).hint_path);
        }
        if (!files_.manifest_problem.empty()) {
            const std::string manifest = path_in(directory_, kManifestName);
            if (disk_.exists(manifest)) aside_.push_back(manifest);
            // Their hashes were made with a seed that is lost.
            for (const auto& segment : files_.segments) {
                if (!damaged(segment.id) && disk_.exists(segment.hint_path))
                    aside_.push_back(segment.hint_path);
            }
        } else if (aside_.empty() && check_.damaged_segments.empty()) {
            return {};
        }
        if (auto kept = keep_originals(); !kept) return kept;
        if (auto synced = disk_.sync_directory(directory_); !synced) return synced;
        std::ranges::sort(manifest_.segments, {}, &ManifestSegment::id);
        if (auto stored = store_manifest(disk_, directory_, manifest_); !stored) return stored;
        TORC_CRASH_POINT("repair.after_manifest");
        for (const auto& path : aside_) {
            if (path.ends_with(kManifestName)) continue;  // replaced just now
            if (auto removed = disk_.remove(path); !removed) return removed;
        }
        return disk_.sync_directory(directory_);
    }

    Result<void> keep_originals() {
        unsigned n = 1;
        while (disk_.exists(fmt::format("{}/damaged-{}", directory_, n))) ++n;
        report_.set_aside = fmt::format("{}/damaged-{}", directory_, n);
        if (auto made = disk_.make_directory(report_.set_aside); !made) return made;
        for (const auto& path : aside_) {
            const std::string name = path.substr(path.rfind('/') + 1);
            if (auto linked = disk_.hard_link(path, path_in(report_.set_aside, name)); !linked) return linked;
        }
        return disk_.sync_directory(report_.set_aside);
    }

    Disk& disk_;
    const std::string& directory_;
    const DirectoryFiles& files_;
    const CheckReport& check_;
    std::vector<TailSegment> open_end_;
    Manifest manifest_;
    RepairReport report_;
    std::vector<std::string> aside_;
    /// Newest unreadable record of each key, by slot, both hashes and database.
    std::map<std::tuple<SlotId, uint64_t, uint64_t, DbId>, HintEntry> unreadable_;
};

}  // namespace

Result<RepairReport> repair_directory(Disk& disk, const std::string& directory, const DirectoryFiles& files,
                                      const CheckReport& check, uint64_t random) {
    return Repair(disk, directory, files, check).run(random);
}

}  // namespace torc
