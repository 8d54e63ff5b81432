#include "base/crc64.h"

#include <array>

#include "base/coding.h"

namespace torc {
namespace {

// ad93d23594c935a9 with its bits in reverse order.
constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5ULL;

// tables[n][b]: what byte b does to the remainder when n more bytes follow it, so that eight bytes take eight
// independent look-ups ("slicing by 8").
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReflectedPolynomial : 0);
        tables[0][byte] = crc;
    }
    for (size_t n = 1; n < tables.size(); ++n)
        for (unsigned byte = 0; byte < 256; ++byte) {
            const uint64_t before = tables[n - 1][byte];
            tables[n][byte] = tables[0][before & 0xff] ^ (before >> 8);
        }
    return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint64_t crc64(std::string_view bytes, uint64_t crc) {
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        crc ^= load_le<uint64_t>(at);
        uint64_t next = 0;
        for (unsigned i = 0; i < 8; ++i) next ^= kTables[7 - i][(crc >> (8 * i)) & 0xff];
        crc = next;
    }
    for (; left != 0; ++at, --left)
        crc = kTables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff] ^ (crc >> 8);
    return crc;
}

}  // namespace torc
