#include "types/dump_payload.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/coding.h"
#include "base/crc64.h"
#include "base/lzf.h"

namespace torc {
namespace {

constexpr uint16_t kWrittenVersion = 10;
constexpr uint16_t kNewestVersion = 11;
constexpr size_t kFooterSize = 10;
constexpr unsigned char kStringType = 0;

constexpr unsigned char kLength32 = 0x80;
constexpr unsigned char kLength64 = 0x81;
constexpr unsigned char kSpecial = 0xc0;
enum Encoding : unsigned char { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

// Below this Redis doesn't try to compress, and above this not to find an integer.
constexpr size_t kCompressAbove = 20;
constexpr size_t kIntegerMaxChars = 11;
// LZF must save at least this much to be taken.
constexpr size_t kMinSaving = 4;

template <class T>
void append_be(std::string& out, T value) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(value >> shift));
}

void append_length(std::string& out, uint64_t length) {
    if (length < (1U << 6)) {
        out.push_back(static_cast<char>(length));
    } else if (length < (1U << 14)) {
        out.push_back(static_cast<char>(0x40 | length >> 8));
        out.push_back(static_cast<char>(length));
    } else if (length <= std::numeric_limits<uint32_t>::max()) {
        out.push_back(static_cast<char>(kLength32));
        append_be(out, static_cast<uint32_t>(length));
    } else {
        out.push_back(static_cast<char>(kLength64));
        append_be(out, length);
    }
}

/// The integer whose only form these bytes are.
std::optional<int32_t> as_integer(std::string_view bytes) {
    if (bytes.empty() || bytes.size() > kIntegerMaxChars) return std::nullopt;
    int32_t value = 0;
    const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != bytes.data() + bytes.size()) return std::nullopt;
    if (std::to_string(value) != bytes) return std::nullopt;
    return value;
}

template <class T>
bool fits(int32_t value) {
    return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

void append_integer(std::string& out, int32_t value) {
    if (fits<int8_t>(value)) {
        out.push_back(static_cast<char>(kSpecial | kInt8));
        append_le(out, static_cast<int8_t>(value));
    } else if (fits<int16_t>(value)) {
        out.push_back(static_cast<char>(kSpecial | kInt16));
        append_le(out, static_cast<int16_t>(value));
    } else {
        out.push_back(static_cast<char>(kSpecial | kInt32));
        append_le(out, value);
    }
}

void append_string(std::string& out, std::string_view bytes, bool compress) {
    if (const auto integer = as_integer(bytes)) return append_integer(out, *integer);
    if (compress && bytes.size() > kCompressAbove) {
        if (const auto packed = lzf_compress(bytes, bytes.size() - kMinSaving)) {
            out.push_back(static_cast<char>(kSpecial | kLzf));
            append_length(out, packed->size());
            append_length(out, bytes.size());
            out += *packed;
            return;
        }
    }
    append_length(out, bytes.size());
    out += bytes;
}

void append_footer(std::string& out) {
    append_le(out, kWrittenVersion);
    append_le(out, crc64(out));
}

/// Takes pieces off the front; after the first piece that isn't there, everything is empty and failed().
class Reader {
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    bool failed() const { return failed_; }
    bool at_end() const { return left_.empty(); }

    std::string_view take(uint64_t count) {
        if (failed_ || count > left_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view piece = left_.substr(0, count);
        left_.remove_prefix(count);
        return piece;
    }
    unsigned char byte() {
        const auto piece = take(1);
        return piece.empty() ? 0 : static_cast<unsigned char>(piece[0]);
    }
    template <class T>
    T little() {
        const auto piece = take(sizeof(T));
        return piece.empty() ? T{0} : load_le<T>(piece.data());
    }
    uint64_t big(size_t size) {
        uint64_t value = 0;
        for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    /// A length that begins with `first`; one of the special encodings fails.
    uint64_t length(unsigned char first) {
        switch (first >> 6) {
            case 0:
                return first;
            case 1:
                return static_cast<uint64_t>(first & 0x3f) << 8 | byte();
            default:
                if (first == kLength32) return big(4);
                if (first == kLength64) return big(8);
                failed_ = true;
                return 0;
        }
    }
    uint64_t length() { return length(byte()); }

  private:
    std::string_view left_;
    bool failed_ = false;
};

std::optional<std::string> read_string(Reader& in) {
    const unsigned char first = in.byte();
    std::string bytes;
    if ((first & kSpecial) != kSpecial) {
        bytes = in.take(in.length(first));
    } else {
        switch (first & 0x3f) {
            case kInt8:
                bytes = std::to_string(in.little<int8_t>());
                break;
            case kInt16:
                bytes = std::to_string(in.little<int16_t>());
                break;
            case kInt32:
                bytes = std::to_string(in.little<int32_t>());
                break;
            case kLzf: {
                const uint64_t packed_size = in.length();
                const uint64_t size = in.length();
                auto unpacked = lzf_decompress(in.take(packed_size), size);
                if (!unpacked) return std::nullopt;
                bytes = std::move(*unpacked);
                break;
            }
            default:
                return std::nullopt;
        }
    }
    if (in.failed()) return std::nullopt;
    return bytes;
}

}  // namespace

std::string dump_string(std::string_view bytes, bool compress) {
    std::string out(1, static_cast<char>(kStringType));
    append_string(out, bytes, compress);
    append_footer(out);
    return out;
}

std::string dump_of_nothing() {
    std::string out;
    append_footer(out);
    return out;
}

bool payload_is_intact(std::string_view payload) {
    if (payload.size() < kFooterSize) return false;
    const char* const footer = payload.data() + payload.size() - kFooterSize;
    if (load_le<uint16_t>(footer) > kNewestVersion) return false;
    return load_le<uint64_t>(footer + 2) == crc64(payload.substr(0, payload.size() - 8));
}

Result<RestoredValue> read_payload(std::string_view payload) {
    const auto bad = [] { return fail(ErrorKind::corrupt, "Bad data format"); };
    if (payload.size() < kFooterSize) return bad();
    Reader in(payload.substr(0, payload.size() - kFooterSize));
    if (in.byte() != kStringType) return bad();
    auto bytes = read_string(in);
    if (!bytes || in.failed()) return bad();
    return RestoredValue{ValueType::string, std::move(*bytes)};
}

}  // namespace torc
