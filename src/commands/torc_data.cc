// TORC.GET, TORC.SET, TORC.SIBLINGS: the values that raced writes leave beside each other, for clients that
// resolve them by themselves. TORC.WITH: one command at other consistency levels. On a node without a cluster
// a key has one value and an empty context.
#include "commands/call.h"
#include "commands/command_table.h"
#include "commands/expiry_argument.h"
#include "commands/families.h"
#include "commands/torc_with.h"

namespace torc {
namespace {

/// False when the key holds no string: the error has been replied.
bool is_string_or_absent(Call& call, std::string_view key) {
    const auto value = call.keys.peek(key);
    if (!value || value->type == ValueType::string) return true;
    call.reply.error(errors::kWrongType);
    return false;
}

void get(Call& call) {
    if (!is_string_or_absent(call, call.args[1])) return;
    const Siblings found = call.keys.siblings(call.args[1]);
    call.reply.array(1 + found.values.size());
    call.reply.bulk(found.token);
    for (const std::string& value : found.values) call.reply.bulk(value);
}

void siblings(Call& call) {
    if (!is_string_or_absent(call, call.args[1])) return;
    call.reply.integer(static_cast<int64_t>(call.keys.siblings(call.args[1]).values.size()));
}

// TORC.SET key value CONTEXT token [EX s | PX ms | EXAT s | PXAT ms]
void set(Call& call) {
    if (!word_is(call.args[3], "context")) return call.reply.error(errors::kSyntax);
    int64_t expire_at_ms = kNoExpiry;
    if (call.args.size() > 5) {
        const ExpiryUnit unit = expiry_unit(call.args[5]);
        if (unit == ExpiryUnit::none || call.args.size() != 7) return call.reply.error(errors::kSyntax);
        const auto at_ms = expiry_time(call, call.args[6], unit);
        if (!at_ms) return;
        expire_at_ms = *at_ms;
    }
    if (!call.keys.put_resolved(call.args[1], call.args[4], call.args[2], expire_at_ms))
        return call.reply.error("ERR invalid context token: it must be one that TORC.GET gave for this key");
    call.reply.ok();
}

void with(Call& call) {
    const auto prefix = parse_with(call.args);
    if (!prefix) return call.reply.error(prefix.error());
    call.reply.error("ERR TORC.WITH can't be used here");
}

/// Those of the inner command.
int with_keys(Args args, KeyPosition* out, int room) {
    const auto prefix = parse_with(args);
    if (!prefix) return -1;
    const Args inner = args.subspan(prefix->words);
    const CommandSpec* spec = CommandTable::instance().find(inner[0]);
    if (spec != nullptr && !spec->subcommands.empty() && inner.size() > 1)
        if (const CommandSpec* sub = CommandTable::find_subcommand(*spec, inner[1])) spec = sub;
    std::vector<KeyPosition> keys;
    if (spec == nullptr || !arity_fits(*spec, inner.size()) || !find_keys(*spec, inner, keys)) return -1;
    if (keys.size() > static_cast<size_t>(room)) return -1;
    for (const KeyPosition& key : keys) *out++ = {key.index + static_cast<int>(prefix->words), key.flags};
    return static_cast<int>(keys.size());
}

constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess}};
constexpr KeySpec kCounts[] = {{.flags = kKeyRO}};
constexpr KeySpec kUpdates[] = {{.flags = kKeyRW | kKeyUpdate}};
constexpr KeySpec kUnknowable[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyIncomplete,
                                    .begin = KeySpec::Begin::unknown,
                                    .find = KeySpec::Find::unknown}};

constexpr uint64_t kReadFast = kCatRead | kCatString | kCatFast;

constexpr CommandSpec kCommands[] = {
    {"torc.get", 2, kReadonly | kFast, kReadFast, kReads, get},
    {"torc.set", -5, kWrite | kDenyOom, kCatWrite | kCatString | kCatSlow, kUpdates, set},
    {"torc.siblings", 2, kReadonly | kFast, kReadFast, kCounts, siblings},
    {"torc.with",
     -2,
     kNoScript | kLoading | kStale | kMovableKeys | kNoMandatoryKeys,
     kCatSlow,
     kUnknowable,
     with,
     {},
     with_keys},
};

}  // namespace

std::span<const CommandSpec> torc_data_commands() {
    return kCommands;
}

}  // namespace torc
