// Strings as a whole and by ranges. Counters are in counter.cc, bits in bitmap.cc.
#include <fmt/format.h>
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "commands/expiry_argument.h"
#include "commands/families.h"
#include "commands/string_value.h"

namespace torc {
namespace {

/// What may follow `SET key value` and `GETEX key`.
struct SetOptions {
    bool if_absent = false;   // NX
    bool if_present = false;  // XX
    bool get = false;
    bool keep_ttl = false;
    bool persist = false;
    ExpiryUnit unit = ExpiryUnit::none;
    std::string_view expiry;
};

enum class OptionsOf : uint8_t { set, getex };

// Repeating an option is allowed; contradicting an earlier one isn't. Null, with the error replied.
std::optional<SetOptions> parse_options(Call& call, size_t from, OptionsOf command) {
    SetOptions options;
    const bool set = command == OptionsOf::set;
    for (size_t i = from; i < call.args.size(); ++i) {
        const std::string_view word = call.args[i];
        const ExpiryUnit unit = expiry_unit(word);
        const bool has_expiry = options.unit != ExpiryUnit::none;
        if (set && word_is(word, "nx") && !options.if_present) {
            options.if_absent = true;
        } else if (set && word_is(word, "xx") && !options.if_absent) {
            options.if_present = true;
        } else if (set && word_is(word, "get")) {
            options.get = true;
        } else if (set && word_is(word, "keepttl") && !has_expiry) {
            options.keep_ttl = true;
        } else if (!set && word_is(word, "persist") && !has_expiry) {
            options.persist = true;
        } else if (unit != ExpiryUnit::none && !options.keep_ttl && !options.persist &&
                   (!has_expiry || options.unit == unit) && i + 1 < call.args.size()) {
            options.unit = unit;
            options.expiry = call.args[++i];
        } else {
            call.reply.error(errors::kSyntax);
            return std::nullopt;
        }
    }
    return options;
}

void store(Call& call, std::string_view key, std::string_view bytes, int64_t expire_at_ms = kNoExpiry) {
    call.keys.put(key, ValueType::string, bytes, expire_at_ms);
}

void bulk_or_null(Call& call, const FoundString& value) {
    value.exists ? call.reply.bulk(value.bytes) : call.reply.null();
}

void set(Call& call) {
    const std::string_view key = call.args[1];
    const std::string_view bytes = call.args[2];
    if (call.args.size() == 3) {
        store(call, key, bytes);
        return call.reply.ok();
    }

    const auto options = parse_options(call, 3, OptionsOf::set);
    if (!options) return;
    int64_t expire_at_ms = kNoExpiry;
    if (options->unit != ExpiryUnit::none) {
        const auto at_ms = expiry_time(call, options->expiry, options->unit);
        if (!at_ms) return;
        expire_at_ms = *at_ms;
    }
    const auto old = options->get ? call.keys.find(key) : call.keys.find_to_change(key);
    if (options->get) {
        if (old && old->type != ValueType::string) return call.reply.error(errors::kWrongType);
        old ? call.reply.bulk(old->bytes) : call.reply.null();
    }
    if ((options->if_absent && old) || (options->if_present && !old)) {
        if (!options->get) call.reply.null();
        return;
    }
    if (options->keep_ttl && old) expire_at_ms = old->expire_at_ms;
    store(call, key, bytes, expire_at_ms);
    if (!options->get) call.reply.ok();
}

void setnx(Call& call) {
    if (call.keys.find_to_change(call.args[1])) return call.reply.integer(0);
    store(call, call.args[1], call.args[2]);
    call.reply.integer(1);
}

void set_with_expiry(Call& call, ExpiryUnit unit) {
    const auto at_ms = expiry_time(call, call.args[2], unit);
    if (!at_ms) return;
    store(call, call.args[1], call.args[3], *at_ms);
    call.reply.ok();
}

void setex(Call& call) {
    set_with_expiry(call, ExpiryUnit::seconds);
}
void psetex(Call& call) {
    set_with_expiry(call, ExpiryUnit::milliseconds);
}

void get(Call& call) {
    const auto value = find_string(call, call.args[1]);
    if (value) bulk_or_null(call, *value);
}

void getdel(Call& call) {
    const auto value = find_string(call, call.args[1]);
    if (!value) return;
    bulk_or_null(call, *value);
    if (value->exists) call.keys.erase(call.args[1]);
}

void getset(Call& call) {
    const auto value = find_string(call, call.args[1]);
    if (!value) return;
    bulk_or_null(call, *value);
    store(call, call.args[1], call.args[2]);
}

void getex(Call& call) {
    const std::string_view key = call.args[1];
    const auto options = parse_options(call, 2, OptionsOf::getex);
    if (!options) return;
    const auto value = find_string(call, key);
    if (!value) return;
    if (!value->exists) return call.reply.null();
    if (options->unit == ExpiryUnit::none) {
        call.reply.bulk(value->bytes);
        if (options->persist && value->expire_at_ms != kNoExpiry) call.keys.set_expiry(key, kNoExpiry);
        return;
    }
    const auto at_ms = expiry_time(call, options->expiry, options->unit);
    if (!at_ms) return;
    call.reply.bulk(value->bytes);
    if (*at_ms <= call.now_ms)
        call.keys.erase(key);
    else
        call.keys.set_expiry(key, *at_ms);
}

void mget(Call& call) {
    call.reply.array(call.args.size() - 1);
    for (const std::string_view key : call.args.subspan(1)) {
        const auto value = call.keys.find(key);
        if (value && value->type == ValueType::string)
            call.reply.bulk(value->bytes);
        else
            call.reply.null();
    }
}

bool pairs_complete(Call& call) {
    if (call.args.size() % 2 == 1) return true;
    call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", call.spec.name));
    return false;
}

void store_pairs(Call& call) {
    for (size_t i = 1; i + 1 < call.args.size(); i += 2) store(call, call.args[i], call.args[i + 1]);
}

void mset(Call& call) {
    if (!pairs_complete(call)) return;
    store_pairs(call);
    call.reply.ok();
}

void msetnx(Call& call) {
    if (!pairs_complete(call)) return;
    for (size_t i = 1; i < call.args.size(); i += 2)
        if (call.keys.find_to_change(call.args[i])) return call.reply.integer(0);
    store_pairs(call);
    call.reply.integer(1);
}

void strlen(Call& call) {
    const auto value = find_string(call, call.args[1]);
    if (value) call.reply.integer(static_cast<int64_t>(value->bytes.size()));
}

void append(Call& call) {
    const std::string_view key = call.args[1];
    const std::string_view tail = call.args[2];
    const auto value = find_string_to_change(call, key);
    if (!value) return;
    if (value->exists && !may_grow(call, value->bytes.size(), tail.size())) return;
    std::string grown;
    grown.reserve(value->bytes.size() + tail.size());
    grown.append(value->bytes).append(tail);
    store(call, key, grown, value->expire_at_ms);
    call.reply.integer(static_cast<int64_t>(grown.size()));
}

void getrange(Call& call) {
    const auto first = integer_argument(call, call.args[2]);
    if (!first) return;
    const auto last = integer_argument(call, call.args[3]);
    if (!last) return;
    const auto value = find_string(call, call.args[1]);
    if (!value) return;

    const auto size = static_cast<int64_t>(value->bytes.size());
    const auto from_start = [size](int64_t index) {
        return std::max<int64_t>(index < 0 ? index + size : index, 0);
    };
    const bool backwards = *first < 0 && *last < 0 && *first > *last;
    const int64_t begin = from_start(*first);
    const int64_t end = std::min(from_start(*last), size - 1);
    if (backwards || begin > end) return call.reply.bulk("");
    call.reply.bulk(value->bytes.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin + 1)));
}

