// The LZF format (Marc Lehmann's liblzf): a sequence of literal runs and back references, byte by byte.
//
//   000LLLLL  L+1 literal bytes follow                                 1 .. 32
//   LLLooooo oooooooo            copy L+2 bytes from offset o+1 back    L 1 .. 6: 3 .. 8 bytes
//   111ooooo LLLLLLLL oooooooo   copy L+9 bytes from offset o+1 back    9 .. 264 bytes
//
// Offsets have 13 bits, so a reference reaches back at most 8192 bytes. There's no header and no end mark:
// who stores the bytes stores both lengths.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace torc {

/// The compressed form when it is at most `limit` bytes long (near the limit it gives up a few bytes early).
/// Chooses matches as redis-server's copy of liblzf does, so that DUMP gives the same bytes.
std::optional<std::string> lzf_compress(std::string_view bytes, size_t limit);

/// Null when the bytes are malformed or don't make exactly `size`. Takes no more memory than they can make.
std::optional<std::string> lzf_decompress(std::string_view compressed, size_t size);

}  // namespace torc
