// BITFIELD: integers of any width at any bit of a string. All operations are read and checked first; then
// they run in order.
#include <algorithm>
#include <string>
#include <vector>

#include "commands/bit_arguments.h"
#include "commands/bit_string.h"
#include "commands/families.h"
#include "commands/string_value.h"

namespace torc {
namespace {

using Wide = __int128;

enum class Overflow : uint8_t { wrap, saturate, fail };

struct FieldType {
    bool is_signed = false;
    unsigned width = 0;

    Wide max() const { return (Wide{1} << (is_signed ? width - 1 : width)) - 1; }
    Wide min() const { return is_signed ? -max() - 1 : 0; }
    /// What the lowest `width` bits mean.
    Wide value_of(uint64_t low_bits) const {
        const Wide value = low_bits & (~uint64_t{0} >> (64 - width));
        return value > max() ? value - (Wide{1} << width) : value;
    }
};

struct Operation {
    enum class Kind : uint8_t { get, set, add } kind = Kind::get;
    FieldType type = {};
    uint64_t offset = 0;
    int64_t operand = 0;
    Overflow overflow = Overflow::wrap;
};

std::optional<FieldType> field_type(std::string_view word) {
    if (word.empty()) return std::nullopt;
    const bool is_signed = word[0] == 'i';
    if (!is_signed && word[0] != 'u') return std::nullopt;
    const auto width = parse_integer(word.substr(1));
    if (!width || *width < 1 || *width > (is_signed ? 64 : 63)) return std::nullopt;
    return FieldType{is_signed, static_cast<unsigned>(*width)};
}

std::optional<Overflow> overflow_type(std::string_view word) {
    if (word_is(word, "wrap")) return Overflow::wrap;
    if (word_is(word, "sat")) return Overflow::saturate;
    if (word_is(word, "fail")) return Overflow::fail;
    return std::nullopt;
}

// Reads operations from call.args[i] on; null, with the error replied, when one is wrong.
std::optional<std::vector<Operation>> parse_operations(Call& call) {
    std::vector<Operation> operations;
    Overflow overflow = Overflow::wrap;
    const Args args = call.args;
    for (size_t i = 2; i < args.size();) {
        const size_t following = args.size() - i - 1;
        Operation operation{.overflow = overflow};
        if (word_is(args[i], "get") && following >= 2) {
            operation.kind = Operation::Kind::get;
        } else if (word_is(args[i], "set") && following >= 3) {
            operation.kind = Operation::Kind::set;
        } else if (word_is(args[i], "incrby") && following >= 3) {
            operation.kind = Operation::Kind::add;
        } else if (word_is(args[i], "overflow") && following >= 1) {
            const auto type = overflow_type(args[i + 1]);
            if (!type) {
                call.reply.error("ERR Invalid OVERFLOW type specified");
                return std::nullopt;
            }
            overflow = *type;
            i += 2;
            continue;
        } else {
            call.reply.error(errors::kSyntax);
            return std::nullopt;
        }
        const auto type = field_type(args[i + 1]);
        if (!type) {
            call.reply.error(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
                "i64 is.");
            return std::nullopt;
        }
        operation.type = *type;
        const auto offset = bit_offset_argument(call, args[i + 2], type->width);
        if (!offset) return std::nullopt;
        operation.offset = *offset;
        i += 3;
        if (operation.kind != Operation::Kind::get) {
            const auto operand = integer_argument(call, args[i]);
            if (!operand) return std::nullopt;
            operation.operand = *operand;
            ++i;
        }
        operations.push_back(operation);
    }
    return operations;
}

void reply_value(Call& call, Wide value) {
    call.reply.integer(static_cast<int64_t>(value));
}

void run_get(Call& call, const Operation& operation, std::string_view bytes) {
    reply_value(call, operation.type.value_of(bits::read(bytes, operation.offset, operation.type.width)));
}

void run_write(Call& call, const Operation& operation, std::span<char> bytes) {
    const FieldType& type = operation.type;
    const Wide old = type.value_of(bits::read({bytes.data(), bytes.size()}, operation.offset, type.width));
    // A negative operand of SET on an unsigned field is a huge number, not a negative one.
    const Wide exact = operation.kind == Operation::Kind::add ? old + operation.operand
                       : type.is_signed                       ? Wide{operation.operand}
                                        : Wide{static_cast<uint64_t>(operation.operand)};
    Wide value = exact;
    if (exact < type.min() || exact > type.max()) {
        switch (operation.overflow) {
            case Overflow::fail:
                return call.reply.null();
            case Overflow::saturate:
                value = exact < type.min() ? type.min() : type.max();
                break;
            case Overflow::wrap:
                value = type.value_of(static_cast<uint64_t>(exact));
                break;
        }
    }
    bits::write(bytes, operation.offset, type.width, static_cast<uint64_t>(value));
    reply_value(call, operation.kind == Operation::Kind::add ? value : old);
}

void read_fields(Call& call, const std::vector<Operation>& operations) {
    const auto value = find_string(call, call.args[1]);
    if (!value) return;
    call.reply.array(operations.size());
    for (const Operation& operation : operations) run_get(call, operation, value->bytes);
}

void change_fields(Call& call, const std::vector<Operation>& operations) {
    const std::string_view key = call.args[1];
    const auto value = find_string_to_change(call, key);
    if (!value) return;
    size_t needed = 0;
    for (const Operation& operation : operations)
        if (operation.kind != Operation::Kind::get)
            needed = std::max<size_t>(needed, (operation.offset + operation.type.width - 1) / 8 + 1);

    std::string grown;
    std::span<char> bytes;
    if (needed > value->bytes.size()) {
        grown.reserve(needed);
        grown.append(value->bytes);
        grown.resize(needed, '\0');
        bytes = grown;
    } else {
        bytes = call.keys.edit(key);
    }
    call.reply.array(operations.size());
    for (const Operation& operation : operations) {
        if (operation.kind == Operation::Kind::get)
            run_get(call, operation, {bytes.data(), bytes.size()});
        else
            run_write(call, operation, bytes);
    }
    if (!grown.empty()) call.keys.put(key, ValueType::string, grown, value->expire_at_ms);
}

bool only_reads(const std::vector<Operation>& operations) {
    return std::all_of(operations.begin(), operations.end(),
                       [](const Operation& operation) { return operation.kind == Operation::Kind::get; });
}

void bitfield(Call& call) {
    const auto operations = parse_operations(call);
    if (!operations) return;
    only_reads(*operations) ? read_fields(call, *operations) : change_fields(call, *operations);
}

void bitfield_ro(Call& call) {
    const auto operations = parse_operations(call);
    if (!operations) return;
    if (!only_reads(*operations)) return call.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
    read_fields(call, *operations);
}

// A BITFIELD of nothing but GETs only reads.
int bitfield_keys(Args args, KeyPosition* out, int room) {
    if (args.size() < 2 || room < 1) return -1;
    bool writes = false;
    for (size_t i = 2; i < args.size() && !writes;) {
        const size_t following = args.size() - i - 1;
        if (word_is(args[i], "get") && following >= 2)
            i += 3;
        else if (word_is(args[i], "overflow") && following >= 1)
            i += 2;
        else
            writes = true;
    }
    out[0] = {1, writes ? kKeyRW | kKeyAccess | kKeyUpdate : kKeyRO | kKeyAccess};
    return 1;
}

constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};
constexpr KeySpec kReadsAndUpdates[] = {
    {.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags,
     .notes = "This command allows both access and modification of the key"}};

constexpr CommandSpec kCommands[] = {
    {"bitfield",
     -2,
     kWrite | kDenyOom,
     kCatWrite | kCatBitmap | kCatSlow,
     kReadsAndUpdates,
     bitfield,
     {},
     bitfield_keys},
    {"bitfield_ro", -2, kReadonly | kFast, kCatRead | kCatBitmap | kCatFast, kReads, bitfield_ro},
};

}  // namespace

std::span<const CommandSpec> bitfield_commands() {
    return kCommands;
}

}  // namespace torc
