// Names and headers of segment files: the one place that knows how a segment is called and what its first 64
// bytes say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"
#include "base/types.h"
#include "engine/format.h"

namespace torc {

inline constexpr uint64_t kSegmentHeaderBytes = sizeof(format::SegmentHeader);

std::string segment_file_name(uint64_t id);  // 16 hex digits + ".seg"
std::string hint_file_name(uint64_t id);     // 16 hex digits + ".hint"
/// The id, when `name` is a segment's or a hint's file name.
std::optional<uint64_t> segment_id_of(std::string_view name);
std::optional<uint64_t> hint_id_of(std::string_view name);
inline std::string path_in(const std::string& directory, std::string_view name) {
    return directory + "/" + std::string(name);
}

/// The 64 bytes that open a segment.
std::string encode_segment_header(uint64_t segment_id, uint64_t directory_id, format::SegmentOrigin origin,
                                  Lsn base_lsn, uint64_t previous_id = 0);

/// Reads and checks a segment's header. corrupt: it isn't whole, or damaged; refused: of a newer version or
/// of another directory, with the remedy in the message.
Result<format::SegmentHeader> read_segment_header(const File& file, const std::string& path,
                                                  uint64_t directory_id);

}  // namespace torc
