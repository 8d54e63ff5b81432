// What peers ask of this node: joining cells, reading them, running commands for their clients, comparing
// shards. Requests run through executors, so that locks, cold keys and the log are dealt with as for clients.
#include <algorithm>

#include "base/coding.h"
#include "base/config.h"
#include "base/mutant.h"
#include "cluster/slots.h"
#include "commands/command_table.h"
#include "node/coordinator.h"
#include "node/coordinator_link.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/shard_sync.h"
#include "node/spec_cache.h"
#include "node/worker_core.h"

namespace torc {
namespace {

/// Damaged keys that peers asked for, at once.
constexpr size_t kMostRestoring = 16;

bool is_error(std::string_view reply) {
    return !reply.empty() && reply.front() == '-';
}

bool changes_data(const ForwardMessage& message) {
    return std::ranges::any_of(message.commands, [](const std::vector<std::string_view>& words) {
        const CommandSpec* const spec = CommandTable::instance().find(words.front());
        return spec != nullptr && (spec->flags & kWrite) != 0;
    });
}

/// Of what is to be run, one key; empty when there's none to be seen.
std::string_view key_of(const ForwardMessage& message) {
    for (const std::vector<std::string_view>& words : message.commands) {
        const CommandSpec* const spec = CommandTable::instance().find(words.front());
        const int position = spec == nullptr ? 0 : one_key_position(*spec);
        if (position > 0 && static_cast<size_t>(position) < words.size())
            return words[static_cast<size_t>(position)];
    }
    return {};
}

}  // namespace

/// May they be refused for want of memory? A deletion isn't; under a policy that evicts nothing is: who
/// decides about the keys keeps to its own limit (as with Redis' replica-ignore-maxmemory).
bool Coordinator::may_want_memory(std::string_view changes) const {
    if (worker_.node.evicts()) return false;
    while (const auto change = next_change(changes)) {
        const auto view = CellView::parse(change->cell);
        if (!view || view->exists()) return true;
    }
    return false;
}

BusExecutor& Coordinator::executor_for(Link& link, ShardId shard) {
    auto& executor = link.executors[shard % kExecutorsPerLink];
    if (executor == nullptr) executor = std::make_unique<BusExecutor>(worker_);
    return *executor;
}

void Coordinator::serve_merge(Link& link, const BusFrameHead& head, const MergeMessage& message) {
    const auto answer = [this, number = link.number, op = message.op](BusStatus status) {
        if (op == 0) return;  // nobody waits
        if (std::string* frame = reply_frame(number)) append_message(*frame, AckMessage{op, status});
    };
    std::string_view rest = message.changes;
    const auto first = next_change(rest);
    if (!first) return answer(BusStatus::refused);
    const ShardId shard = shard_of(key_slot(first->key));
    const RingTable& ring = *topology_->ring;
    const bool ours = plan(shard).self >= 0;  // now, or once the ring's move is finished
    if (message.reason == MergeReason::write && head.epoch < ring.epoch()) {
        // Its sender counts by a ring that's over: what it says is joined, but is no acknowledgement.
        MergeMessage joined = message;
        joined.op = 0;
        if (ours) (void)merge_directly(link, shard, joined);
        return answer(BusStatus::elsewhere);
    }
    // What a node outside of the ring brings may have been deleted and forgotten since: nobody asked it when
    // the tombstone was reaped. Who is behind in the ring, or unsettled, can't tell yet.
    const bool offered = ours && message.reason == MergeReason::repair && !ring.is_member(link.peer);
    if (offered && (head.epoch > ring.epoch() || !cluster_.settled(shard))) return answer(BusStatus::later);
    if (ours && !offered && merge_directly(link, shard, message)) return;
    std::vector<std::string_view> words = {"merge"};
    rest = message.changes;
    while (const auto change = next_change(rest)) {
        words.push_back(change->key);
        words.push_back(change->cell);
    }
    if (!rest.empty()) return answer(BusStatus::refused);
    BusExecutor& executor = executor_for(link, shard);
    if (executor.waiting_bytes() > kMostWaitingBytes) return answer(BusStatus::later);
    if (!ours) {
        const auto limit = static_cast<uint64_t>(worker_.node.config.live.hint_limit_bytes.load());
        if (cluster_.foreign_bytes(ring) + message.changes.size() > limit) {
            ClusterCounters::add(cluster_.counters.hints_refused);
            return answer(BusStatus::refused);
        }
        ClusterCounters::add(cluster_.counters.hints_taken);
    }
    const bool limited = may_want_memory(message.changes);
    if (offered)
        return executor.run(limited ? &kOfferCommand : &kOfferAnywayCommand, words, {},
                            offer_sink(link.number, message.op));
    executor.run(
        limited ? &kMergeCommand : &kMergeAnywayCommand, words, {},
        [answer](std::string_view reply) { answer(is_error(reply) ? BusStatus::refused : BusStatus::done); });
}

/// Acknowledges an offer, and says what was not taken.
BusExecutor::Sink Coordinator::offer_sink(uint64_t link, uint64_t op) {
    return [this, link, op](std::string_view reply) {
        std::string* const frame = op == 0 ? nullptr : reply_frame(link);
        if (frame == nullptr) return;
        const auto refused = raw_reply(reply);
        if (!refused)
            append_message(*frame, AckMessage{op, BusStatus::refused});
        else if (std::ranges::all_of(*refused, [](char bits) { return bits == 0; }))
            append_message(*frame, AckMessage{op, BusStatus::done});
        else
            append_message(*frame, AckMessage{op, BusStatus::partly, *refused});
    };
}

void Coordinator::serve_read(Link& link, const ReadMessage& message) {
    const auto answer = [this, number = link.number, op = message.op,
                         cells = message.cells](std::string_view reply) {
        std::string* frame = reply_frame(number);
        if (frame == nullptr) return;
        ReadReply out;
        out.op = op;
        const auto raw = raw_reply(reply);
        if (!raw || (!cells && raw->size() != sizeof(uint64_t)))
            out.status = BusStatus::refused;
        else if (cells)
            out.changes = *raw;
        else
            out.digest = load_le<uint64_t>(raw->data());
        if (put(*frame, out)) return;
        out.status = BusStatus::refused;
        out.changes = {};
        append_message(*frame, out);
    };
    if (message.keys.empty()) return answer("-ERR no keys");
    if (!message.cells && digest_directly(link, shard_of(key_slot(message.keys.front())), message)) return;
    std::vector<std::string_view> words = {message.cells ? "cells" : "digest"};
    words.insert(words.end(), message.keys.begin(), message.keys.end());
    BusExecutor& executor = executor_for(link, shard_of(key_slot(message.keys.front())));
    if (executor.waiting_bytes() > kMostWaitingBytes) return answer("-ERR too much waits");
    executor.run(message.cells ? &kCellsCommand : &kDigestCommand, words, {}, answer);
}

/// By a read that has to join first; what becomes of its reply is nothing to anybody.
void Coordinator::restore(const std::string& key) {
    if (restoring_.size() >= kMostRestoring || std::ranges::find(restoring_, key) != restoring_.end()) return;
    restoring_.push_back(key);
    BusExecutor::Settings settings;
    settings.read_level = static_cast<uint8_t>(Consistency::one);
    run_here(nullptr, {"exists", key}, settings,
             [this, key](std::string_view) { std::erase(restoring_, key); });
}

bool Coordinator::others_can_decide() const {
    return std::ranges::any_of(topology_->peers, &Peer::usable);
}

void Coordinator::serve_forward(Link& link, const ForwardMessage& message) {
    ClusterCounters::add(cluster_.counters.forwards_served);
    const auto answer = [this, number = link.number, op = message.op](BusStatus status,
                                                                      std::string_view bytes) {
        std::string* frame = reply_frame(number);
        if (frame != nullptr && !put(*frame, ForwardReply{op, status, bytes}))
            append_message(*frame, ForwardReply{op, status,
                                                "-ERR the command was carried out, but its reply is too "
                                                "large for the cluster's bus\r\n"});
    };
    // The stamp first, then the clock: who was frozen in between has an old stamp, and finds the deadline
    // passed.
    if (message.deadline_ms < worker_.now_ms && !mutant("late-forward-run"))
        return answer(BusStatus::too_late, {});
    // Who asks lives. A node that knows of nobody has just started: whom it could ask, or have acknowledge a
    // write, it will know in a moment.
    if (!cluster_.gathered() || !others_can_decide()) return answer(BusStatus::later, {});
    // A transaction that watches here ends here, whoever owns the keys now.
    if (const std::string_view key = key_of(message); !key.empty() && !message.watches) {
        const ShardPlan& at = plan(shard_of(key_slot(key)));
        if (!at.self_owns() && at.usable_owners() != 0) return answer(BusStatus::elsewhere, {});
        // Each has left the shard to the other, as when both claim it at once: the earlier one decides.
        if (message.relayed && at.ceded_to_earlier(link.peer)) return answer(BusStatus::elsewhere, {});
    }
    // Sent before its sender knew that this node leaves deciding to others: it's tried again there.
    if (worker_.node.log_is_failing() && changes_data(message) && others_can_decide())
        return answer(BusStatus::elsewhere, {});
    BusExecutor::Settings settings;
    settings.resp3 = message.resp3;
    settings.readonly = message.readonly;
    settings.must_join = message.joined;
    settings.read_level = message.read_level;
    settings.write_level = message.write_level;
    settings.must_watch = message.watches;
    settings.relayed = message.relayed;
    settings.deadline_ms = message.deadline_ms;
    if (link.sessions.size() >= kMostSessions && !link.sessions.contains(message.session))
        return answer(BusStatus::later, {});
    auto& session = link.sessions[message.session];
    session.used_ms = now_ms();
    if (session.executor != nullptr && session.executor->waiting_bytes() > kMostWaitingBytes)
        return answer(BusStatus::later, {});
    // A command that closes its connection has closed this one.
    if (session.executor != nullptr && session.executor->client().pause == Pause::closing)
        session.executor = nullptr;
    if (session.executor == nullptr) session.executor = std::make_unique<BusExecutor>(worker_);
    // Another connection's watches, or ones given up, are nothing to this command.
    if (std::exchange(session.ending, false))
        session.executor->run(nullptr, {"unwatch"}, {}, [](std::string_view) {});
    const auto sink = [answer](std::string_view reply) { answer(BusStatus::done, reply); };
    if (message.transaction)
        session.executor->run_transaction(message.commands, settings, sink);
    else
        session.executor->run(errand_command(message.commands.front().front()), message.commands.front(),
                              settings, sink);
}

void Coordinator::serve_reap(Link& link, const ReapMessage& message) {
    std::vector<std::string> digests;
    digests.reserve(message.keys.size());
    std::vector<std::string_view> words = {"forget"};
    for (const auto& [key, digest] : message.keys) {
        char bytes[8];
        store_le<uint64_t>(bytes, digest);
        digests.emplace_back(bytes, sizeof bytes);
        words.push_back(key);
        words.push_back(digests.back());
    }
    executor_for(link, shard_of(key_slot(words[1])))
        .run(&kForgetCommand, words, {}, [this, number = link.number, op = message.op](std::string_view) {
            if (std::string* frame = reply_frame(number))
                append_message(*frame, AckMessage{op, BusStatus::done});
        });
}

void Coordinator::serve_exchange(Link& link, const ExchangeMessage& message) {
    ExchangeMessage reply;
    reply.op = message.op;
    std::optional<std::string> bytes;
    // By a ring that is over another node may still be an owner, and push what was deleted long ago.
    if (topology_->ring->is_member(link.peer))
        bytes = worker_.sync != nullptr ? worker_.sync->answer(link.peer, message.bytes) : std::string();
    if (!bytes)
        reply.status = BusStatus::refused;
    else if (bytes->empty())
        reply.status = BusStatus::later;
    else
        reply.bytes = *bytes;
    append_message(*frame_of(link), reply, true);
}

}  // namespace torc
