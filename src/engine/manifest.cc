#include "engine/manifest.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/coding.h"
#include "base/crash_point.h"
#include "base/hash.h"

namespace torc {
namespace {

constexpr char kMagic[8] = {'T', 'O', 'R', 'C', 'M', 'A', 'N', '1'};
constexpr size_t kBootIdBytes = 40;
constexpr size_t kSegmentBytes = 40;
constexpr size_t kFixedBytes = 8 + 4 + 4 + 7 * 8 + kBootIdBytes;
constexpr uint64_t kChecksumSeed = 0x746f72636d616e31ULL;

/// Takes fixed-width integers off the front; ok() turns false when the bytes run out.
class Cursor {
  public:
    explicit Cursor(std::string_view bytes) : rest_(bytes) {}
    template <class T>
    T take() {
        const std::string_view bytes = take_bytes(sizeof(T));
        return ok_ ? load_le<T>(bytes.data()) : T{};
    }
    std::string_view take_bytes(size_t n) {
        ok_ = ok_ && rest_.size() >= n;
        if (!ok_) return {};
        const std::string_view bytes = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return bytes;
    }
    bool ok() const { return ok_; }
    size_t left() const { return rest_.size(); }

  private:
    std::string_view rest_;
    bool ok_ = true;
};

std::unexpected<Error> damaged(const std::string& path) {
    return fail(ErrorKind::corrupt,
                fmt::format("{}: the manifest is damaged; run `torc check --repair` on the directory, or "
                            "restore a backup",
                            path));
}

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
    std::string bytes(kMagic, sizeof kMagic);
    append_le<uint32_t>(bytes, format::kVersion);
    append_le<uint32_t>(bytes, 0);
    for (const uint64_t word :
         {manifest.directory_id, manifest.hash_seed, manifest.next_segment_id, manifest.log_tail_id,
          manifest.sealed_lsn, manifest.highest_lsn, manifest.databases_lsn})
        append_le(bytes, word);
    std::string boot = manifest.boot_id;
    boot.resize(kBootIdBytes);
    bytes += boot;
    append_le(bytes, static_cast<uint32_t>(manifest.databases.size()));
    append_le(bytes, static_cast<uint32_t>(manifest.segments.size()));
    for (const DbId db : manifest.databases) append_le(bytes, db);
    for (const ManifestSegment& segment : manifest.segments) {
        for (const uint64_t word : {segment.id, segment.bytes, segment.lowest_lsn, segment.highest_lsn,
                                    static_cast<uint64_t>(segment.origin)})
            append_le(bytes, word);
    }
    append_le(bytes, hash64(bytes, kChecksumSeed));
    return bytes;
}

Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path) {
    if (bytes.size() < kFixedBytes + 16 || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
        return damaged(path);
    const std::string_view body = bytes.substr(0, bytes.size() - 8);
    if (load_le<uint64_t>(bytes.data() + body.size()) != hash64(body, kChecksumSeed)) return damaged(path);
    Cursor cursor(body.substr(sizeof kMagic));
    const auto version = cursor.take<uint32_t>();
    if (version > format::kVersion)
        return fail(ErrorKind::refused,
                    fmt::format("{}: format version {}, but this program reads up to {}; start the newer "
                                "program that wrote it",
                                path, version, format::kVersion));
    cursor.take<uint32_t>();
    Manifest manifest;
    for (uint64_t* word :
         {&manifest.directory_id, &manifest.hash_seed, &manifest.next_segment_id, &manifest.log_tail_id,
          &manifest.sealed_lsn, &manifest.highest_lsn, &manifest.databases_lsn})
        *word = cursor.take<uint64_t>();
    const std::string_view boot = cursor.take_bytes(kBootIdBytes);
    manifest.boot_id = boot.substr(0, boot.find('\0'));
    const auto databases = cursor.take<uint32_t>();
    const auto segments = cursor.take<uint32_t>();
    if (!cursor.ok() || cursor.left() != databases + segments * uint64_t{kSegmentBytes}) return damaged(path);
    for (uint32_t i = 0; i < databases; ++i) manifest.databases.push_back(cursor.take<DbId>());
    for (uint32_t i = 0; i < segments; ++i) {
        ManifestSegment segment;
        segment.id = cursor.take<uint64_t>();
        segment.bytes = cursor.take<uint64_t>();
        segment.lowest_lsn = cursor.take<uint64_t>();
        segment.highest_lsn = cursor.take<uint64_t>();
        segment.origin = static_cast<format::SegmentOrigin>(cursor.take<uint64_t>());
        manifest.segments.push_back(segment);
    }
    return manifest;
}

Result<Manifest> load_manifest(Disk& disk, const std::string& directory) {
    const std::string path = directory + "/" + std::string(kManifestName);
    const auto bytes = read_file(disk, path);
    if (!bytes) return fail(bytes.error());
    return decode_manifest(*bytes, path);
}

Result<void> store_manifest(Disk& disk, const std::string& directory, const Manifest& manifest) {
    TORC_CRASH_POINT("manifest.before_replace");
    auto replaced =
        replace_file(disk, directory + "/" + std::string(kManifestName), encode_manifest(manifest));
    TORC_CRASH_POINT("manifest.after_replace");
    return replaced;
}

}  // namespace torc
