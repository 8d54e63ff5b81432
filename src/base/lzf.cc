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

constexpr unsigned kHashBits = 14;

uint32_t hash_of_three(const unsigned char* at) {
    const uint32_t three = static_cast<uint32_t>(at[0]) << 16 | static_cast<uint32_t>(at[1]) << 8 | at[2];
    return (three * 2654435761U) >> (32 - kHashBits);
}

void append_literals(std::string& out, const unsigned char* from, size_t count) {
    while (count != 0) {
        const size_t run = std::min(count, kMaxLiterals);
        out.push_back(static_cast<char>(run - 1));
        out.append(reinterpret_cast<const char*>(from), run);
        from += run;
        count -= run;
    }
}

void append_match(std::string& out, size_t offset, size_t length) {
    const size_t o = offset - 1;
    const auto high = static_cast<unsigned>(o >> 8);
    if (length < kLongMatch) {
        out.push_back(static_cast<char>((length - 2) << 5 | high));
    } else {
        out.push_back(static_cast<char>(7U << 5 | high));
        out.push_back(static_cast<char>(length - kLongMatch));
    }
    out.push_back(static_cast<char>(o & 0xff));
}

}  // namespace

std::optional<std::string> lzf_compress(std::string_view bytes, size_t limit) {
    const auto* const begin = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* const end = begin + bytes.size();
    // Where three bytes of this hash were last seen, as position + 1; only a hint, always compared.
    std::vector<uint32_t> last(size_t{1} << kHashBits, 0);
    std::string out;
    const auto* literals = begin;
    for (const auto* at = begin; end - at >= static_cast<std::ptrdiff_t>(kMinMatch);) {
        uint32_t& seen = last[hash_of_three(at)];
        const unsigned char* const match = seen == 0 ? nullptr : begin + (seen - 1);
        seen = static_cast<uint32_t>(at - begin) + 1;
        if (match == nullptr || static_cast<size_t>(at - match) > kMaxOffset ||
            std::memcmp(match, at, kMinMatch) != 0) {
            ++at;
            continue;
        }
        const size_t room = std::min(kMaxMatch, static_cast<size_t>(end - at));
        size_t length = kMinMatch;
        while (length < room && match[length] == at[length]) ++length;
        append_literals(out, literals, static_cast<size_t>(at - literals));
        append_match(out, static_cast<size_t>(at - match), length);
        if (out.size() > limit) return std::nullopt;
        at += length;
        literals = at;
    }
    append_literals(out, literals, static_cast<size_t>(end - literals));
    if (out.size() > limit) return std::nullopt;
    return out;
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
