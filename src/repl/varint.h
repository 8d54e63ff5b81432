// Integers of variable length (LEB128: seven bits a byte, the lowest first), and a reader that never leaves
// its bytes. Each number has one form only: a superfluous zero byte at the end is malformed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/coding.h"

namespace torc {

using Wide = unsigned __int128;

template <class Unsigned>
void append_any_varint(std::string& to, Unsigned value) {
    for (; value >= 0x80; value >>= 7) to += static_cast<char>(0x80 | static_cast<unsigned>(value & 0x7f));
    to += static_cast<char>(value);
}
inline void append_varint(std::string& to, uint64_t value) {
    append_any_varint(to, value);
}
inline void append_wide_varint(std::string& to, Wide value) {
    append_any_varint(to, value);
}

/// Small either side of zero.
inline Wide zigzag(__int128 value) {
    return (static_cast<Wide>(value) << 1) ^ static_cast<Wide>(value >> 127);
}
inline __int128 unzigzag(Wide value) {
    return static_cast<__int128>((value >> 1) ^ (0 - (value & 1)));
}

/// Once something was malformed, ok() is false, and all that is read is zero.
class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    bool ok() const { return ok_; }
    size_t left() const { return rest_.size(); }
    void fail() {
        ok_ = false;
        rest_ = {};
    }

    std::string_view bytes(size_t size) {
        if (size > rest_.size()) {
            fail();
            return {};
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    template <class T>
    T fixed() {
        const std::string_view taken = bytes(sizeof(T));
        return ok_ ? load_le<T>(taken.data()) : T{};
    }

    uint64_t varint() { return read<uint64_t>(); }
    Wide wide_varint() { return read<Wide>(); }

  private:
    template <class Unsigned>
    Unsigned read() {
        constexpr unsigned kBits = 8 * sizeof(Unsigned);
        if (!rest_.empty() && (static_cast<unsigned char>(rest_[0]) & 0x80) == 0) {
            const auto value = static_cast<unsigned char>(rest_[0]);
            rest_.remove_prefix(1);
            return value;
        }
        Unsigned value = 0;
        for (unsigned shift = 0; shift < kBits; shift += 7) {
            const std::string_view one = bytes(1);
            if (!ok_) return 0;
            const auto byte = static_cast<unsigned char>(one[0]);
            const Unsigned part = byte & 0x7f;
            if (shift + 7 > kBits && (part >> (kBits - shift)) != 0) break;
            value |= part << shift;
            if ((byte & 0x80) != 0) continue;
            if (byte == 0 && shift != 0) break;
            return value;
        }
        fail();
        return 0;
    }

    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace torc
