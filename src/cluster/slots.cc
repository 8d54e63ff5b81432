#include "cluster/slots.h"

#include <array>

#include "base/types.h"

namespace torc {
namespace {

/// tables[0] advances the CRC by one byte; tables[n] by one byte that n others follow ("slicing by eight",
/// Kounavis and Berry 2005): eight independent look-ups instead of a chain of eight.
constexpr size_t kSlices = 8;
constexpr std::array<std::array<uint16_t, 256>, kSlices> make_tables() {
    std::array<std::array<uint16_t, 256>, kSlices> tables{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        uint16_t crc = static_cast<uint16_t>(byte << 8);
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
        tables[0][byte] = crc;
    }
    for (size_t slice = 1; slice < kSlices; ++slice)
        for (unsigned byte = 0; byte < 256; ++byte) {
            const uint16_t crc = tables[slice - 1][byte];
            tables[slice][byte] = static_cast<uint16_t>((crc << 8) ^ tables[0][crc >> 8]);
        }
    return tables;
}

constexpr auto kTables = make_tables();

}  // namespace

uint16_t crc16(std::string_view bytes) {
    uint16_t crc = 0;
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t left = bytes.size();
    for (; left >= kSlices; left -= kSlices, at += kSlices)
        crc = static_cast<uint16_t>(kTables[7][at[0] ^ (crc >> 8)] ^ kTables[6][at[1] ^ (crc & 0xff)] ^
                                    kTables[5][at[2]] ^ kTables[4][at[3]] ^ kTables[3][at[4]] ^
                                    kTables[2][at[5]] ^ kTables[1][at[6]] ^ kTables[0][at[7]]);
    for (; left > 0; --left, ++at) crc = static_cast<uint16_t>((crc << 8) ^ kTables[0][(crc >> 8) ^ *at]);
    return crc;
}

uint16_t key_slot(std::string_view key) {
    const size_t open = key.find('{');
    if (open != std::string_view::npos) {
        const size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close != open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % kSlots;
}

}  // namespace torc
