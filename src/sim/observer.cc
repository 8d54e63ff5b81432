#include "sim/observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "node/bus_message.h"
#include "node/coordinator.h"
#include "node/node_core.h"
#include "node/worker_core.h"
#include "sim/checkers.h"

namespace torc {
namespace {

constexpr size_t kMostWrong = 20;
constexpr int64_t kSettlingLookUs = 5'000;
/// Shorter than any node waits for others before it decides without them.
constexpr int64_t kPatienceUs = 500'000;
constexpr int64_t kTurnUs = 1'000;
/// Longer than any command takes from asking to deciding.
constexpr int64_t kAskedUs = 5'000'000;

std::string show(const Dot& dot) {
    return fmt::format("({:016x}, {:x}, {:x})", dot.actor, dot.birth, dot.stamp);
}

std::string show(const Total& total) {
    std::string text;
    append_decimal(text, total.amount);
    return text;
}

}  // namespace

Observer::Observer(SimCluster& cluster, bool always_sync, bool only_deaths)
    : cluster_(cluster), always_sync_(always_sync), only_deaths_(only_deaths) {
    cluster_.net.watcher = this;
}

Observer::~Observer() {
    cluster_.net.watcher = nullptr;
}

void Observer::watch(const std::string& key) {
    const auto [place, fresh] = keys_.try_emplace(key);
    Watched& watched = place->second;
    watched.name = key;
    watched.shard = make_key_ref(key, 0).shard();
    if (fresh) all_.push_back({watched.shard, &watched});
    for (unsigned i = 0; i < cluster_.size(); ++i) {
        const auto& process = cluster_.machine(i).process;
        if (process != nullptr && process->cluster().settled(watched.shard)) watched.settled |= 1u << i;
    }
}

void Observer::fail(const std::string& text) {
    if (wrong_.size() < kMostWrong)
        wrong_.push_back(
            fmt::format("[{:.6f}] {}", static_cast<double>(cluster_.events.now_us()) / 1e6, text));
}

Observer::Machine& Observer::at(unsigned machine) {
    if (machines_.size() <= machine) machines_.resize(machine + 1);
    return machines_[machine];
}

Observer::Watched* Observer::find(std::string_view key) {
    const auto found = keys_.find(key);
    return found == keys_.end() ? nullptr : &found->second;
}

int Observer::machine_of(NodeId id) const {
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (cluster_.machine(i).id == id) return static_cast<int>(i);
    return -1;
}

CopyRecord& Observer::copy(Watched& key, unsigned machine) {
    if (key.copies.size() <= machine) key.copies.resize(machine + 1);
    return key.copies[machine];
}

// ---- looking

bool Observer::can_look(unsigned machine) const {
    const auto& process = cluster_.machine(machine).process;
    return process != nullptr && !process->node().loading();
}

Coordinator& Observer::coordinator(unsigned machine) {
    return *cluster_.machine(machine).process->node().core().workers.front()->coordinator;
}

bool Observer::read_cold(unsigned machine, const Watched& key, LogAddress address, std::string& cell) {
    SimMachine& looked_at = cluster_.machine(machine);
    looked_at.disk->set_onlooking(true);
    const auto stored = looked_at.process->node().core().store->segments().read(address, 0);
    looked_at.disk->set_onlooking(false);
    if (!stored || stored->value_damaged || stored->key != key.name) return false;
    cell = stored->value;
    return true;
}

void Observer::look(unsigned machine, Watched& key) {
    Store& store = *cluster_.machine(machine).process->node().core().store;
    CopyRecord& record = copy(key, machine);
    if (record.waits_for_log())
        record.logged(always_sync_ ? store.log().synced_lsn() : store.log().written_lsn());
    const Lsn lsn = store.shard_lsn(key.shard);
    if (!record.changed(lsn)) return;
    const Lookup found = store.lookup(0, make_key_ref(key.name, store.hash_seed()));
    std::string cold;
    if (found.state == Lookup::State::cold && !read_cold(machine, key, found.address, cold))
        return record.hidden();
    if (found.state == Lookup::State::absent) {
        const Stamp clock = cluster_.machine(machine).process->cluster().stamps.last();
        const CopyRecord::Gone gone = record.missing(clock, lsn);
        if (gone == CopyRecord::Gone::from_memory) check_hand_over(key, machine);
        if (gone != CopyRecord::Gone::no) forget_reaped(key, machine);
        return;
    }
    const std::string_view bytes = cold.empty() ? found.record->value() : cold;
    if (record.is(bytes)) return;
    const auto cell = decode_cell(bytes);
    if (!cell) return fail(fmt::format("machine {} has a malformed cell of {}", machine, key.name));
    record.found(bytes, *cell, lsn);
    record.logged(always_sync_ ? store.log().synced_lsn() : store.log().written_lsn());
    check_births(key, record, *cell, machine);
    note_cell(key, *cell, machine);
}

void Observer::on_ran(unsigned machine) {
    if (!can_look(machine)) return;
    look_for_alive(machine);
    look_for_settled(machine);
    const Lsn last = cluster_.machine(machine).process->node().core().store->log().last_lsn();
    Machine& state = at(machine);
    if (std::exchange(state.looked, last) == last) return;
    const Store& store = *cluster_.machine(machine).process->node().core().store;
    state.seen_through.resize(all_.size());
    for (size_t i = 0; i < all_.size(); ++i) {
        const Lsn lsn = store.shard_lsn(all_[i].shard);
        if (state.seen_through[i] == lsn + 1) continue;
        look(machine, *all_[i].key);
        state.seen_through[i] = copy(*all_[i].key, machine).is_done_with(lsn) ? lsn + 1 : 0;
    }
}

// ---- names of writes

void Observer::on_start(unsigned machine) {
    const ActorId actor = cluster_.machine(machine).process->cluster().actor;
    const auto [known, fresh] = actors_.try_emplace(actor, Actor{machine, nullptr});
    if (!fresh)
        fail(fmt::format("machine {} starts as actor {:016x}, which was machine {} before", machine, actor,
                         known->second.machine));
    at(machine) = {};
    at(machine).actor = actor;
    at(machine).unsettled_us = cluster_.events.now_us();
    for (auto& [name, key] : keys_) {
        copy(key, machine).begin();
        key.settled &= ~(1u << machine);
    }
    const auto concerned = [&](const OpId& op) {
        return std::get<0>(op) == machine || std::get<1>(op) == machine;
    };
    std::erase_if(merges_, [&](const auto& entry) { return concerned(entry.first); });
    std::erase_if(late_, concerned);
}

void Observer::on_death(unsigned machine) {
    if (!can_look(machine)) return;
    for (const Listed& listed : all_) look(machine, *listed.key);
    const ClusterCore& cluster = cluster_.machine(machine).process->cluster();
    actors_.at(cluster.actor).last_ring = cluster.topology()->ring;
}

void Observer::note(Watched& key, const char* what, const Dot& dot, std::string value, unsigned machine) {
    const auto [known, fresh] = key.written.try_emplace({what, dot}, value);
    if (!fresh && known->second != value)
        fail(fmt::format("the {} of {}'s dot {} is '{}' at machine {}, and was '{}' before", what, key.name,
                         show(dot), value, machine, known->second));
}

void Observer::note_cell(Watched& key, const Cell& cell, unsigned machine) {
    for (const Sibling& sibling : cell.siblings) {
        if (sibling.nil) {
            note(key, "value", sibling.dot, "nil", machine);
        } else {
            note(key, "value", sibling.dot, "=" + std::string(sibling.bytes), machine);
            if (key.values.contains(sibling.bytes)) continue;
            key.values[std::string(sibling.bytes)] = {.dot = sibling.dot,
                                                      .context = context_of(cell),
                                                      .us = cluster_.events.now_us(),
                                                      .unasked_us = unasked_since(key, sibling.dot, machine)};
        }
    }
    for (const ExpirySibling& expiry : cell.expiries)
        note(key, "expiry", expiry.dot, std::to_string(expiry.at_ms), machine);
    for (const Total& total : cell.totals) note(key, "total", total.dot, show(total), machine);
}

/// `own` lets the actor's entry be continued. A copy that was received while there was none mustn't have it
/// before this process has written to it, for what is in it of the actor's is of a copy that's gone.
void Observer::check_births(Watched& key, const CopyRecord& record, const Cell& cell, unsigned machine) {
    const Stamp absent_at = record.absent_at();
    if (absent_at == 0) return;
    bool wrote = false;
    for (const Dot& entry : cell.context) {
        if (entry.actor != at(machine).actor || entry.stamp <= absent_at) continue;
        wrote = true;
        if (entry.birth <= absent_at)
            fail(fmt::format("machine {} continues {} of {}, although its copy was gone since", machine,
                             show(entry), key.name));
    }
    if (cell.own && !wrote)
        fail(fmt::format("machine {} received {} anew and takes it for its own", machine, key.name));
}

// ---- acknowledgements

bool Observer::holds(unsigned machine, Watched& key, const Dot& dot) {
    if (can_look(machine)) look(machine, key);
    return copy(key, machine).ever_logged(dot);
}

void Observer::acknowledged(const HistoryOp& op) {
    Watched* const key = find(op.key);
    if (key == nullptr || !op.writes() || op.value.empty()) return;
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (can_look(i)) look(i, *key);
    const auto value = key->values.find(op.value);
    if (value == key->values.end())
        return fail(fmt::format("acknowledged, and nobody has it: {}", describe(op)));
    check_decision(*key, value->second, op);
    Acknowledged noted{value->second.dot, cluster_.events.now_us(), 0};
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (holds(i, *key, value->second.dot)) noted.holders |= 1u << i;
    key->acknowledged.push_back(noted);
    const auto have = static_cast<size_t>(std::popcount(noted.holders));
    const size_t owners = ring_of(value->second.dot.actor)->owners(key->shard).size();
    if (have < owners / 2 + 1)
        fail(fmt::format("acknowledged, and only {} of {} have it in their log: {}", have, owners,
                         describe(op)));
}

/// Of who decided and counts the acknowledgements. The node that the client asked may be steps behind: it
/// can't take a newer ring while its disk is full, and sends commands on all the same.
std::shared_ptr<const RingTable> Observer::ring_of(ActorId decider) const {
    const Actor& actor = actors_.at(decider);
    const auto& process = cluster_.machine(actor.machine).process;
    const bool lives = process != nullptr && process->cluster().actor == decider;
    return lives ? process->cluster().topology()->ring : actor.last_ring;
}

void Observer::acknowledges_merge(const OpId& op) {
    const auto merge = merges_.find(op);
    if (merge == merges_.end()) return;
    const unsigned machine = std::get<1>(op);
    for (const auto& [key, context] : merge->second.changes)
        for (const Dot& dot : context)
            if (!holds(machine, *key, dot))
                return fail(fmt::format("machine {} acknowledges {} of {} and hasn't got it in its log",
                                        machine, show(dot), key->name));
    merges_.erase(merge);
}

void Observer::on_sent(unsigned from, unsigned to, std::string_view frame) {
    BusFrameReader reader(frame);
    while (const auto message = reader.next()) {
        if (message->kind == BusKind::ack) {
            const auto ack = decode_ack(message->body);
            if (ack && ack->status == BusStatus::done) acknowledges_merge({to, from, ack->op});
        } else if (message->kind == BusKind::read) {
            const auto read = decode_read(message->body);
            if (!read || !read->cells) continue;
            for (const std::string_view name : read->keys)
                if (Watched* const key = find(name)) key->asked[from] = cluster_.events.now_us();
        } else if (message->kind == BusKind::forward_reply) {
            const auto reply = decode_forward_reply(message->body);
            if (!reply) continue;
            const bool was_late = late_.erase({to, from, reply->op}) != 0;
            if (was_late && reply->status == BusStatus::done)
                fail(fmt::format("machine {} ran what machine {} had sent it after its deadline", from, to));
        }
    }
}

void Observer::on_received(unsigned from, unsigned to, std::string_view frame) {
    BusFrameReader reader(frame);
    while (const auto message = reader.next()) {
        if (message->kind == BusKind::merge) {
            const auto merge = decode_merge(message->body);
            if (!merge) continue;
            Merge& noted = merges_[{from, to, merge->op}];
            noted.changes.clear();
            std::string_view rest = merge->changes;
            while (const auto change = next_change(rest)) {
                Watched* const key = find(change->key);
                const auto cell = key != nullptr ? decode_cell(change->cell) : std::nullopt;
                if (!cell) continue;
                note_cell(*key, *cell, from);
                noted.changes.emplace_back(key, std::vector<Dot>(cell->context.begin(), cell->context.end()));
            }
        } else if (message->kind == BusKind::forward) {
            const auto forward = decode_forward(message->body);
            const auto& workers = cluster_.machine(to).process->node().core().workers;
            if (forward && !workers.empty() && forward->deadline_ms < workers.front()->now_ms)
                late_.insert({from, to, forward->op});
        }
    }
}

// ---- deciding

void Observer::look_for_alive(unsigned machine) {
    const Topology& topology = coordinator(machine).topology();
    Machine& state = at(machine);
    if (std::exchange(state.topology, topology.version) == topology.version) return;
    const auto before = std::exchange(state.alive_us, {});
    for (const Peer& peer : topology.peers) {
        if (peer.liveness != Liveness::alive) continue;
        const auto known = before.find(peer.id);
        state.alive_us[peer.id] = known != before.end() ? known->second : cluster_.events.now_us();
    }
}

/// Is it this machine that has just written the value, by its own copy, which it mustn't trust? Then since
/// when there has been another owner to ask; else never.
int64_t Observer::unasked_since(const Watched& key, const Dot& dot, unsigned machine) {
    if (dot.actor != at(machine).actor || !can_look(machine)) return INT64_MAX;
    Coordinator& decider = coordinator(machine);
    const int64_t now = cluster_.events.now_us();
    // Trusted when it decided, and not any more at the end of the turn.
    if (decider.trusts_own_copy(key.shard) || now - at(machine).unsettled_us < kTurnUs) return INT64_MAX;
    const auto asked = key.asked.find(machine);
    if (asked != key.asked.end() && asked->second >= now - kAskedUs) return INT64_MAX;
    int64_t since = INT64_MAX;
    for (const Replica& owner : decider.plan(key.shard).replicas) {
        if (!owner.owner || !owner.alive || owner.self) continue;
        const auto alive = at(machine).alive_us.find(owner.id);
        if (alive != at(machine).alive_us.end()) since = std::min(since, alive->second);
    }
    return since;
}

void Observer::check_decision(const Watched& key, const Value& value, const HistoryOp& op) {
    // Whoever can't ask goes on with what it has, but not at once. Who turns up later, while the command
    // waits for the disk, needn't be asked.
    if (value.unasked_us <= op.start_us && value.us - op.start_us < kPatienceUs)
        fail("decided by a copy that wasn't to be trusted alone: " + describe(op));
    // TORC.SET covers what its context says.
    if (!only_deaths_ || op.kind == HistoryOp::Kind::resolve) return;
    for (const Acknowledged& write : key.acknowledged)
        if (write.us < op.start_us && !value.context.covers(write.dot))
            fail(fmt::format("doesn't know of {}, acknowledged at {:.6f}: {}", show(write.dot),
                             static_cast<double>(write.us) / 1e6, describe(op)));
}

// ---- settling

void Observer::look_for_settled(unsigned machine) {
    const ClusterCore& cluster = cluster_.machine(machine).process->cluster();
    Machine& state = at(machine);
    const int64_t now = cluster_.events.now_us();
    const uint64_t unsettles = cluster.unsettle_count();
    if (std::exchange(state.unsettles, unsettles) != unsettles) state.unsettled_us = now;
    if (now - state.settling_us < kSettlingLookUs) return;
    state.settling_us = now;
    const ShardSet settled = cluster.settled_shards();
    for (const auto& [shard, key] : all_) {
        const uint32_t bit = settled[shard] ? 1u << machine : 0;
        if (bit != 0 && (key->settled & bit) == 0) {
            look(machine, *key);
            check_settled(*key, machine);
        }
        key->settled = (key->settled & ~(1u << machine)) | bit;
    }
}

void Observer::check_settled(const Watched& key, unsigned machine) {
    const auto topology = cluster_.machine(machine).process->cluster().topology();
    const auto owners = topology->ring->owners(key.shard);
    for (const Acknowledged& write : key.acknowledged) {
        const auto held = std::ranges::count_if(owners, [&](NodeId id) {
            const int owner = machine_of(id);
            return owner >= 0 && (write.holders >> owner & 1) != 0;
        });
        if (write.us > at(machine).unsettled_us || static_cast<size_t>(held) < owners.size() / 2 + 1 ||
            key.copies[machine].ever_covered(write.dot))
            continue;
        fail(fmt::format("machine {} has settled the shard of {} and never had {}, acknowledged at {:.6f}",
                         machine, key.name, show(write.dot), static_cast<double>(write.us) / 1e6));
    }
}

/// An owner's copy goes when it's a tombstone that all have: nobody need know any more what it covered.
void Observer::forget_reaped(Watched& key, unsigned machine) {
    const ClusterCore& cluster = cluster_.machine(machine).process->cluster();
    if (!cluster.topology()->ring->owns(cluster.self, key.shard)) return;
    const CopyRecord& gone = copy(key, machine);
    std::erase_if(key.acknowledged, [&](const Acknowledged& write) { return gone.ever_covered(write.dot); });
}

// ---- hand-over

void Observer::check_hand_over(Watched& key, unsigned machine) {
    const CopyRecord& gone = copy(key, machine);
    const auto topology = cluster_.machine(machine).process->cluster().topology();
    for (const NodeId id : topology->ring->owners(key.shard)) {
        const int owner = machine_of(id);
        if (owner < 0 || static_cast<unsigned>(owner) == machine) continue;
        for (const Dot& dot : gone.context().entries)
            if (!copy(key, static_cast<unsigned>(owner)).ever_covered(dot))
                return fail(fmt::format("machine {} drops {}, and machine {}, an owner, never had {}",
                                        machine, key.name, owner, show(dot)));
    }
}

// ---- refusals

void Observer::judge(const History& history) {
    for (const HistoryOp& op : history) {
        if (op.outcome != HistoryOp::Outcome::refused || !op.writes()) continue;
        const Watched* const key = find(op.key);
        if (key != nullptr && key->values.contains(op.value))
            fail("refused, and written all the same: " + describe(op));
    }
}

}  // namespace torc
