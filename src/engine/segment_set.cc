// Opening a data directory: its lock, its manifest, and what in it is a leftover. The rest of the set is in
// segment_set_impl.h and segment_set_impl.cc.

#include "engine/segment_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/rng.h"
#include "engine/database_map.h"
#include "engine/segment_file.h"
#include "engine/segment_set_impl.h"

namespace torc {
namespace {

/// The manifest of the directory; a new one when the directory is empty.
Result<Manifest> load_or_create_manifest(Disk& disk, const std::string& directory,
                                         const std::vector<std::string>& names, uint64_t random_seed,
                                         unsigned databases) {
    auto manifest = load_manifest(disk, directory);
    if (manifest) {
        widen_database_map(manifest->databases, databases);
        return manifest;
    }
    if (manifest.error().kind != ErrorKind::not_found) return fail(manifest.error());
    if (std::any_of(names.begin(), names.end(),
                    [](const auto& name) { return segment_id_of(name).has_value(); }))
        return fail(ErrorKind::corrupt,
                    fmt::format("{}: there are segments but no {}; put it back, restore a backup, or run "
                                "`torc check --repair`",
                                directory, kManifestName));
    Rng random(random_seed);
    Manifest fresh;
    fresh.directory_id = random.next();
    fresh.hash_seed = random.next();
    fresh.boot_id = disk.boot_id();
    widen_database_map(fresh.databases, databases);
    if (auto stored = store_manifest(disk, directory, fresh); !stored) return fail(stored.error());
    return fresh;
}

}  // namespace

Result<std::unique_ptr<SegmentSet>> SegmentSet::open(Disk& disk, const std::string& directory,
                                                     uint64_t random_seed, unsigned databases) {
    if (auto made = disk.make_directory(directory); !made) return fail(made.error());
    auto lock = disk.lock_directory(directory);
    if (!lock) return fail(lock.error());
    auto names = disk.list(directory);
    if (!names) return fail(names.error());
    auto manifest = load_or_create_manifest(disk, directory, *names, random_seed, databases);
    if (!manifest) return fail(manifest.error());
    names = disk.list(directory);
    if (!names) return fail(names.error());
    auto set = std::make_unique<SegmentSetImpl>(disk, directory, std::move(*lock), std::move(*manifest));
    if (auto loaded = set->load(*names); !loaded) return fail(loaded.error());
    return set;
}

}  // namespace torc
