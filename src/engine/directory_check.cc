#include "engine/directory_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/hint_file.h"
#include "engine/segment_file.h"

namespace torc {

namespace {

using format::HintEntry;

constexpr size_t kHintBuffer = 1 << 20;

uint64_t offset_of(const HintEntry& entry) {
    return uint64_t{entry.offset} * format::kAlignment;
}

void add(CheckReport& report, bool damage, std::string text) {
    report.damages += damage ? 1 : 0;
    report.findings.push_back({damage, std::move(text)});
}

/// Without a manifest nobody knows which segments were sealed: only a file that simply stops is taken for the
/// log's end.
void cut_by_guess(SegmentScan& scan) {
    const auto torn = std::ranges::find_if(scan.flaws, [](const SegmentFlaw& flaw) {
        return flaw.at_end && flaw.kind == SegmentFlaw::Kind::cut;
    });
    if (torn != scan.flaws.end()) cut_scan(scan, torn->frame_offset);
}

/// " LSNs a to b are missing": from the hint file if there's a good one, else from the neighbours.
std::string missing_range(const SegmentCheck& check, const DirectorySegment& segment,
                          const SegmentFlaw& flaw) {
    Lsn low = 0;
    Lsn high = 0;
    uint64_t count = 0;
    for (const auto& entry : check.lost) {
        if (offset_of(entry) < flaw.offset || offset_of(entry) >= flaw.offset + flaw.size) continue;
        low = count == 0 ? entry.lsn : std::min<Lsn>(low, entry.lsn);
        high = std::max<Lsn>(high, entry.lsn);
        ++count;
    }
    if (count != 0) return fmt::format("{} records with LSNs {} to {} are missing", count, low, high);
    if (check.hints_there && !check.hints_damaged) return "no record of a key is missing";
    if (segment.origin == format::SegmentOrigin::compaction)
        return "which records stood there is unknown (a compacted segment without hints)";
    const auto next = std::ranges::find_if(
        check.scan.entries, [&](const HintEntry& entry) { return offset_of(entry) > flaw.offset; });
    if (next == check.scan.entries.end()) return fmt::format("LSNs above {} may be missing", flaw.lsn_before);
    return fmt::format("LSNs above {} and below {} may be missing", flaw.lsn_before, uint64_t{next->lsn});
}

/// Walks the sorted entries of scan and hint file side by side.
Result<void> compare_hints(Disk& disk, const DirectoryFiles& files, const DirectorySegment& segment,
                           SegmentCheck& check, CheckReport& report) {
    if (!disk.exists(segment.hint_path)) {
        add(report, false, segment.hint_path + ": missing; the next start makes it again");
        return {};
    }
    check.hints_there = true;
    const auto damaged = [&](const std::string& text) {
        check.hints_damaged = true;
        check.lost.clear();
        add(report, true, text + "; the segment itself has all it says");
    };
    const auto hints = HintFile::open(disk, segment.hint_path, segment.id, files.manifest.directory_id);
    if (!hints) {
        damaged(hints.error().message);
        return {};
    }
    std::vector<HintEntry> found = check.scan.entries;
    sort_hints(found);
    HintReader reader(**hints, kHintBuffer);
    size_t i = 0;
    uint64_t unlisted = 0;
    for (;;) {
        const auto block = reader.next();
        if (!block) {
            damaged(block.error().message);
            return {};
        }
        if (block->empty()) break;
        for (const HintEntry& listed : *block) {
            for (; i < found.size() && hint_less(found[i], listed); ++i) ++unlisted;
            if (i < found.size() && !hint_less(listed, found[i])) {
                if (found[i].offset != listed.offset || found[i].size != listed.size ||
                    found[i].kind != listed.kind) {
                    damaged(fmt::format("{}: says that LSN {} is at offset {}, it is at {}",
                                        segment.hint_path, uint64_t{listed.lsn}, offset_of(listed),
                                        offset_of(found[i])));
                    return {};
                }
                ++i;
            } else {
                check.lost.push_back(listed);
            }
        }
    }
    unlisted += found.size() - i;
    if (unlisted != 0)
        damaged(fmt::format("{}: {} records of the segment aren't listed", segment.hint_path, unlisted));
    return {};
}

}  // namespace

Result<std::vector<TailSegment>> settle_open_end(Disk& disk, const DirectoryFiles& files) {
    std::vector<TailSegment> tail;
    if (!files.manifest_problem.empty()) return tail;
    Lsn lsn_before = files.manifest.sealed_lsn;
    for (const auto& segment : files.segments) {
        if (segment.listed || !segment.there || segment.foreign || segment.bytes < kSegmentHeaderBytes)
            continue;
        const auto file = disk.open(segment.path, false);
        if (!file) return fail(file.error());
        const bool header_good = segment.problem.empty();
        TailSegment one;
        one.id = segment.id;
        one.path = segment.path;
        one.base_lsn = header_good ? segment.base_lsn : lsn_before;
        one.previous_id = segment.previous_id;
        auto scan = scan_segment(**file, files.manifest.directory_id, files.manifest.hash_seed, segment.bytes,
                                 segment.origin, one.base_lsn);
        if (!scan) return fail(scan.error());
        one.scan = std::move(*scan);
        if (!header_good)
            one.scan.flaws.insert(one.scan.flaws.begin(),
                                  {SegmentFlaw::Kind::gap, 0, kSegmentHeaderBytes, 0, lsn_before,
                                   one.scan.records == 0 && one.scan.flaws.empty()});
        lsn_before = std::max({lsn_before, one.base_lsn, one.scan.highest_lsn});
        tail.push_back(std::move(one));
    }
    RecoveryReport ignored;  // the findings are made from what it set in the segments
    settle_tail(tail, !files.after_power_loss, files.manifest.sealed_lsn, ignored);
    return tail;
}

Result<SegmentCheck> check_segment(Disk& disk, const DirectoryFiles& files,
                                   const std::vector<TailSegment>& open_end, const DirectorySegment& segment,
                                   CheckReport& report) {
    SegmentCheck check;
    // A file that ends inside its header was only just being made.
    const bool unborn = !segment.listed && segment.there && segment.bytes < kSegmentHeaderBytes;
    const auto tail = std::ranges::find_if(open_end, [&](const auto& one) { return one.id == segment.id; });
    if (!segment.problem.empty() && tail == open_end.end()) {  // there, a bad header is one of its flaws
        check.segment_damaged = !unborn;
        add(report, !unborn, segment.problem);
    }
    if (unborn || !segment.there || segment.foreign) return check;

    if (tail != open_end.end()) {
        check.scan = tail->scan;
        if (tail->gap_before)
            add(report, true,
                fmt::format("{}: the log's records up to LSN {} before it are missing", segment.path,
                            tail->base_lsn));
        if (tail->cut_at)
            add(report, false,
                fmt::format("{}: an unfinished write at offset {}; the next start cuts it off", segment.path,
                            *tail->cut_at));
        if (tail->dropped) {
            add(report, false, segment.path + ": follows what a power loss took; the next start drops it");
            check.scan = {};
        }
    } else {
        const auto file = disk.open(segment.path, false);
        if (!file) return fail(file.error());
        auto scan = scan_segment(**file, files.manifest.directory_id, files.manifest.hash_seed, segment.bytes,
                                 segment.origin, segment.base_lsn);
        if (!scan) return fail(scan.error());
        check.scan = std::move(*scan);
        if (!files.manifest_problem.empty()) cut_by_guess(check.scan);
    }
    // An open segment has no hints yet; what lies there is half of what sealing it was writing.
    if (segment.listed) {
        if (auto compared = compare_hints(disk, files, segment, check, report); !compared)
            return fail(compared.error());
    }
    for (const SegmentFlaw& flaw : check.scan.flaws) {
        check.segment_damaged = true;
        const std::string where = describe(flaw, segment.path);
        add(report, true,
            flaw.kind == SegmentFlaw::Kind::damaged
                ? where
                : fmt::format("{}; {}", where, missing_range(check, segment, flaw)));
    }
    report.records += check.scan.records;
    report.bytes += check.scan.end;
    return check;
}

Result<CheckReport> check_directory(Disk& disk, const DirectoryFiles& files, const Progress& progress) {
    CheckReport report;
    if (!files.manifest_problem.empty()) {
        report.manifest_damaged = true;
        add(report, true, files.manifest_problem);
    }
    for (const auto& leftover : files.leftovers)
        add(report, false, leftover + ": a leftover; the next start removes it");
    uint64_t total = 0;
    for (const auto& segment : files.segments) total += segment.bytes;
    uint64_t done = 0;
    const auto open_end = settle_open_end(disk, files);
    if (!open_end) return fail(open_end.error());
    for (const auto& segment : files.segments) {
        auto check = check_segment(disk, files, *open_end, segment, report);
        if (!check) return fail(check.error());
        if (check->segment_damaged) report.damaged_segments.push_back(segment.id);
        if (check->hints_damaged) report.damaged_hints.push_back(segment.id);
        ++report.segments;
        done += segment.bytes;
        if (progress) progress(total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total));
    }
    return report;
}

}  // namespace torc
