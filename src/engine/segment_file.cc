#include "engine/segment_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/hash.h"

namespace torc {
namespace {

using format::SegmentHeader;

constexpr size_t kIdDigits = 16;
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kHintSuffix = ".hint";

std::optional<uint64_t> id_before(std::string_view name, std::string_view suffix) {
    if (name.size() != kIdDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    for (const char c : name.substr(0, kIdDigits))
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    uint64_t id = 0;
    std::from_chars(name.data(), name.data() + kIdDigits, id, 16);
    return id;
}

uint32_t header_checksum(const SegmentHeader& header) {
    return checksum32({reinterpret_cast<const char*>(&header), offsetof(SegmentHeader, checksum)});
}

}  // namespace

std::string segment_file_name(uint64_t id) {
    return fmt::format("{:016x}{}", id, kSegmentSuffix);
}
std::string hint_file_name(uint64_t id) {
    return fmt::format("{:016x}{}", id, kHintSuffix);
}
std::optional<uint64_t> segment_id_of(std::string_view name) {
    return id_before(name, kSegmentSuffix);
}
std::optional<uint64_t> hint_id_of(std::string_view name) {
    return id_before(name, kHintSuffix);
}

std::string encode_segment_header(uint64_t segment_id, uint64_t directory_id, format::SegmentOrigin origin,
                                  Lsn base_lsn, uint64_t previous_id) {
    SegmentHeader header{};
    std::memcpy(header.magic, format::kSegmentMagic, sizeof header.magic);
    header.version = format::kVersion;
    header.origin = static_cast<uint8_t>(origin);
    header.segment_id = segment_id;
    header.directory_id = directory_id;
    header.base_lsn = base_lsn;
    header.previous_id = previous_id;
    header.checksum = header_checksum(header);
    return {reinterpret_cast<const char*>(&header), sizeof header};
}

Result<SegmentHeader> read_segment_header(const File& file, const std::string& path, uint64_t directory_id) {
    std::array<char, sizeof(SegmentHeader)> bytes{};
    const auto read = file.read_at(0, bytes);
    if (!read) return fail(read.error());
    SegmentHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (*read < sizeof header || std::memcmp(header.magic, format::kSegmentMagic, sizeof header.magic) != 0 ||
        header.checksum != header_checksum(header))
        return fail(ErrorKind::corrupt, fmt::format("{}: the segment's header is damaged", path));
    if (header.version > format::kVersion)
        return fail(ErrorKind::refused,
                    fmt::format("{}: format version {}, but this program reads up to {}; start the newer "
                                "program that wrote it",
                                path, header.version, format::kVersion));
    if (header.directory_id != directory_id)
        return fail(ErrorKind::refused,
                    fmt::format("{}: belongs to another data directory; move it away", path));
    return header;
}

}  // namespace torc
