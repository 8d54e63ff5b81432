// Strings as arrays of bits. BITFIELD is in bitfield.cc.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "commands/bit_arguments.h"
#include "commands/bit_string.h"
#include "commands/families.h"
#include "commands/string_value.h"

namespace torc {
namespace {

void setbit(Call& call) {
    const std::string_view key = call.args[1];
    const auto offset = bit_offset_argument(call, call.args[2]);
    if (!offset) return;
    const auto bit = parse_integer(call.args[3]);
    if (!bit || (*bit != 0 && *bit != 1))
        return call.reply.error("ERR bit is not an integer or out of range");
    const auto value = find_string_to_change(call, key);
    if (!value) return;

    const auto wanted = static_cast<uint64_t>(*bit);
    const uint64_t old = bits::read(value->bytes, *offset, 1);
    const size_t needed = *offset / 8 + 1;
    if (needed > value->bytes.size()) {
        std::string grown;
        grown.reserve(needed);
        grown.append(value->bytes);
        grown.resize(needed, '\0');
        bits::write(grown, *offset, 1, wanted);
        call.keys.put(key, ValueType::string, grown, value->expire_at_ms);
    } else if (old != wanted) {
        bits::write(call.keys.edit(key), *offset, 1, wanted);
    }
    call.reply.integer(static_cast<int64_t>(old));
}

void getbit(Call& call) {
    const auto offset = bit_offset_argument(call, call.args[2]);
    if (!offset) return;
    const auto value = find_string(call, call.args[1]);
    if (value) call.reply.integer(static_cast<int64_t>(bits::read(value->bytes, *offset, 1)));
}

// Null, with the error replied, when it's neither BYTE nor BIT.
std::optional<bool> counts_bits(Call& call, std::string_view word) {
    if (word_is(word, "bit")) return true;
    if (word_is(word, "byte")) return false;
    call.reply.error(errors::kSyntax);
    return std::nullopt;
}

// The bits that a range of bits or bytes means in a string; null when there are none.
struct BitRange {
    uint64_t first, last;
};

std::optional<BitRange> resolve_range(int64_t first, int64_t last, bool in_bits, size_t bytes) {
    const auto size = static_cast<int64_t>(in_bits ? bytes * 8 : bytes);
    const auto from_start = [size](int64_t index) {
        return std::max<int64_t>(index < 0 ? index + size : index, 0);
    };
    const int64_t begin = from_start(first);
    const int64_t end = std::min(from_start(last), size - 1);
    if (begin > end) return std::nullopt;
    const auto b = static_cast<uint64_t>(begin);
    const auto e = static_cast<uint64_t>(end);
    return in_bits ? BitRange{b, e} : BitRange{b * 8, e * 8 + 7};
}

void bitcount(Call& call) {
    const auto value = find_string(call, call.args[1]);
    if (!value) return;
    if (!value->exists) return call.reply.integer(0);
    int64_t first = 0;
    int64_t last = -1;
    bool in_bits = false;
    if (call.args.size() == 4 || call.args.size() == 5) {
        const auto from = integer_argument(call, call.args[2]);
        if (!from) return;
        const auto to = integer_argument(call, call.args[3]);
        if (!to) return;
        if (call.args.size() == 5) {
            // An upside-down range is seen before a wrong unit.
            if (*from < 0 && *to < 0 && *from > *to) return call.reply.integer(0);
            const auto unit = counts_bits(call, call.args[4]);
            if (!unit) return;
            in_bits = *unit;
        }
        first = *from;
        last = *to;
    } else if (call.args.size() != 2) {
        return call.reply.error(errors::kSyntax);
    }
    const bool backwards = first < 0 && last < 0 && first > last;
    const auto range = resolve_range(first, last, in_bits, value->bytes.size());
    if (!range || backwards) return call.reply.integer(0);
    call.reply.integer(static_cast<int64_t>(bits::count(value->bytes, range->first, range->last)));
}

void bitpos(Call& call) {
    const auto wanted = integer_argument(call, call.args[2]);
    if (!wanted) return;
    if (*wanted != 0 && *wanted != 1) return call.reply.error("ERR The bit argument must be 1 or 0.");
    const auto value = find_string(call, call.args[1]);
    if (!value) return;
    if (!value->exists) return call.reply.integer(*wanted == 0 ? 0 : -1);
    if (call.args.size() > 6) return call.reply.error(errors::kSyntax);
    int64_t first = 0;
    int64_t last = -1;
    bool in_bits = false;
    if (call.args.size() > 3) {
        const auto from = integer_argument(call, call.args[3]);
        if (!from) return;
        first = *from;
    }
    if (call.args.size() == 6) {
        const auto unit = counts_bits(call, call.args[5]);
        if (!unit) return;
        in_bits = *unit;
    }
    const bool end_given = call.args.size() > 4;
    if (end_given) {
        const auto to = integer_argument(call, call.args[4]);
        if (!to) return;
        last = *to;
    }
    const auto range = resolve_range(first, last, in_bits, value->bytes.size());
    if (!range) return call.reply.integer(-1);
    const auto found = bits::find(value->bytes, *wanted == 1, range->first, range->last);
    if (found) return call.reply.integer(static_cast<int64_t>(*found));
    // Without an end the string goes on with zeros for ever.
    const bool endless = *wanted == 0 && !end_given;
    call.reply.integer(endless ? static_cast<int64_t>(range->last + 1) : -1);
}

enum class BitOp : uint8_t { and_, or_, xor_, not_ };

std::optional<BitOp> bit_op(std::string_view word) {
    if (word_is(word, "and")) return BitOp::and_;
    if (word_is(word, "or")) return BitOp::or_;
    if (word_is(word, "xor")) return BitOp::xor_;
    if (word_is(word, "not")) return BitOp::not_;
    return std::nullopt;
}

template <class Operation>
void combine(std::string& into, std::string_view with, Operation operation) {
    size_t at = 0;
    for (; at + 8 <= with.size(); at += 8) {
        uint64_t a, b;
        std::memcpy(&a, into.data() + at, sizeof a);
        std::memcpy(&b, with.data() + at, sizeof b);
        a = operation(a, b);
        std::memcpy(into.data() + at, &a, sizeof a);
    }
    for (; at < with.size(); ++at)
        into[at] =
            static_cast<char>(operation(static_cast<uint8_t>(into[at]), static_cast<uint8_t>(with[at])));
}

void apply(BitOp operation, std::string& result, std::string_view source) {
    switch (operation) {
        case BitOp::and_:
            // Where the source has ended it's all zeros.
            std::fill(result.begin() + static_cast<std::ptrdiff_t>(source.size()), result.end(), '\0');
            return combine(result, source, [](uint64_t a, uint64_t b) { return a & b; });
        case BitOp::or_:
            return combine(result, source, [](uint64_t a, uint64_t b) { return a | b; });
        case BitOp::xor_:
            return combine(result, source, [](uint64_t a, uint64_t b) { return a ^ b; });
        case BitOp::not_:
            return combine(result, source, [](uint64_t, uint64_t b) { return ~b; });
    }
}

void bitop(Call& call) {
    const auto operation = bit_op(call.args[1]);
    if (!operation) return call.reply.error(errors::kSyntax);
    if (*operation == BitOp::not_ && call.args.size() != 4)
        return call.reply.error("ERR BITOP NOT must be called with a single source key.");
    const std::string_view target = call.args[2];
    std::vector<std::string_view> sources;
    size_t longest = 0;
    for (const std::string_view key : call.args.subspan(3)) {
        const auto value = find_string(call, key);
        if (!value) return;
        sources.push_back(value->bytes);
        longest = std::max(longest, value->bytes.size());
    }
    if (longest == 0) {
        call.keys.erase(target);
        return call.reply.integer(0);
    }
    std::string result(sources[0]);
    result.resize(longest, '\0');
    if (*operation == BitOp::not_) apply(*operation, result, sources[0]);
    for (size_t i = 1; i < sources.size(); ++i) apply(*operation, result, sources[i]);
    call.keys.put(target, ValueType::string, result, kNoExpiry);
    call.reply.integer(static_cast<int64_t>(longest));
}

constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};
constexpr KeySpec kReadsAndUpdates[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate}};
constexpr KeySpec kTargetAndSources[] = {
    {.flags = kKeyOW | kKeyUpdate, .begin_index = 2},
    {.flags = kKeyRO | kKeyAccess, .begin_index = 3, .last_key = -1},
};

constexpr uint64_t kReadSlow = kCatRead | kCatBitmap | kCatSlow;
constexpr uint64_t kWriteSlow = kCatWrite | kCatBitmap | kCatSlow;

constexpr CommandSpec kCommands[] = {
    {"bitcount", -2, kReadonly, kReadSlow, kReads, bitcount},
    {"bitop", -4, kWrite | kDenyOom, kWriteSlow, kTargetAndSources, bitop},
    {"bitpos", -3, kReadonly, kReadSlow, kReads, bitpos},
    {"getbit", 3, kReadonly | kFast, kCatRead | kCatBitmap | kCatFast, kReads, getbit},
    {"setbit", 4, kWrite | kDenyOom, kWriteSlow, kReadsAndUpdates, setbit},
};

}  // namespace

std::span<const CommandSpec> bitmap_commands() {
    return kCommands;
}

}  // namespace torc
