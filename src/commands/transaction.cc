// MULTI and its family: the checks and replies. Queueing is the dispatcher's; watching and running are
// behind transactions.h.
#include "commands/transactions.h"

#include "commands/call.h"
#include "commands/families.h"
#include "commands/node_view.h"

namespace torc {

void end_transaction(Transactions& transactions, ClientState& client) {
    client.queue.clear();
    client.in_multi = false;
    client.multi_failed = false;
    client.queued_commands.store(-1, std::memory_order_relaxed);
    transactions.unwatch_all(client);
}

namespace {

void multi(Call& call) {
    if (call.client.in_multi) return call.reply.error("ERR MULTI calls can not be nested");
    call.client.in_multi = true;
    call.client.multi_failed = false;
    call.client.queued_commands.store(0, std::memory_order_relaxed);
    call.reply.ok();
}

void exec(Call& call) {
    if (!call.client.in_multi) return call.reply.error("ERR EXEC without MULTI");
    if (call.client.multi_failed)
        call.reply.error("EXECABORT Transaction discarded because of previous errors.");
    else
        call.node.transactions().exec(call);
    end_transaction(call.node.transactions(), call.client);
}

void discard(Call& call) {
    if (!call.client.in_multi) return call.reply.error("ERR DISCARD without MULTI");
    end_transaction(call.node.transactions(), call.client);
    call.reply.ok();
}

void watch(Call& call) {
    if (call.client.in_multi) return call.reply.error("ERR WATCH inside MULTI is not allowed");
    for (const std::string_view key : call.args.subspan(1)) call.node.transactions().watch(call, key);
    call.reply.ok();
}

void unwatch(Call& call) {
    call.node.transactions().unwatch_all(call.client);
    call.reply.ok();
}

constexpr KeySpec kWatches[] = {{.flags = kKeyRO, .last_key = -1}};

constexpr uint64_t kAlways = kNoScript | kLoading | kStale;
constexpr uint64_t kFastTransaction = kCatFast | kCatTransaction;

constexpr CommandSpec kCommands[] = {
    {"discard", 1, kAlways | kFast | kAllowBusy | kControl, kFastTransaction, {}, discard},
    {"exec", 1, kAlways | kSkipSlowlog | kControl, kCatSlow | kCatTransaction, {}, exec},
    {"multi", 1, kAlways | kFast | kAllowBusy | kControl, kFastTransaction, {}, multi},
    {"unwatch", 1, kAlways | kFast | kAllowBusy, kFastTransaction, {}, unwatch},
    {"watch", -2, kAlways | kFast | kAllowBusy | kControl, kFastTransaction, kWatches, watch},
};

}  // namespace

std::span<const CommandSpec> transaction_commands() {
    return kCommands;
}

}  // namespace torc
