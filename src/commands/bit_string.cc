#include "commands/bit_string.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace torc::bits {
namespace {

uint8_t byte_at(std::string_view bytes, uint64_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

// The bits of one byte from `from` to `to`, counted from the highest.
uint8_t byte_mask(unsigned from, unsigned to) {
    return static_cast<uint8_t>((0xffU >> from) & (0xffU << (7 - to)));
}

uint64_t count_bytes(std::string_view bytes) {
    uint64_t sum = 0;
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        uint64_t word;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        sum += static_cast<uint64_t>(std::popcount(word));
    }
    for (; at < bytes.size(); ++at) sum += static_cast<uint64_t>(std::popcount(byte_at(bytes, at)));
    return sum;
}

// The first byte from `from` to before `to` that isn't `filler`; `to` when there's none.
uint64_t skip_bytes(std::string_view bytes, uint8_t filler, uint64_t from, uint64_t to) {
    uint64_t pattern;
    std::memset(&pattern, filler, sizeof pattern);
    for (; from + 8 <= to; from += 8) {
        uint64_t word;
        std::memcpy(&word, bytes.data() + from, sizeof word);
        if (word != pattern) break;
    }
    while (from < to && byte_at(bytes, from) == filler) ++from;
    return from;
}

// A field of up to 64 bits touches up to 9 bytes, so it's shifted in 128.
struct Field {
    uint64_t first, last;  // bytes
    unsigned shift;        // bits behind the field in its last byte

    Field(uint64_t offset, unsigned width)
        : first(offset / 8), last((offset + width - 1) / 8), shift(7 - (offset + width - 1) % 8) {}
};

uint64_t width_mask(unsigned width) {
    return ~uint64_t{0} >> (64 - width);
}

}  // namespace

uint64_t count(std::string_view bytes, uint64_t first, uint64_t last) {
    const uint64_t first_byte = first / 8;
    const uint64_t last_byte = last / 8;
    const auto in_byte = [&](uint64_t at, unsigned from, unsigned to) {
        return static_cast<uint64_t>(
            std::popcount(static_cast<uint8_t>(byte_at(bytes, at) & byte_mask(from, to))));
    };
    if (first_byte == last_byte) return in_byte(first_byte, first % 8, last % 8);
    return in_byte(first_byte, first % 8, 7) +
           count_bytes(bytes.substr(first_byte + 1, last_byte - first_byte - 1)) +
           in_byte(last_byte, 0, last % 8);
}

std::optional<uint64_t> find(std::string_view bytes, bool value, uint64_t first, uint64_t last) {
    const uint64_t last_byte = last / 8;
    const uint8_t filler = value ? 0x00 : 0xff;
    // The byte's bits that count, turned so that the wanted ones are ones.
    const auto wanted = [&](uint64_t at) {
        const unsigned from = at == first / 8 ? first % 8 : 0;
        const unsigned to = at == last_byte ? last % 8 : 7;
        return static_cast<uint8_t>((byte_at(bytes, at) ^ filler) & byte_mask(from, to));
    };
    for (uint64_t at = first / 8; at <= last_byte; ++at) {
        const uint8_t hits = wanted(at);
        if (hits != 0) return at * 8 + static_cast<unsigned>(std::countl_zero(hits));
        at = skip_bytes(bytes, filler, at + 1, last_byte + 1) - 1;
    }
    return std::nullopt;
}

uint64_t read(std::string_view bytes, uint64_t offset, unsigned width) {
    const Field field(offset, width);
    unsigned __int128 gathered = 0;
    for (uint64_t at = field.first; at <= field.last; ++at)
        gathered = gathered << 8 | (at < bytes.size() ? byte_at(bytes, at) : 0);
    return static_cast<uint64_t>(gathered >> field.shift) & width_mask(width);
}

void write(std::span<char> bytes, uint64_t offset, unsigned width, uint64_t value) {
    const Field field(offset, width);
    TORC_CHECK(field.last < bytes.size());
    auto mask = static_cast<unsigned __int128>(width_mask(width)) << field.shift;
    auto placed = static_cast<unsigned __int128>(value & width_mask(width)) << field.shift;
    for (uint64_t at = field.last + 1; at-- > field.first;) {
        const auto kept = static_cast<uint8_t>(static_cast<uint8_t>(bytes[at]) & ~static_cast<uint8_t>(mask));
        bytes[at] = static_cast<char>(kept | static_cast<uint8_t>(placed));
        mask >>= 8;
        placed >>= 8;
    }
}

}  // namespace torc::bits
