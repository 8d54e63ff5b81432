#include "engine/directory_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/coding.h"
#include "engine/segment_file.h"

namespace torc {

namespace {

constexpr unsigned kDefaultDatabases = 16;

/// Opens the file and takes from it what the manifest doesn't say.
void look_at(Disk& disk, DirectorySegment& segment, uint64_t directory_id) {
    const auto file = disk.open(segment.path, false);
    if (!file) {
        segment.there = false;
        segment.problem = file.error().message;
        return;
    }
    const auto size = (*file)->size();
    if (!size) {
        segment.there = false;
        segment.problem = size.error().message;
        return;
    }
    if (segment.listed && *size < segment.bytes)
        segment.problem = fmt::format("{}: {} bytes long, should be {}", segment.path, *size, segment.bytes);
    if (!segment.listed || *size < segment.bytes) segment.bytes = *size;
    const auto header = read_segment_header(**file, segment.path, directory_id);
    if (!header) {
        segment.problem = header.error().message;
        segment.foreign = header.error().kind == ErrorKind::refused;
        return;
    }
    segment.base_lsn = header->base_lsn;
    segment.previous_id = header->previous_id;
    if (!segment.listed) segment.origin = static_cast<format::SegmentOrigin>(header->origin);
}

/// Without a manifest, the directory's id is the one that most segments name.
uint64_t vote_directory_id(Disk& disk, const std::string& directory, const std::vector<std::string>& names) {
    std::map<uint64_t, unsigned> votes;
    for (const auto& name : names) {
        if (!segment_id_of(name)) continue;
        const auto file = disk.open(path_in(directory, name), false);
        char bytes[sizeof(format::SegmentHeader)];
        if (!file || (*file)->read_at(0, bytes).value_or(0) != sizeof bytes) continue;
        const auto id = load_le<uint64_t>(bytes + offsetof(format::SegmentHeader, directory_id));
        if (read_segment_header(**file, name, id)) ++votes[id];
    }
    uint64_t winner = 0;
    unsigned most = 0;
    for (const auto& [id, count] : votes)
        if (count > most) std::tie(winner, most) = std::pair(id, count);
    return winner;
}

}  // namespace

Result<DirectoryFiles> read_directory(Disk& disk, const std::string& directory) {
    const auto names = disk.list(directory);
    if (!names) return fail(names.error());
    const bool any_segment =
        std::ranges::any_of(*names, [](const auto& name) { return segment_id_of(name).has_value(); });
    DirectoryFiles files;
    auto manifest = load_manifest(disk, directory);
    if (manifest) {
        files.manifest = std::move(*manifest);
        files.after_power_loss = files.manifest.boot_id != disk.boot_id();
    } else {
        if (manifest.error().kind == ErrorKind::refused) return fail(manifest.error());
        if (!any_segment)
            return fail(ErrorKind::not_found, fmt::format("{}: no data directory of Torc ({})", directory,
                                                          manifest.error().message));
        files.manifest_problem = manifest.error().message;
        files.manifest.directory_id = vote_directory_id(disk, directory, *names);
        for (unsigned db = 0; db < kDefaultDatabases; ++db)
            files.manifest.databases.push_back(static_cast<DbId>(db));
    }

    std::map<uint64_t, DirectorySegment> segments;
    for (const auto& listed : files.manifest.segments) {
        DirectorySegment& segment = segments[listed.id];
        segment.listed = true;
        segment.bytes = listed.bytes;
        segment.origin = listed.origin;
    }
    for (const auto& name : *names) {
        if (const auto id = segment_id_of(name)) segments.try_emplace(*id);
    }
    for (auto& [id, segment] : segments) {
        segment.id = id;
        segment.path = path_in(directory, segment_file_name(id));
        segment.hint_path = path_in(directory, hint_file_name(id));
        look_at(disk, segment, files.manifest.directory_id);
        files.manifest.next_segment_id = std::max(files.manifest.next_segment_id, id + 1);
        const bool open_end = segment.origin == format::SegmentOrigin::log &&
                              id >= files.manifest.log_tail_id &&
                              (segment.base_lsn >= files.manifest.sealed_lsn || !segment.problem.empty());
        if (segment.listed || open_end || !files.manifest_problem.empty())
            files.segments.push_back(segment);
        else
            files.leftovers.push_back(segment.path);
    }
    for (const auto& name : *names) {
        const auto id = hint_id_of(name);
        if (id && std::ranges::none_of(files.segments, [&](const auto& s) { return s.id == *id; }))
            files.leftovers.push_back(path_in(directory, name));
        if (name.ends_with(".tmp")) files.leftovers.push_back(path_in(directory, name));
    }
    return files;
}

}  // namespace torc
