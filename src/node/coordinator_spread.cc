// Commands that concern several slots, or all of them: taken apart, sent out, put together (gather.h).
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "base/config.h"
#include "cluster/slots.h"
#include "commands/command_table.h"
#include "node/cell_keyspace.h"
#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/errand_op.h"
#include "node/gather.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

struct Spread {
    std::string_view name;
    GatherKind kind;
    size_t words_per_key;
};
constexpr Spread kSpreads[] = {
    {"mget", GatherKind::elements, 1}, {"mset", GatherKind::ok, 2},    {"del", GatherKind::sum, 1},
    {"unlink", GatherKind::sum, 1},    {"exists", GatherKind::sum, 1}, {"touch", GatherKind::sum, 1},
};

}  // namespace

std::shared_ptr<Gather> Coordinator::gather(ClientCore& client, GatherKind kind) {
    const ReplyTicket ticket(client.replies, client.replies->push_pending({}, 0, 0, client.reply_is_muted));
    client.reply_is_pending = true;
    auto gather = std::make_shared<Gather>(kind, client.reply.protocol() == 3, ticket);
    gather->seed(worker_.rng.next());
    return gather;
}

void Coordinator::send_part(ClientCore& client, const std::shared_ptr<Gather>& gather, size_t part,
                            Errand errand) {
    ClusterClient& state = client.cluster;
    errand.session = client.state->id;
    errand.resp3 = client.reply.protocol() == 3;
    errand.readonly = client.state->readonly.load(std::memory_order_relaxed);
    errand.read_level = state.read_level;
    errand.write_level = state.write_level;
    state.begin_forward(errand.write, topology_->version);
    state.forwards_astray = true;
    errand.origin = client.replies;
    errand.done = [gather, part, origin = client.replies](std::string_view reply) {
        if (ClientCore* sender = origin->client()) sender->cluster.end_forward();
        gather->part(part, reply);
    };
    send_errand(std::move(errand));
}

Coordinator::Route Coordinator::fan_out(ClientCore& client, const Prepared& command, Args args,
                                        std::string& error) {
    const CommandSpec& spec = *command.spec;
    const auto spread = std::ranges::find(kSpreads, spec.name, &Spread::name);
    if (spread == std::end(kSpreads)) {
        error = "CROSSSLOT Keys in request don't hash to the same slot";
        return Route::refused;
    }
    // The command itself tells what's wrong with it. And alone there's nobody to share it with: it runs
    // whole.
    if ((args.size() - 1) % spread->words_per_key != 0 || is_alone()) return Route::here;
    if ((spec.flags & kWrite) != 0 && !client.cluster.reads.empty()) return wait_for_replies(client);
    std::map<SlotId, std::vector<size_t>> by_slot;  // places of keys
    for (size_t i = 1; i < args.size(); i += spread->words_per_key)
        by_slot[key_slot(args[i])].push_back((i - 1) / spread->words_per_key);
    const auto whole = gather(client, spread->kind);
    std::vector<Errand> errands;
    for (const auto& [slot, places] : by_slot) {
        Errand errand;
        std::vector<std::string_view> words = {args[0]};
        for (const size_t place : places)
            for (size_t w = 0; w < spread->words_per_key; ++w)
                words.push_back(args[1 + place * spread->words_per_key + w]);
        errand.commands.add(words);
        errand.write = (spec.flags & kWrite) != 0;
        errand.resendable = is_resendable(spec);
        errand.shard = shard_of(slot);
        (void)whole->expect(places);
        errands.push_back(std::move(errand));
    }
    ClusterClient& state = client.cluster;
    if ((spec.flags & kWrite) != 0) {
        state.writes = nullptr;
        state.wrote_at.clear();
        for (Errand& errand : errands) {
            const ShardPlan& at = plan(errand.shard);
            const int best = at.coordinator();
            if (best < 0 || best == at.self) {
                if (state.writes == nullptr) state.writes = std::make_shared<WriteAcks>();
                errand.writes = state.writes;
            } else if (const NodeId target = at.replicas[static_cast<size_t>(best)].id;
                       std::ranges::find(state.wrote_at, target) == state.wrote_at.end()) {
                state.wrote_at.push_back(target);
            }
        }
    }
    for (size_t i = 0; i < errands.size(); ++i) send_part(client, whole, i, std::move(errands[i]));
    return Route::elsewhere;
}

Coordinator::Route Coordinator::route_whole_cluster(ClientCore& client, const Prepared& command, Args args,
                                                    std::string& error) {
    const std::string_view name = command.spec->name;
    if (client.feeder != nullptr) return Route::here;
    if (name == "swapdb") {
        error = "ERR SWAPDB is not allowed in cluster mode";
        return Route::refused;
    }
    if (topology_->ring->state().members.empty()) {
        error = "CLUSTERDOWN This node has not joined a cluster yet";
        return Route::refused;
    }
    const bool walks = name == "scan" || name == "keys" || name == "randomkey" || name == "dbsize";
    if (walks && worker_.node.config.live.scope_is_node()) return Route::here;
    if (name == "scan") {
        unsigned slot = 0;
        std::from_chars(args[1].data(), args[1].data() + args[1].size(), slot);
        const ShardId shard = shard_of(static_cast<SlotId>(slot % kSlots));
        const ShardPlan& at = plan(shard);
        if (const int best = at.coordinator(); best < 0 || best == at.self) return Route::here;
        Errand errand;
        errand.commands.add(args);
        errand.resendable = true;
        errand.shard = shard;
        return forward(client, std::move(errand));
    }
    if (name == "flushall" || name == "flushdb") {
        if (args.size() > 2 || (args.size() == 2 && !word_is(args[1], "sync") && !word_is(args[1], "async")))
            return Route::here;  // refused there, before anything is done
        if (!client.cluster.reads.empty()) return wait_for_replies(client);
        const auto whole = gather(client, GatherKind::ok);
        for (unsigned shard = 0; shard < kShards; ++shard) (void)whole->expect();
        for (unsigned shard = 0; shard < kShards; ++shard) {
            Errand errand;
            errand.commands.add({"flushshard", std::to_string(shard)});
            errand.write = errand.resendable = true;
            errand.shard = static_cast<ShardId>(shard);
            send_part(client, whole, shard, std::move(errand));
        }
        return Route::elsewhere;
    }
    const GatherKind kind = name == "keys"        ? GatherKind::together
                            : name == "randomkey" ? GatherKind::any
                                                  : GatherKind::sum;
    if (!walks || is_alone()) return Route::here;
    std::set<NodeId> nodes;
    for (unsigned shard = 0; shard < kShards; ++shard) {
        const ShardPlan& at = plan(static_cast<ShardId>(shard));
        const auto first =
            std::ranges::find_if(at.replicas, [](const Replica& r) { return r.owner && r.usable; });
        if (first == at.replicas.end()) {
            error = fmt::format("NOREPLICAS no replica of slots {}-{} is up", shard * kSlotsPerShard,
                                (shard + 1) * kSlotsPerShard - 1);
            return Route::refused;
        }
        nodes.insert(first->id);
    }
    const auto whole = gather(client, kind);
    for (size_t i = 0; i < nodes.size(); ++i) (void)whole->expect();
    size_t part = 0;
    for (const NodeId node : nodes) {
        Errand errand;
        errand.commands.add(args);
        errand.resendable = true;
        errand.node = node;
        send_part(client, whole, part++, std::move(errand));
    }
    return Route::elsewhere;
}

}  // namespace torc
