// Values that change their database, and databases that change their number.
#include "commands/call.h"
#include "commands/db_argument.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"

namespace torc {
namespace {

void copy(Call& call) {
    bool replace = false;
    unsigned target_db = call.keys.db();
    for (size_t i = 3; i < call.args.size(); ++i) {
        if (word_is(call.args[i], "replace")) {
            replace = true;
        } else if (word_is(call.args[i], "db") && i + 1 < call.args.size()) {
            ++i;
            if (call.node.cluster() != nullptr) {
                const auto number = int_argument(call, call.args[i]);
                if (!number) return;
                if (*number != 0)
                    return call.reply.error("ERR Copying to another database is not allowed in cluster mode");
            }
            const auto db = db_argument(call, call.args[i]);
            if (!db) return;
            target_db = *db;
        } else {
            return call.reply.error(errors::kSyntax);
        }
    }
    const std::string_view from = call.args[1];
    const std::string_view to = call.args[2];
    if (target_db == call.keys.db() && from == to) return call.reply.error(errors::kSameObject);

    const auto value = call.keys.find(from);
    if (!value) return call.reply.integer(0);
    Keyspace& target = call.keys.in_db(target_db);
    if (!replace && target.peek(to)) return call.reply.integer(0);
    target.put(to, value->type, value->bytes, value->expire_at_ms);
    call.reply.integer(1);
}

void move(Call& call) {
    if (call.node.cluster() != nullptr) return call.reply.error("ERR MOVE is not allowed in cluster mode");
    const auto db = db_argument(call, call.args[2]);
    if (!db) return;
    if (*db == call.keys.db()) return call.reply.error(errors::kSameObject);

    const std::string_view key = call.args[1];
    const auto value = call.keys.find_to_change(key);
    if (!value) return call.reply.integer(0);
    Keyspace& target = call.keys.in_db(*db);
    if (target.peek(key)) return call.reply.integer(0);
    target.put(key, value->type, value->bytes, value->expire_at_ms);
    call.keys.erase(key);
    call.reply.integer(1);
}

void swapdb(Call& call) {
    const auto first = int_argument(call, call.args[1], "ERR invalid first DB index");
    if (!first) return;
    const auto second = int_argument(call, call.args[2], "ERR invalid second DB index");
    if (!second) return;
    const auto count = static_cast<int>(call.keys.databases());
    if (*first < 0 || *first >= count || *second < 0 || *second >= count)
        return call.reply.error(errors::kDbIndex);
    if (*first != *second) call.keys.swap(static_cast<unsigned>(*first), static_cast<unsigned>(*second));
    call.reply.ok();
}

constexpr KeySpec kCopies[] = {{.flags = kKeyRO | kKeyAccess},
                               {.flags = kKeyOW | kKeyUpdate, .begin_index = 2}};
constexpr KeySpec kMoves[] = {{.flags = kKeyRW | kKeyAccess | kKeyUpdate}};

constexpr uint64_t kWriteFast = kCatKeyspace | kCatWrite | kCatFast;
constexpr uint64_t kWriteSlow = kCatKeyspace | kCatWrite | kCatSlow;

constexpr CommandSpec kCommands[] = {
    {"copy", -3, kWrite | kDenyOom | kOtherDb, kWriteSlow, kCopies, copy},
    {"move", 3, kWrite | kFast | kOtherDb, kWriteFast, kMoves, move},
    {"swapdb", 3, kWrite | kFast | kLocksAll, kWriteFast | kCatDangerous, {}, swapdb},
};

}  // namespace

std::span<const CommandSpec> copy_move_commands() {
    return kCommands;
}

}  // namespace torc
