// Times to live: setting, asking, taking away.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "resp/number.h"

namespace torc {
namespace {


struct Conditions {
    bool only_without = false;  // NX
    bool only_with = false;     // XX
    bool only_later = false;    // GT
    bool only_earlier = false;  // LT
};

/// Null when they make no sense: the error has been replied.
std::optional<Conditions> conditions(Call& call) {
    Conditions c;
    for (const std::string_view word : call.args.subspan(3)) {
        if (word_is(word, "nx")) {
            c.only_without = true;
        } else if (word_is(word, "xx")) {
            c.only_with = true;
        } else if (word_is(word, "gt")) {
            c.only_later = true;
        } else if (word_is(word, "lt")) {
            c.only_earlier = true;
        } else {
            call.reply.error(fmt::format("ERR Unsupported option {}", word));
            return std::nullopt;
        }
    }
    if (c.only_without && (c.only_with || c.only_later || c.only_earlier)) {
        call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
        return std::nullopt;
    }
    if (c.only_later && c.only_earlier) {
        call.reply.error("ERR GT and LT options at the same time are not compatible");
        return std::nullopt;
    }
    return c;
}

/// A key without expiry counts as one that never ends: nothing is later than that.
bool allowed(const Conditions& c, int64_t present, int64_t wanted) {
    const bool has = present != kNoExpiry;
    if (c.only_without && has) return false;
    if (c.only_with && !has) return false;
    if (c.only_later && (!has || wanted <= present)) return false;
    if (c.only_earlier && has && wanted >= present) return false;
    return true;
}

/// `unit_ms`: of the argument; `base_ms`: what it is counted from.
void expire_generic(Call& call, int64_t unit_ms, int64_t base_ms) {
    const auto c = conditions(call);
    if (!c) return;
    const auto argument = parse_integer(call.args[2]);
    if (!argument) return call.reply.error(errors::kNotInteger);
    int64_t at_ms = 0;
    if (__builtin_mul_overflow(*argument, unit_ms, &at_ms) || __builtin_add_overflow(at_ms, base_ms, &at_ms))
        return call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.spec.name));

    const std::string_view key = call.args[1];
    const auto value = call.keys.find_to_change(key);
    if (!value || !allowed(*c, value->expire_at_ms, at_ms)) return call.reply.integer(0);
    if (at_ms <= call.now_ms)
        call.keys.erase(key);
    else
        call.keys.set_expiry(key, at_ms);
    call.reply.integer(1);
}

void expire(Call& call) {
    expire_generic(call, 1000, call.now_ms);
}
void expireat(Call& call) {
    expire_generic(call, 1000, 0);
}
void pexpire(Call& call) {
    expire_generic(call, 1, call.now_ms);
}
void pexpireat(Call& call) {
    expire_generic(call, 1, 0);
}

constexpr int64_t kNoKey = -2;

/// -2 for no key, -1 for no expiry, else what `tell` makes of the time.
template <class Tell>
void tell_expiry(Call& call, Tell tell) {
    const auto value = call.keys.ask(call.args[1]);
    if (!value) return call.reply.integer(kNoKey);
    call.reply.integer(value->expire_at_ms == kNoExpiry ? kNoExpiry : tell(value->expire_at_ms));
}

/// Seconds are rounded to the nearest, as clients that set a TTL and read it back expect.
int64_t rounded_seconds(int64_t ms) {
    return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
}

int64_t left_ms(const Call& call, int64_t at_ms) {
    return at_ms > call.now_ms ? at_ms - call.now_ms : 0;
}

void ttl(Call& call) {
    tell_expiry(call, [&](int64_t at_ms) { return rounded_seconds(left_ms(call, at_ms)); });
}
void pttl(Call& call) {
    tell_expiry(call, [&](int64_t at_ms) { return left_ms(call, at_ms); });
}
void expiretime(Call& call) {
    tell_expiry(call, rounded_seconds);
}
void pexpiretime(Call& call) {
    tell_expiry(call, [](int64_t at_ms) { return at_ms; });
}

void persist(Call& call) {
    const std::string_view key = call.args[1];
    const auto value = call.keys.find_to_change(key);
    if (!value || value->expire_at_ms == kNoExpiry) return call.reply.integer(0);
    call.keys.set_expiry(key, kNoExpiry);
    call.reply.integer(1);
}

constexpr KeySpec kUpdates[] = {{.flags = kKeyRW | kKeyUpdate}};
constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};

constexpr uint64_t kReadFast = kCatKeyspace | kCatRead | kCatFast;
constexpr uint64_t kWriteFast = kCatKeyspace | kCatWrite | kCatFast;

constexpr CommandSpec kCommands[] = {
    {"expire", -3, kWrite | kFast, kWriteFast, kUpdates, expire},
    {"expireat", -3, kWrite | kFast, kWriteFast, kUpdates, expireat},
    {"expiretime", 2, kReadonly | kFast, kReadFast, kReads, expiretime},
    {"persist", 2, kWrite | kFast, kWriteFast, kUpdates, persist},
    {"pexpire", -3, kWrite | kFast, kWriteFast, kUpdates, pexpire},
    {"pexpireat", -3, kWrite | kFast, kWriteFast, kUpdates, pexpireat},
    {"pexpiretime", 2, kReadonly | kFast, kReadFast, kReads, pexpiretime},
    {"pttl", 2, kReadonly | kFast, kReadFast, kReads, pttl},
    {"ttl", 2, kReadonly | kFast, kReadFast, kReads, ttl},
};

}  // namespace

std::span<const CommandSpec> expire_commands() {
    return kCommands;
}

}  // namespace torc
