// CRC-64 with Jones' polynomial (reflected, initial value 0), as Redis puts it at the end of DUMP payloads.
// The check value, of "123456789", is e9c6d914c4b8d9ca.
#pragma once

#include <cstdint>
#include <string_view>

namespace torc {

/// `crc`: of what came before, to go on in pieces.
uint64_t crc64(std::string_view bytes, uint64_t crc = 0);

}  // namespace torc
