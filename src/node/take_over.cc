#include "node/take_over.h"

#include <algorithm>

#include "cluster/wire.h"

namespace torc {
namespace {

constexpr uint8_t kClaim = 1, kAck = 2;
constexpr int64_t kResendMs = 250;
/// A claim is made anew, with what has been proven since, when it has waited for somebody for so long.
constexpr int64_t kRenewMs = 2000;
/// Gossip has told everybody long before.
constexpr int64_t kCededMs = 10'000;

}  // namespace

const ShardSet& TakeOver::ceded_to(NodeId id, ActorId actor) const {
    static const ShardSet none;
    const auto at = ceded_.find(id);
    return at == ceded_.end() || at->second.actor != actor ? none : at->second.shards;
}

void TakeOver::on_tick(int64_t now_ms) {
    if (born_ms_ == 0) born_ms_ = now_ms;
    const std::shared_ptr<const Topology> topology = cluster_.topology();
    answer();
    forget_ceded(*topology, now_ms);
    claim(*topology, now_ms);
}

void TakeOver::on_message(NodeId from, std::string_view payload, int64_t now_ms) {
    WireReader reader(payload);
    const uint8_t kind = reader.u8();
    Ceded claimed;
    claimed.number = reader.u64();
    claimed.actor = reader.u64();
    if (kind == kAck) {
        if (!reader.finished() || claimed.actor != cluster_.actor || claimed.number != claim_.number) return;
        claim_.answered.insert(from);
        return claim(*cluster_.topology(), now_ms);
    }
    const uint64_t epoch = reader.u64();
    claimed.shards = shard_set_of(reader.raw(kShardSetBytes));
    if (kind == kClaim && reader.finished()) on_claim(from, claimed, epoch, now_ms);
}

// ---- who is asked

void TakeOver::on_claim(NodeId from, const Ceded& claimed, uint64_t epoch, int64_t now_ms) {
    const std::shared_ptr<const Topology> topology = cluster_.topology();
    const Peer* peer = topology->peer(from);
    // Of another ring than ours, or of a run that we haven't heard of: it asks again.
    if (epoch != topology->ring->epoch() || peer == nullptr || peer->actor != claimed.actor ||
        peer->liveness != Liveness::alive)
        return;
    Ceded& ceded = ceded_[from];
    if (ceded.actor == claimed.actor && claimed.number < ceded.number) return;
    changed_ |= ceded.actor != claimed.actor || ceded.shards != claimed.shards;
    ceded = claimed;
    ceded.until_ms = now_ms + kCededMs;
    std::erase_if(answers_, [from](const Answer& answer) { return answer.to == from; });
    answers_.push_back({from, claimed.number, claimed.actor, topology->version + (changed_ ? 1 : 0)});
}

void TakeOver::answer() {
    std::erase_if(answers_, [this](const Answer& answer) {
        if (!cluster_.seen_by_all(answer.version)) return false;
        WireWriter ack;
        ack.u8(kAck);
        ack.u64(answer.number);
        ack.u64(answer.actor);
        send(answer.to, ack.take());
        return true;
    });
}

void TakeOver::forget_ceded(const Topology& topology, int64_t now_ms) {
    const auto gone = std::erase_if(ceded_, [&](const auto& entry) {
        const Peer* peer = topology.peer(entry.first);
        return now_ms >= entry.second.until_ms || peer == nullptr || peer->liveness != Liveness::alive ||
               peer->actor != entry.second.actor;
    });
    changed_ |= gone != 0;
    std::erase_if(answers_, [this](const Answer& answer) { return !ceded_.contains(answer.to); });
}

// ---- who claims

/// Has every other owner ceded the shard, or is it down?
bool TakeOver::stands(const Topology& topology, ShardId shard, int64_t now_ms) const {
    return std::ranges::all_of(topology.ring->owners(shard), [&](NodeId owner) {
        if (owner == cluster_.self || claim_.answered.contains(owner)) return true;
        const Peer* peer = topology.peer(owner);
        return (peer == nullptr || !peer->usable()) && now_ms - born_ms_ >= kStrangerMs;
    });
}

void TakeOver::claim(const Topology& topology, int64_t now_ms) {
    const uint64_t unsettles = cluster_.unsettle_count();
    const ShardSet settled = cluster_.settled_shards(), fresh = settled & ~cluster_.taken_shards();
    const ShardSet& owned = topology.ring->owned(cluster_.self);
    const ShardSet proven = settled & owned, wanted = fresh & owned;
    // Of what isn't its own yet, a node decides nothing.
    for_each_shard(fresh & ~owned, [&](ShardId shard) { cluster_.take(shard, now_ms, unsettles); });
    const uint64_t epoch = topology.ring->epoch();
    const bool waits = (wanted & claim_.shards).any() && now_ms - claim_.born_ms < kRenewMs;
    const bool lost_more = (claim_.shards & ~proven).any();
    const bool is_old = claim_.epoch != epoch || claim_.unsettles != unsettles;
    if (wanted.any() ? !waits || is_old : lost_more || (claim_.lost.any() && claim_.epoch != epoch)) {
        const ShardSet lost = (claim_.shards | claim_.lost) & ~proven;
        claim_ = {claim_.number + 1, epoch, unsettles, proven, lost, {}, now_ms, now_ms};
    }
    if (wanted.none() && claim_.lost.none()) return;

    std::set<NodeId> asked;
    // Every other owner that hasn't answered; false when there's none. Who is down has forgotten the claim.
    const auto ask = [&](ShardId shard, bool those_down_too) {
        bool any = false;
        for (const NodeId owner : topology.ring->owners(shard)) {
            if (owner == cluster_.self || claim_.answered.contains(owner)) continue;
            const Peer* peer = topology.peer(owner);
            if (!those_down_too && (peer == nullptr || !peer->usable())) continue;
            asked.insert(owner);
            any = true;
        }
        return any;
    };
    for_each_shard(claim_.lost, [&](ShardId shard) { claim_.lost[shard] = ask(shard, false); });
    for_each_shard(wanted & claim_.shards, [&](ShardId shard) {
        if (stands(topology, shard, now_ms))
            cluster_.take(shard, now_ms, unsettles);
        else
            ask(shard, true);
    });
    if (now_ms < claim_.send_ms) return;
    claim_.send_ms = now_ms + kResendMs;
    WireWriter claim;
    claim.u8(kClaim);
    claim.u64(claim_.number);
    claim.u64(cluster_.actor);
    claim.u64(claim_.epoch);
    claim.raw(shard_set_bytes(claim_.shards));
    for (const NodeId owner : asked) send(owner, claim.bytes());
}

}  // namespace torc
