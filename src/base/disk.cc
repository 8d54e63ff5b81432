#include "base/disk.h"

#include <fmt/format.h>

namespace torc {
namespace {

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> read_file(Disk& disk, const std::string& path) {
    auto file = disk.open(path, false);
    if (!file) return fail(file.error());
    const auto size = (*file)->size();
    if (!size) return fail(size.error());
    std::string bytes(*size, '\0');
    const auto read = (*file)->read_at(0, bytes);
    if (!read) return fail(read.error());
    bytes.resize(*read);
    return bytes;
}

Result<void> replace_file(Disk& disk, const std::string& path, std::string_view bytes) {
    const std::string draft = path + ".tmp";
    if (disk.exists(draft)) {
        if (auto removed = disk.remove(draft); !removed) return removed;
    }
    auto file = disk.create(draft);
    if (!file) return fail(file.error());
    if (auto written = (*file)->write_at(0, {&bytes, 1}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    file->reset();
    if (auto renamed = disk.rename(draft, path); !renamed) return renamed;
    return disk.sync_directory(parent_of(path));
}

}  // namespace torc
