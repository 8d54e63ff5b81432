#include "cluster/wire.h"

#include <utility>

#include "base/coding.h"

namespace torc {

void WireWriter::u8(uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
}
void WireWriter::u16(uint16_t value) {
    append_le(bytes_, value);
}
void WireWriter::u32(uint32_t value) {
    append_le(bytes_, value);
}
void WireWriter::u64(uint64_t value) {
    append_le(bytes_, value);
}
void WireWriter::i64(int64_t value) {
    append_le(bytes_, value);
}

void WireWriter::varint(uint64_t value) {
    while (value >= 0x80) {
        u8(static_cast<uint8_t>(value | 0x80));
        value >>= 7;
    }
    u8(static_cast<uint8_t>(value));
}

void WireWriter::string(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
}

void WireWriter::raw(std::string_view bytes) {
    bytes_.append(bytes);
}

std::string WireWriter::take() {
    return std::exchange(bytes_, {});
}

template <class T>
T WireReader::fixed() {
    const std::string_view bytes = raw(sizeof(T));
    return ok_ ? load_le<T>(bytes.data()) : T{0};
}

uint8_t WireReader::u8() {
    return fixed<uint8_t>();
}
uint16_t WireReader::u16() {
    return fixed<uint16_t>();
}
uint32_t WireReader::u32() {
    return fixed<uint32_t>();
}
uint64_t WireReader::u64() {
    return fixed<uint64_t>();
}
int64_t WireReader::i64() {
    return fixed<int64_t>();
}

uint64_t WireReader::varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = u8();
        if (!ok_) return 0;
        const uint64_t bits = byte & 0x7f;
        if ((bits << shift) >> shift != bits || (byte == 0 && shift > 0)) break;
        value |= bits << shift;
        if (byte < 0x80) return value;
    }
    fail();
    return 0;
}

uint64_t WireReader::varint(uint64_t most) {
    const uint64_t value = varint();
    if (value <= most) return value;
    fail();
    return 0;
}

std::string_view WireReader::string(size_t longest) {
    return raw(varint(longest));
}

std::string_view WireReader::raw(size_t count) {
    if (!ok_ || count > rest_.size()) {
        fail();
        return {};
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
}

void WireReader::fail() {
    ok_ = false;
    rest_ = {};
}

}  // namespace torc
