#include "engine/backup.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>

#include "base/crash_point.h"
#include "engine/manifest.h"
#include "engine/segment_file.h"
#include "engine/segment_set_writer.h"

namespace torc {

namespace {

constexpr int kWriteAttempts = 10'000;  // a millisecond each
constexpr int kSealAttempts = 3;

/// Everything up to `end` is written and synced on return; other threads may be writing at the same time.
Result<void> sync_up_to(Log& log, Lsn end) {
    for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
        if (auto synced = log.sync(); !synced) return synced;
        if (log.synced_lsn() >= end && log.state() == Log::State::ok) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return fail(ErrorKind::refused, "backup: the log could not be written: " + log.state_message());
}

uint64_t unsealed_up_to(const SegmentSetWriter& segments, Lsn end) {
    const auto all = segments.list();
    return static_cast<uint64_t>(std::ranges::count_if(all, [&](const SegmentInfo& info) {
        return !info.sealed && info.lowest_lsn != 0 && info.lowest_lsn <= end;
    }));
}

/// Closes the active segment and seals everything up to `end`.
Result<void> seal_all(const SegmentSetWriter& segments, Log& log, Lsn end) {
    if (auto rolled = log.roll(); !rolled) return rolled;
    if (auto synced = sync_up_to(log, end); !synced) return synced;
    uint64_t left = unsealed_up_to(segments, end);
    for (int attempt = 0; left != 0; ++attempt) {
        if (attempt == kSealAttempts)
            return fail(ErrorKind::refused,
                        "backup: a segment of the log can't be sealed: " + log.state_message());
        log.background_step();
        const uint64_t now = unsealed_up_to(segments, end);
        if (now < left) attempt = -1;
        left = now;
    }
    return {};
}

Result<void> remove_draft(Disk& disk, const std::string& draft) {
    if (!disk.exists(draft)) return {};
    const auto names = disk.list(draft);
    if (!names) return fail(names.error());
    for (const auto& name : *names) {
        if (auto removed = disk.remove(path_in(draft, name)); !removed) return removed;
    }
    return disk.remove(draft);
}

/// Drafts of backups that died hold on to the space of segments that were compacted since.
Result<void> remove_all_drafts(Disk& disk, const std::string& parent) {
    const auto names = disk.list(parent);
    if (!names) return fail(names.error());
    for (const auto& name : *names) {
        if (!name.ends_with(".tmp")) continue;
        if (auto removed = remove_draft(disk, path_in(parent, name)); !removed) return removed;
    }
    return {};
}

Result<BackupReport> link_all(SegmentSetWriter& segments, const std::string& draft) {
    Disk& disk = segments.disk();
    if (auto made = disk.make_directory(draft); !made) return fail(made.error());
    TORC_CRASH_POINT("backup.before_links");
    auto manifest = load_manifest(disk, segments.directory());
    if (!manifest) return fail(manifest.error());
    BackupReport report;
    report.lsn = manifest->highest_lsn;
    for (const auto& segment : manifest->segments) {
        const std::string from = segments.segment_path(segment.id);
        if (auto linked = disk.hard_link(from, path_in(draft, segment_file_name(segment.id))); !linked)
            return fail(linked.error());
        // A missing hint file is made again from its segment by whoever opens the backup.
        const std::string hints = segments.hint_path(segment.id);
        if (disk.exists(hints)) {
            if (auto linked = disk.hard_link(hints, path_in(draft, hint_file_name(segment.id))); !linked)
                return fail(linked.error());
        }
        ++report.segments;
        report.bytes += segment.bytes;
    }
    TORC_CRASH_POINT("backup.after_links");
    // Syncs the directory as well, and with it the links.
    if (auto stored = store_manifest(disk, draft, *manifest); !stored) return fail(stored.error());
    return report;
}

}  // namespace

std::string backup_path(Disk& disk, const std::string& data_directory, int64_t wall_ms) {
    const std::time_t seconds = wall_ms / 1000;
    const std::string base = fmt::format("{}/backups/{:%Y%m%d-%H%M%S}", data_directory, fmt::gmtime(seconds));
    std::string path = base;
    for (unsigned n = 2; disk.exists(path); ++n) path = fmt::format("{}-{}", base, n);
    return path;
}

Result<BackupReport> make_backup(SegmentSet& set, Log& log, const std::string& target) {
    auto& segments = SegmentSetWriter::of(set);
    Disk& disk = segments.disk();
    if (disk.exists(target)) return fail(ErrorKind::exists, target + ": there already");
    const size_t slash = target.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : target.substr(0, slash);
    const std::string draft = target + ".tmp";

    if (auto sealed = seal_all(segments, log, log.last_lsn()); !sealed) return fail(sealed.error());
    if (auto made = disk.make_directory(parent); !made) return fail(made.error());
    if (auto removed = remove_all_drafts(disk, parent); !removed) return fail(removed.error());
    const auto report = [&]() -> Result<BackupReport> {
        const auto held = segments.hold();
        return link_all(segments, draft);
    }();
    if (!report) {
        (void)remove_draft(disk, draft);  // the next backup of that name tries again
        return fail(report.error());
    }
    TORC_CRASH_POINT("backup.before_rename");
    if (auto renamed = disk.rename(draft, target); !renamed) {
        (void)remove_draft(disk, draft);
        return fail(renamed.error());
    }
    if (auto synced = disk.sync_directory(parent); !synced) return fail(synced.error());
    TORC_CRASH_POINT("backup.after_rename");
    BackupReport done = *report;
    done.path = target;
    return done;
}

}  // namespace torc