void setrange(Call& call) {
    const std::string_view key = call.args[1];
    const std::string_view bytes = call.args[3];
    const auto offset = integer_argument(call, call.args[2]);
    if (!offset) return;
    if (*offset < 0) return call.reply.error("ERR offset is out of range");
    const auto value = find_string_to_change(call, key);
    if (!value) return;
    const size_t old_size = value->bytes.size();
    if (bytes.empty()) return call.reply.integer(static_cast<int64_t>(old_size));
    const auto at = static_cast<uint64_t>(*offset);
    if (!may_grow(call, at, bytes.size())) return;

    if (at + bytes.size() <= old_size) {
        std::memcpy(call.keys.edit(key).data() + at, bytes.data(), bytes.size());
        return call.reply.integer(static_cast<int64_t>(old_size));
    }
    std::string grown;
    grown.reserve(at + bytes.size());
    grown.append(value->bytes.substr(0, at));
    grown.resize(at, '\0');
    grown.append(bytes);
    store(call, key, grown, value->expire_at_ms);
    call.reply.integer(static_cast<int64_t>(grown.size()));
}

// GET makes SET a reader too, which the key spec alone can't say.
int set_keys(Args args, KeyPosition* out, int room) {
    if (args.size() < 2 || room < 1) return -1;
    uint32_t flags = kKeyOW | kKeyUpdate;
    for (size_t i = 3; i < args.size(); ++i)
        if (word_is(args[i], "get")) flags = kKeyRW | kKeyAccess | kKeyUpdate;
    out[0] = {1, flags};
    return 1;
}

constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};
constexpr KeySpec kMeasures[] = {{.flags = kKeyRO}};
constexpr KeySpec kReadsMany[] = {{.flags = kKeyRO | kKeyAccess, .last_key = -1}};
constexpr KeySpec kOverwrites[] = {{.flags = kKeyOW | kKeyUpdate}};
constexpr KeySpec kInserts[] = {{.flags = kKeyOW | kKeyInsert}};
constexpr KeySpec kOverwritesMany[] = {{.flags = kKeyOW | kKeyUpdate, .last_key = -1, .step = 2}};
constexpr KeySpec kInsertsMany[] = {{.flags = kKeyOW | kKeyInsert, .last_key = -1, .step = 2}};
constexpr KeySpec kReadsAndUpdates[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate}};
constexpr KeySpec kReadsAndDeletes[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete}};
constexpr KeySpec kUpdates[] = {{.flags = kKeyRW | kKeyUpdate}};
constexpr KeySpec kAppends[] = {{.flags = kKeyRW | kKeyInsert}};
constexpr KeySpec kSets[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags,
                              .notes = "RW and ACCESS due to the optional `GET` argument"}};
constexpr KeySpec kExpires[] = {
    {.flags = kKeyRW | kKeyAccess | kKeyUpdate, .notes = "RW and UPDATE because it changes the TTL"}};

constexpr uint64_t kReadFast = kCatRead | kCatString | kCatFast;
constexpr uint64_t kReadSlow = kCatRead | kCatString | kCatSlow;
constexpr uint64_t kWriteFast = kCatWrite | kCatString | kCatFast;
constexpr uint64_t kWriteSlow = kCatWrite | kCatString | kCatSlow;

constexpr CommandSpec kCommands[] = {
    {"append", 3, kWrite | kDenyOom | kFast, kWriteFast, kAppends, append},
    {"get", 2, kReadonly | kFast, kReadFast, kReads, get},
    {"getdel", 2, kWrite | kFast, kWriteFast, kReadsAndDeletes, getdel},
    {"getex", -2, kWrite | kFast, kWriteFast, kExpires, getex},
    {"getrange", 4, kReadonly, kReadSlow, kReads, getrange},
    {"getset", 3, kWrite | kDenyOom | kFast, kWriteFast, kReadsAndUpdates, getset},
    {"mget", -2, kReadonly | kFast, kReadFast, kReadsMany, mget},
    {"mset", -3, kWrite | kDenyOom, kWriteSlow, kOverwritesMany, mset},
    {"msetnx", -3, kWrite | kDenyOom, kWriteSlow, kInsertsMany, msetnx},
    {"psetex", 4, kWrite | kDenyOom, kWriteSlow, kOverwrites, psetex},
    {"set", -3, kWrite | kDenyOom, kWriteSlow, kSets, set, {}, set_keys},
    {"setex", 4, kWrite | kDenyOom, kWriteSlow, kOverwrites, setex},
    {"setnx", 3, kWrite | kDenyOom | kFast, kWriteFast, kInserts, setnx},
    {"setrange", 4, kWrite | kDenyOom, kWriteSlow, kUpdates, setrange},
    {"strlen", 2, kReadonly | kFast, kReadFast, kMeasures, strlen},
    {"substr", 4, kReadonly, kReadSlow, kReads, getrange},
};

}  // namespace

std::span<const CommandSpec> string_commands() {
    return kCommands;
}

}  // namespace torc
