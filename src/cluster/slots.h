// Key to slot: CRC16 (XMODEM) of the key, or of what stands between the first '{' and the next '}' when that
// is not empty, modulo 16384, as Redis Cluster has it. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace torc {

uint16_t crc16(std::string_view bytes);

/// 0 .. 16383.
uint16_t key_slot(std::string_view key);

}  // namespace torc
