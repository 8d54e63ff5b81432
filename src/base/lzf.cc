#include "base/lzf.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace torc {
namespace {

constexpr size_t kMaxLiterals = 32;
constexpr size_t kMaxOffset = 8192;
constexpr size_t kMinMatch = 3;
constexpr size_t kLongMatch = 9;  // from here on the length has a byte of its own
constexpr size_t kMaxMatch = 264;
// Three bytes of a long match stand for 264: no input makes more than that of its size.
constexpr size_t kMaxGrowth = kMaxMatch / 3;

// ---- the compressor's choices, as redis-server's copy of liblzf makes them

constexpr size_t kHashSlots = 1 << 16;
// A match found here is compared up to this many bytes without a look at the end of the input.
constexpr size_t kUnboundedCompare = 16;
// Nor does one usually cover the last two bytes.
constexpr size_t kTail = 2;

size_t slot_of(const unsigned char* at) {
    const uint32_t three = static_cast<uint32_t>(at[0]) << 16 | static_cast<uint32_t>(at[1]) << 8 | at[2];
    return ((three >> 8) - three * 5) % kHashSlots;
}

/// How far the bytes at `at` repeat those at `match`; the first three are known to.
size_t match_length(const unsigned char* match, const unsigned char* at, const unsigned char* end) {
    const size_t bound = std::min(static_cast<size_t>(end - at) - kTail, kMaxMatch);
    size_t length = kMinMatch;
    if (bound > kUnboundedCompare) {
        const size_t unbounded = kMinMatch + kUnboundedCompare;
        for (; length < unbounded; ++length)
            if (match[length] != at[length]) return length;
    }
    while (length < bound && match[length] == at[length]) ++length;
    return length;
}

/// What is written so far. There's always a run of literals open: its header's byte, and the literals.
class Packed {
  public:
    Packed() { open_run(); }

    size_t size() const { return bytes_.size(); }
    /// The size if the next thing written is a match.
    size_t size_before_match() const { return bytes_.size() - (run_length() == 0 ? 1 : 0); }

    void literal(unsigned char byte) {
        bytes_.push_back(static_cast<char>(byte));
        if (run_length() < kMaxLiterals) return;
        close_run();
        open_run();
    }
    void match(size_t offset, size_t length) {
        close_run();
        const size_t o = offset - 1;
        const auto high = static_cast<unsigned>(o >> 8);
        if (length < kLongMatch) {
            bytes_.push_back(static_cast<char>((length - 2) << 5 | high));
        } else {
            bytes_.push_back(static_cast<char>(7U << 5 | high));
            bytes_.push_back(static_cast<char>(length - kLongMatch));
        }
        bytes_.push_back(static_cast<char>(o & 0xff));
        open_run();
    }
    std::string finish() {
        close_run();
        return std::move(bytes_);
    }

  private:
    size_t run_length() const { return bytes_.size() - header_ - 1; }
    void open_run() {
        header_ = bytes_.size();
        bytes_.push_back(0);
    }
    void close_run() {
        if (run_length() == 0)
            bytes_.pop_back();
        else
            bytes_[header_] = static_cast<char>(run_length() - 1);
    }

    std::string bytes_;
    size_t header_ = 0;
};

}  // namespace

std::optional<std::string> lzf_compress(std::string_view bytes, size_t limit) {
    const auto* const begin = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* const end = begin + bytes.size();
    // Where three bytes of this hash were last seen. 0, also the first position, stands for nowhere.
    std::vector<uint32_t> last(kHashSlots, 0);
    const auto remember = [&](const unsigned char* at) {
        last[slot_of(at)] = static_cast<uint32_t>(at - begin);
    };
    Packed packed;
    const auto* at = begin;
    while (end - at > static_cast<std::ptrdiff_t>(kTail)) {
        const uint32_t seen = last[slot_of(at)];
        remember(at);
        const auto* const match = begin + seen;
        if (seen == 0 || static_cast<size_t>(at - match) > kMaxOffset ||
            std::memcmp(match, at, kMinMatch) != 0) {
            if (packed.size() >= limit) return std::nullopt;
            packed.literal(*at++);
            continue;
        }
        // A match takes three bytes, and the run behind it one.
        if (packed.size_before_match() + 4 >= limit) return std::nullopt;
        const size_t length = match_length(match, at, end);
        packed.match(static_cast<size_t>(at - match), length);
        at += length;
        if (end - at <= static_cast<std::ptrdiff_t>(kTail)) break;
        // Of what a match covers, only its last two positions can be referred to later.
        remember(at - 2);
        remember(at - 1);
    }
    if (packed.size() + kMinMatch > limit) return std::nullopt;
    while (at != end) packed.literal(*at++);
    return packed.finish();
}

std::optional<std::string> lzf_decompress(std::string_view compressed, size_t size) {
    if (size / kMaxGrowth > compressed.size()) return std::nullopt;
    std::string out;
    out.reserve(size);
    const auto* at = reinterpret_cast<const unsigned char*>(compressed.data());
    const auto* const end = at + compressed.size();
    const auto left = [&] { return static_cast<size_t>(end - at); };
    while (at != end) {
        const unsigned control = *at++;
        if (control < kMaxLiterals) {
            const size_t run = control + 1;
            if (left() < run || size - out.size() < run) return std::nullopt;
            out.append(reinterpret_cast<const char*>(at), run);
            at += run;
            continue;
        }
        size_t length = control >> 5;
        const bool is_long = length == 7;
        if (left() < (is_long ? 2U : 1U)) return std::nullopt;
        if (is_long) length += *at++;
        length += 2;
        const size_t offset = ((control & 0x1f) << 8 | *at++) + size_t{1};
        if (offset > out.size() || size - out.size() < length) return std::nullopt;
        // Source and target may overlap: a reference into what it is itself writing repeats a pattern.
        for (size_t from = out.size() - offset; length != 0; --length) out.push_back(out[from++]);
    }
    if (out.size() != size) return std::nullopt;
    return out;
}

}  // namespace torc
