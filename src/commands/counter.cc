// Strings that hold numbers: INCR and its kin.
#include <cmath>
#include <limits>
#include <string>

#include "commands/families.h"
#include "commands/string_value.h"

namespace torc {
namespace {

void add(Call& call, int64_t amount) {
    const std::string_view key = call.args[1];
    const auto value = find_string_to_change(call, key);
    if (!value) return;
    int64_t number = 0;
    if (value->exists) {
        const auto parsed = integer_argument(call, value->bytes);
        if (!parsed) return;
        number = *parsed;
    }
    if (__builtin_add_overflow(number, amount, &number)) return call.reply.error(errors::kOverflow);
    char digits[kMaxIntegerChars];
    call.keys.add(key, amount, {digits, format_integer(digits, number)}, value->expire_at_ms);
    call.reply.integer(number);
}

void incr(Call& call) {
    add(call, 1);
}
void decr(Call& call) {
    add(call, -1);
}

void incrby(Call& call) {
    const auto amount = integer_argument(call, call.args[2]);
    if (amount) add(call, *amount);
}

void decrby(Call& call) {
    const auto amount = integer_argument(call, call.args[2]);
    if (!amount) return;
    if (*amount == std::numeric_limits<int64_t>::min())
        return call.reply.error("ERR decrement would overflow");
    add(call, -*amount);
}

void incrbyfloat(Call& call) {
    const std::string_view key = call.args[1];
    const auto value = find_string_to_change(call, key);
    if (!value) return;
    long double sum = 0;
    if (value->exists) {
        const auto number = parse_long_double(value->bytes);
        if (!number) return call.reply.error(errors::kNotFloat);
        sum = *number;
    }
    const auto amount = parse_long_double(call.args[2]);
    if (!amount) return call.reply.error(errors::kNotFloat);
    sum += *amount;
    if (!std::isfinite(sum)) return call.reply.error("ERR increment would produce NaN or Infinity");
    const std::string text = format_long_double(sum);
    call.keys.add_decimal(key, *amount, text, value->expire_at_ms);
    call.reply.bulk(text);
}

constexpr KeySpec kUpdates[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate}};
constexpr uint64_t kFlags = kWrite | kDenyOom | kFast;
constexpr uint64_t kCategories = kCatWrite | kCatString | kCatFast;

constexpr CommandSpec kCommands[] = {
    {"decr", 2, kFlags, kCategories, kUpdates, decr},
    {"decrby", 3, kFlags, kCategories, kUpdates, decrby},
    {"incr", 2, kFlags, kCategories, kUpdates, incr},
    {"incrby", 3, kFlags, kCategories, kUpdates, incrby},
    {"incrbyfloat", 3, kFlags, kCategories, kUpdates, incrbyfloat},
};

}  // namespace

std::span<const CommandSpec> counter_commands() {
    return kCommands;
}

}  // namespace torc
