// Context tokens: a context (its floor first, if it has one) and the totals that belong to it, with a
// checksum, in the 64 letters that need no quoting in shells and URLs. The checksum is no signature: it
// refuses what was cut, mistyped or made up by accident. Who may write a key may also overwrite it, so a
// forger gains nothing that DEL wouldn't give him.
#include <array>

#include "base/coding.h"
#include "base/hash.h"
#include "repl/cell.h"
#include "repl/cell_codec.h"

namespace torc {
namespace {

constexpr char kPlain = 1, kWithFloor = 2;
constexpr uint64_t kChecksumSeed = 0x6e656b6f54;  // tokens of other kinds don't pass by chance
constexpr size_t kMaxToken = 1 << 20;
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_letters(std::string_view bytes) {
    std::string letters;
    letters.reserve(bytes.size() * 4 / 3 + 2);
    uint32_t bits = 0;
    int held = 0;
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<uint8_t>(byte);
        for (held += 8; held >= 6; held -= 6) letters += kLetters[bits >> (held - 6) & 63];
    }
    if (held > 0) letters += kLetters[bits << (6 - held) & 63];
    return letters;
}

constexpr std::array<int8_t, 256> kValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kLetters.size(); ++i)
        values[static_cast<uint8_t>(kLetters[i])] = static_cast<int8_t>(i);
    return values;
}();

std::optional<std::string> from_letters(std::string_view letters) {
    std::string bytes;
    bytes.reserve(letters.size() * 3 / 4);
    uint32_t bits = 0;
    int held = 0;
    for (const char letter : letters) {
        const int value = kValues[static_cast<uint8_t>(letter)];
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>(bits >> held & 0xff);
        }
    }
    // What is left of the last letter carries nothing: there's one token for each context.
    if (held >= 6 || (bits & ((1U << held) - 1)) != 0) return std::nullopt;
    return bytes;
}

}  // namespace

std::string context_token(const Context& context) {
    std::string bytes(1, context.floor == 0 ? kPlain : kWithFloor);
    if (context.floor != 0) append_le(bytes, context.floor);
    append_context(bytes, context.entries, context.totals);
    append_le(bytes, checksum32(bytes, kChecksumSeed));
    return to_letters(bytes);
}

std::optional<Context> parse_context_token(std::string_view token) {
    if (token.size() > kMaxToken) return std::nullopt;
    const auto bytes = from_letters(token);
    if (!bytes || bytes->size() < 5) return std::nullopt;
    const size_t end = bytes->size() - 4;
    const std::string_view covered = std::string_view(*bytes).substr(0, end);
    if (load_le<uint32_t>(bytes->data() + end) != checksum32(covered, kChecksumSeed)) return std::nullopt;
    ByteReader from(covered);
    const auto version = from.fixed<char>();
    if (version != kPlain && version != kWithFloor) return std::nullopt;
    const Stamp floor = version == kWithFloor ? from.fixed<uint64_t>() : 0;
    if (version == kWithFloor && floor == 0) return std::nullopt;
    DotList context;
    TotalList totals;
    if (!read_context(from, context, totals) || from.left() != 0) return std::nullopt;
    return Context{{context.begin(), context.end()}, {totals.begin(), totals.end()}, floor};
}

}  // namespace torc
