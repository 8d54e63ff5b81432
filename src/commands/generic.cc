// Commands on keys whatever they hold: removing, counting, renaming, asking for the type.
#include "commands/families.h"

#include "commands/call.h"
#include "commands/errors.h"
#include "commands/type_name.h"

namespace torc {
namespace {

void del(Call& call) {
    int64_t removed = 0;
    for (const std::string_view key : call.args.subspan(1)) removed += call.keys.erase(key);
    call.reply.integer(removed);
}

void exists(Call& call) {
    int64_t found = 0;
    for (const std::string_view key : call.args.subspan(1)) found += call.keys.ask(key).has_value();
    call.reply.integer(found);
}

void touch(Call& call) {
    int64_t found = 0;
    for (const std::string_view key : call.args.subspan(1)) found += call.keys.find(key).has_value();
    call.reply.integer(found);
}

void type(Call& call) {
    const auto value = call.keys.ask(call.args[1]);
    call.reply.simple(value ? type_name(value->type) : "none");
}

/// Moves the value with its expiry; false when there's nothing to move (replied) or, with `only_new`, when
/// the target exists.
bool rename_key(Call& call, bool only_new) {
    const std::string_view from = call.args[1];
    const std::string_view to = call.args[2];
    const auto value = call.keys.find_to_change(from);
    if (!value) {
        call.reply.error(errors::kNoSuchKey);
        return false;
    }
    const bool same = from == to;
    if (only_new && (same || call.keys.peek(to))) {
        call.reply.integer(0);
        return false;
    }
    if (!same) {
        call.keys.put(to, value->type, value->bytes, value->expire_at_ms);
        call.keys.erase(from);
    }
    return true;
}

void rename(Call& call) {
    if (rename_key(call, false)) call.reply.ok();
}

void renamenx(Call& call) {
    if (rename_key(call, true)) call.reply.integer(1);
}

constexpr KeySpec kRemoves[] = {{.flags = kKeyRM | kKeyDelete, .last_key = -1}};
constexpr KeySpec kAsksMany[] = {{.flags = kKeyRO, .last_key = -1}};
constexpr KeySpec kAsks[] = {{.flags = kKeyRO}};
constexpr KeySpec kRenames[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete},
                                {.flags = kKeyOW | kKeyUpdate, .begin_index = 2}};
constexpr KeySpec kRenamesNew[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete},
                                   {.flags = kKeyOW | kKeyInsert, .begin_index = 2}};

constexpr uint64_t kReadFast = kCatKeyspace | kCatRead | kCatFast;
constexpr uint64_t kWriteFast = kCatKeyspace | kCatWrite | kCatFast;
constexpr uint64_t kWriteSlow = kCatKeyspace | kCatWrite | kCatSlow;

constexpr CommandSpec kCommands[] = {
    {"del", -2, kWrite, kWriteSlow, kRemoves, del},
    {"exists", -2, kReadonly | kFast, kReadFast, kAsksMany, exists},
    {"rename", 3, kWrite, kWriteSlow, kRenames, rename},
    {"renamenx", 3, kWrite | kFast, kWriteFast, kRenamesNew, renamenx},
    {"touch", -2, kReadonly | kFast, kReadFast, kAsksMany, touch},
    {"type", 2, kReadonly | kFast, kReadFast, kAsks, type},
    {"unlink", -2, kWrite | kFast, kWriteFast, kRemoves, del},
};

}  // namespace

std::span<const CommandSpec> generic_commands() {
    return kCommands;
}

}  // namespace torc
