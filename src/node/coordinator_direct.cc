// What peers ask most, answered without an executor: joining cells into keys that are in RAM or absent, and
// digests of such keys. Whatever would have to wait (a locked shard, a key on disk, a full log, CLIENT PAUSE)
// takes the way through an executor instead. A merge may overtake others that wait there: joining is
// commutative.
#include "cluster/slots.h"
#include "node/cell_keyspace.h"
#include "node/coordinator.h"
#include "node/coordinator_link.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {

/// A frame's messages touch random records: their cache lines are fetched side by side, as for a client's
/// pipeline.
void Coordinator::prefetch_messages() {
    if (messages_.size() < 2) return;
    const Store& store = worker_.run.store;
    ahead_.clear();
    for (const BusFrameReader::Message& message : messages_) {
        const std::string_view key = probable_key(message);
        if (key.empty()) continue;
        ahead_.push_back(make_key_ref(key, store.hash_seed()));
        store.prefetch_table(0, ahead_.back());
        prefetch_plan(ahead_.back().shard());
        if (message.kind != BusKind::read) cluster_.forest.prefetch(ahead_.back().slot, key);
    }
    for (const KeyRef& key : ahead_) store.prefetch_bucket(0, key);
    for (const KeyRef& key : ahead_) store.prefetch_record(0, key);
}

bool Coordinator::may_run_directly(ShardId shard, bool write) {
    const NodeCore& node = worker_.node;
    if (node.loading.load(std::memory_order_acquire) || node.pause.holds(write, worker_.now_ms)) return false;
    if (write) {
        const auto most =
            static_cast<uint64_t>(node.config.live.maxmemory_bytes.load(std::memory_order_relaxed));
        if (most != 0 && node.store->used_bytes() > most) return false;
        if (!node.log_takes_more()) return false;
    }
    return worker_.locks.try_take_one(shard);
}

bool Coordinator::merge_directly(Link& link, ShardId shard, const MergeMessage& message) {
    if (!may_run_directly(shard, true)) return false;
    RunningCommand& run = worker_.run;
    Store& store = run.store;
    run.known.clear();
    run.next_known = 0;
    std::string_view rest = message.changes;
    while (const auto change = next_change(rest)) {
        if (!cell_refusal(change->cell, worker_.now_ms).empty()) return false;  // the executor says so
        const KeyRef key = make_key_ref(change->key, store.hash_seed());
        if (key.shard() != shard || store.lookup(0, key).state == Lookup::State::cold) return false;
        run.known.push_back(key);
    }
    if (!rest.empty()) return false;
    auto& keys = static_cast<CellKeyspace&>(*worker_.keyspaces[0]);
    run.now_ms = worker_.now_ms;
    store.begin(worker_.batch, worker_.now_ms);
    keys.begin();
    rest = message.changes;
    while (const auto change = next_change(rest)) (void)keys.merge(change->key, change->cell);
    keys.finish();
    const Lsn appended = store.commit(worker_.batch);
    if (message.op != 0)
        answer_when_logged(
            {.lsn = std::max(appended, store.shard_lsn(shard)), .link = link.number, .op = message.op});
    return true;
}

bool Coordinator::digest_directly(Link& link, ShardId shard, const ReadMessage& message) {
    if (!may_run_directly(shard, false)) return false;
    Store& store = worker_.run.store;
    digests_.clear();
    for (const std::string_view key : message.keys) {
        const KeyRef at = make_key_ref(key, store.hash_seed());
        if (at.shard() != shard) return false;
        const Lookup found = store.lookup(0, at);
        if (found.state == Lookup::State::cold) return false;
        const bool absent = found.state == Lookup::State::absent;
        digests_.push_back(cell_digest(absent ? std::string_view() : found.record->value()));
    }
    answer_when_logged({.lsn = store.shard_lsn(shard),
                        .link = link.number,
                        .op = message.op,
                        .is_read = true,
                        .digest = combined_digest(digests_)});
    return true;
}

// ---- answers wait for the log, as replies to clients do

void Coordinator::answer_when_logged(HeldAnswer answer) {
    // While the log fails, reads go on.
    const bool waits =
        worker_.node.store->log_enabled() && !(answer.is_read && worker_.node.log_is_failing());
    if (!waits) answer.lsn = 0;
    if (held_.empty() && answer.lsn <= worker_.node.durable_lsn()) return send_answer(answer, true);
    held_.add(answer);
    held_are_new_ = true;
}

void Coordinator::send_answer(const HeldAnswer& answer, bool good) {
    std::string* frame = reply_frame(answer.link);
    if (frame == nullptr) return;
    const BusStatus status = good ? BusStatus::done : BusStatus::refused;
    if (answer.is_read)
        append_message(*frame, ReadReply{answer.op, status, answer.digest, {}});
    else
        append_message(*frame, AckMessage{answer.op, status});
}

void Coordinator::release_answers(Lsn durable) {
    held_are_new_ = false;
    Store& store = *worker_.node.store;
    const Lsn covered = store.log_enabled() ? durable : UINT64_MAX;
    const auto send = [this](const HeldAnswer& answer) { send_answer(answer, true); };
    held_.release(covered, send);
    if (!held_syncs_.empty()) held_syncs_.release(store.log().synced_lsn(), send);
}

bool Coordinator::has_synced_answers() const {
    return !held_syncs_.empty() && held_syncs_.first_lsn() <= worker_.node.store->log().synced_lsn();
}

void Coordinator::refuse_answers() {
    const auto refuse = [this](const HeldAnswer& answer) { send_answer(answer, false); };
    held_.release(UINT64_MAX, refuse);
    held_syncs_.release(UINT64_MAX, refuse);
}

/// What isn't logged is on no disk.
void Coordinator::serve_sync(Link& link, const SyncMessage& message) {
    NodeCore& node = worker_.node;
    HeldAnswer answer{.link = link.number, .op = message.op};
    if (node.loading.load() || !node.store->log_enabled() || node.log_is_failing())
        return send_answer(answer, false);
    answer.lsn = node.store->log().last_lsn();
    held_syncs_.add(answer);
    held_are_new_ = true;
    node.request_sync();
}

}  // namespace torc
