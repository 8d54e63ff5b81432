#include "cluster/cluster_file.h"

#include <fmt/format.h>

#include <cstring>

#include "base/coding.h"
#include "base/hash.h"

namespace torc {
namespace {

// magic, version, bytes, checksum over all before it
constexpr char kMagic[8] = {'T', 'O', 'R', 'C', 'C', 'L', 'U', 'S'};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = sizeof kMagic + 4;
constexpr size_t kChecksumBytes = 8;
constexpr uint64_t kChecksumSeed = 0x746f7263636c7573ULL;

std::string path_of(const std::string& directory, std::string_view name) {
    return fmt::format("{}/{}", directory, name);
}

uint64_t checksum(std::string_view bytes, std::string_view name) {
    return hash64(bytes, hash64(name, kChecksumSeed));
}

}  // namespace

Error cluster_file_lost(const std::string& directory, std::string_view name, std::string_view what) {
    const std::string_view copies = name == kNodeFileName
                                        ? "restore it from any copy of this directory, or"
                                        : "don't restore an old copy, which has forgotten votes:";
    return {ErrorKind::corrupt,
            fmt::format("{}: {}; {} move {} and {} out of the directory and start this node with "
                        "--cluster-replace and its old id: it then takes its own place under a new one",
                        path_of(directory, name), what, copies, kNodeFileName, kRingFileName)};
}

Result<std::string> load_cluster_file(Disk& disk, const std::string& directory, std::string_view name) {
    const std::string path = path_of(directory, name);
    auto bytes = read_file(disk, path);
    if (!bytes) return fail(bytes.error());
    if (bytes->size() < kHeadBytes + kChecksumBytes || std::memcmp(bytes->data(), kMagic, sizeof kMagic) != 0)
        return fail(cluster_file_lost(directory, name, "damaged"));
    const std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kChecksumBytes);
    if (load_le<uint64_t>(bytes->data() + body.size()) != checksum(body, name))
        return fail(cluster_file_lost(directory, name, "damaged"));
    const auto version = load_le<uint32_t>(bytes->data() + sizeof kMagic);
    if (version > kVersion)
        return fail(ErrorKind::refused,
                    fmt::format("{}: format version {}, but this program reads up to {}; start the newer "
                                "program that wrote it",
                                path, version, kVersion));
    return std::string(body.substr(kHeadBytes));
}

Result<void> store_cluster_file(Disk& disk, const std::string& directory, std::string_view name,
                                std::string_view bytes) {
    std::string file(kMagic, sizeof kMagic);
    append_le(file, kVersion);
    file += bytes;
    append_le(file, checksum(file, name));
    return replace_file(disk, path_of(directory, name), file);
}

Result<std::string> RingFile::load() {
    auto bytes = load_cluster_file(disk_, directory_, kRingFileName);
    if (!bytes && bytes.error().kind == ErrorKind::not_found)
        return fail(cluster_file_lost(directory_, kRingFileName, "missing"));
    return bytes;
}

Result<void> RingFile::save(std::string_view bytes) {
    return store_cluster_file(disk_, directory_, kRingFileName, bytes);
}

}  // namespace torc
