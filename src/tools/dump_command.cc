#include <fmt/format.h>

#include <algorithm>

#include "base/coding.h"
#include "engine/directory_files.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"
#include "engine/segment_scanner.h"
#include "tools/command.h"

namespace torc {

namespace {

constexpr size_t kShownBytes = 64;

int failed(const Error& error) {
    fmt::print(stderr, "torc dump: {}\n", error.message);
    return kExitFailed;
}

std::string quoted(std::string_view bytes, bool full) {
    std::string text = "\"";
    for (const char c : full ? bytes : bytes.substr(0, kShownBytes)) {
        if (c == '"' || c == '\\') {
            text += '\\';
            text += c;
        } else if (c >= ' ' && c <= '~') {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    text += '"';
    if (!full && bytes.size() > kShownBytes) text += fmt::format("... {} bytes", bytes.size());
    return text;
}

std::string describe(const RecordView& record, bool full) {
    using format::RecordKind;
    switch (record.kind) {
        case RecordKind::put: {
            std::string text = fmt::format("put db={} type={}", record.db, static_cast<int>(record.type));
            if (record.expire_at_ms != kNoExpiry) text += fmt::format(" expires={}", record.expire_at_ms);
            text += " key=" + quoted(record.key, full);
            return text + (record.value_damaged ? " VALUE DAMAGED" : " value=" + quoted(record.value, full));
        }
        case RecordKind::tombstone:
            return fmt::format("tombstone db={} key={}", record.db, quoted(record.key, full));
        case RecordKind::flush:
            return fmt::format("flush db={}", record.db);
        case RecordKind::swap:
            if (record.value.size() != 2) return "swap DAMAGED";
            return fmt::format("swap {} {}", static_cast<unsigned char>(record.value[0]),
                               static_cast<unsigned char>(record.value[1]));
        case RecordKind::batch:
            return fmt::format("batch records={}", record.batch_count);
        case RecordKind::sync_mark:
            if (record.value.size() != 8) return "sync_mark DAMAGED";
            return fmt::format("sync_mark lsn={}", load_le<uint64_t>(record.value.data()));
        case RecordKind::delta:
            break;
    }
    return fmt::format("kind={}", static_cast<int>(record.kind));
}

Result<bool> dump_segment(const DirectoryFiles& files, const DirectorySegment& segment, bool full) {
    const bool log = segment.origin == format::SegmentOrigin::log;
    fmt::print("# {} {} {} bytes={} base_lsn={}\n", segment.path, segment.listed ? "sealed" : "open",
               log ? "log" : "compacted", segment.bytes, segment.base_lsn);
    if (!segment.problem.empty()) fmt::print("# DAMAGE {}\n", segment.problem);
    if (!segment.there) return false;
    const auto file = posix_disk().open(segment.path, false);
    if (!file) return fail(file.error());
    SegmentScanner scanner(**file, files.manifest.directory_id, kSegmentHeaderBytes, segment.bytes, log,
                           segment.base_lsn);
    bool good = segment.problem.empty();
    for (;;) {
        const auto step = scanner.next();
        if (!step) return fail(step.error());
        if (step->kind == SegmentScanner::Kind::end) return good;
        if (step->kind == SegmentScanner::Kind::gap) {
            fmt::print("{:016x}:{} {} bytes UNREADABLE\n", segment.id, step->offset, step->size);
            good = false;
            continue;
        }
        good = good && !step->record.value_damaged;
        fmt::print("{:016x}:{} lsn={} {}\n", segment.id, step->offset, step->record.lsn,
                   describe(step->record, full));
    }
}

}  // namespace

int run_dump(const std::vector<std::string>& arguments) {
    const auto parsed = parse_arguments(arguments, {"--full"});
    if (!parsed) return failed(parsed.error());
    const auto lock = lock_at_rest(parsed->directory);
    if (!lock) return failed(lock.error());
    const auto files = read_directory(posix_disk(), parsed->directory);
    if (!files) return failed(files.error());
    if (!files->manifest_problem.empty()) fmt::print("# DAMAGE {}\n", files->manifest_problem);
    fmt::print("# directory {:016x}, databases {}\n", files->manifest.directory_id,
               fmt::join(files->manifest.databases, " "));
    bool good = files->manifest_problem.empty();
    for (const auto& segment : files->segments) {
        const auto done = dump_segment(*files, segment, !parsed->options.empty());
        if (!done) return failed(done.error());
        good = good && *done;
    }
    return good ? 0 : kExitDamaged;
}

}  // namespace torc
