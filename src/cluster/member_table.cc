#include "cluster/member_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "cluster/member_facts.h"
#include "cluster/shard_set.h"

namespace torc {
namespace {

using UpdateKind = MemberUpdate::Kind;

bool newer(const MemberFacts& a, const MemberFacts& b) {
    return std::tie(a.incarnation, a.version) > std::tie(b.incarnation, b.version);
}

/// A member that has just started may not know yet where it's reached; where it was is the best guess.
/// Without any address nobody would keep a link to it, and it would never learn.
void accept(const MemberFacts& said, MemberFacts& known) {
    const std::string bus_host = known.bus.host, client_host = known.client.host;
    known = said;
    if (known.bus.host.empty()) known.bus.host = bus_host;
    if (known.client.host.empty()) known.client.host = client_host;
}

}  // namespace

std::string short_name(NodeId id) {
    return fmt::format("{:016x}", id);
}

MemberTable::MemberTable(const MemberFacts& self) : self_(self) {
    TORC_CHECK(self.id != 0);
    // A clock that went back between two runs is caught up with by outbid().
    self_.incarnation = std::max<uint64_t>(self.incarnation + 1, self.started_ms > 0 ? self.started_ms : 0);
    self_.version = std::max<uint64_t>(self.version, 1);
}

bool MemberTable::foreign(uint64_t cluster_id) const {
    return cluster_id != 0 && self_.cluster_id != 0 && cluster_id != self_.cluster_id;
}

MemberRecord* MemberTable::find(NodeId id) {
    const auto it = records_.find(id);
    return it == records_.end() ? nullptr : &it->second;
}

MemberTable::Merged MemberTable::merge(const MemberUpdate& update, NodeId from, Now now) {
    const NodeId id = update.facts.id;
    if (id == 0 || forgotten(id, update.facts.incarnation)) return Merged::nothing;
    if (id == self_.id) return merge_own(update);
    if (update.kind == UpdateKind::facts) return merge_facts(update.facts, from, now);
    MemberRecord* record = find(id);
    if (record == nullptr || update.facts.incarnation < record->member.facts.incarnation)
        return Merged::nothing;
    // Of an incarnation that this node hasn't heard of: what it says of itself comes first.
    if (update.facts.incarnation > record->member.facts.incarnation) return Merged::accused;
    if (record->member.liveness == Liveness::left) return Merged::nothing;
    if (update.kind == UpdateKind::left) {
        change_liveness(*record, Liveness::left, now, "it has left the cluster");
        return Merged::news;
    }
    return merge_vote(*record, update, now);
}

MemberTable::Merged MemberTable::merge_own(const MemberUpdate& update) {
    const MemberFacts& said = update.facts;
    if (update.kind == UpdateKind::facts) {
        const bool another_run = said.incarnation == self_.incarnation && said.version == self_.version &&
                                 !same_facts(said, self_);
        if (newer(said, self_) || another_run) outbid(said.incarnation);
    } else if (update.kind == UpdateKind::left && leaving_) {
        return Merged::nothing;
    } else if (said.incarnation >= self_.incarnation) {
        outbid(said.incarnation);
    }
    return Merged::nothing;
}

MemberTable::Merged MemberTable::merge_facts(const MemberFacts& facts, NodeId from, Now now) {
    if (foreign(facts.cluster_id)) return Merged::nothing;
    MemberRecord* record = find(facts.id);
    if (record == nullptr) {
        if (records_.size() >= Membership::kMaxMembers) return Merged::nothing;
        insert(facts, now);
        forgotten_.erase(facts.id);
        tell(MembershipEvent::Kind::joined, facts.id,
             fmt::format("{} at {}:{}, heard from {}", short_name(facts.id), facts.bus.host, facts.bus.port,
                         short_name(from)));
        return Merged::greeted;
    }
    MemberFacts& known = record->member.facts;
    const bool fresh = newer(facts, known);
    if (!fresh && !(record->presumed && facts.incarnation == known.incarnation)) return Merged::nothing;
    const bool reborn = facts.incarnation > known.incarnation || record->presumed;
    const bool differ = !same_facts(facts, known);
    if (fresh) accept(facts, known);
    if (reborn) {
        record->presumed = false;
        record->votes.clear();
        record->asking = false;
        record->member.ping_sent_ms = 0;
        if (from != facts.id) record->via = from;
        if (record->member.liveness != Liveness::alive)
            change_liveness(*record, Liveness::alive, now,
                            "it says so itself, as heard from " + short_name(from));
    }
    if (differ) tell(MembershipEvent::Kind::facts_changed, facts.id, short_name(facts.id));
    return Merged::news;
}

MemberTable::Merged MemberTable::merge_vote(MemberRecord& record, const MemberUpdate& update, Now now) {
    if (update.voter == self_.id || update.voter == record.id() || record.member.liveness == Liveness::down)
        return Merged::nothing;
    const bool confirmed = update.kind == UpdateKind::down;
    if (confirmed && !record.contacted) {
        change_liveness(record, Liveness::down, now, "as " + short_name(update.voter) + " has confirmed");
        return Merged::news;
    }
    const auto vote = std::ranges::find(record.votes, update.voter, &MemberRecord::Vote::voter);
    if (vote != record.votes.end()) {
        if (vote->confirmed || !confirmed) return Merged::nothing;
        vote->confirmed = true;
    } else {
        if (record.votes.size() >= kMaxVotes) return Merged::nothing;
        record.votes.push_back({update.voter, confirmed});
    }
    return record.suspected() ? Merged::news : Merged::accused;
}

MemberRecord& MemberTable::insert(const MemberFacts& facts, Now now) {
    MemberRecord& record = records_[facts.id];
    record.member.facts = facts;
    record.member.since_ms = now.monotonic_ms;
    return record;
}

void MemberTable::remember(const MemberFacts& facts, Now now) {
    if (facts.id == 0 || facts.id == self_.id || find(facts.id) != nullptr) return;
    if (forgotten(facts.id, facts.incarnation) || foreign(facts.cluster_id) ||
        records_.size() >= Membership::kMaxMembers)
        return;
    MemberRecord& record = insert(facts, now);
    record.presumed = true;
    record.member.liveness = Liveness::down;
    record.member.reachable = false;
}

void MemberTable::update_self(const MemberFacts& facts) {
    MemberFacts next = facts;
    next.id = self_.id;
    next.incarnation = self_.incarnation;
    next.version = self_.version;
    if (same_facts(next, self_)) return;
    ++next.version;
    self_ = std::move(next);
    self_changed_ = true;
    std::erase_if(records_, [&](const auto& entry) { return foreign(entry.second.member.facts.cluster_id); });
}

void MemberTable::leave() {
    leaving_ = true;
    self_changed_ = true;
}

bool MemberTable::forgotten(NodeId id, uint64_t incarnation) const {
    const auto it = forgotten_.find(id);
    return it != forgotten_.end() && incarnation <= it->second;
}

void MemberTable::forget(NodeId id) {
    const MemberRecord* const record = find(id);
    const uint64_t incarnation = record == nullptr ? 0 : record->member.facts.incarnation;
    records_.erase(id);
    if (id == self_.id || !forgotten_.emplace(id, incarnation).second) return;
    forgotten_order_.push_back(id);
    if (forgotten_order_.size() <= kMaxForgotten) return;
    forgotten_.erase(forgotten_order_.front());
    forgotten_order_.pop_front();
}

void MemberTable::outbid(uint64_t incarnation) {
    self_.incarnation = std::min(std::max(self_.incarnation, incarnation) + 1, kHighestIncarnation);
    // Others decided for it meanwhile. The refutation itself says that it has to catch up: in facts that
    // still called its shards settled they would leave deciding to it at once.
    self_.unsettled.assign(kShardSetBytes, '\xff');
    self_changed_ = true;
}

void MemberTable::change_liveness(MemberRecord& record, Liveness liveness, Now now, const std::string& why) {
    using Event = MembershipEvent::Kind;
    TORC_CHECK(record.member.liveness != liveness);
    record.member.liveness = liveness;
    record.member.since_ms = now.monotonic_ms;
    if (liveness != Liveness::suspect) record.asking = false;
    if (liveness == Liveness::alive || liveness == Liveness::left) record.member.ping_sent_ms = 0;
    if (liveness == Liveness::down) record.votes.clear();
    constexpr Event kEvents[] = {Event::alive_again, Event::suspected, Event::confirmed_down, Event::left};
    tell(kEvents[static_cast<size_t>(liveness)], record.id(), short_name(record.id()) + ": " + why);
}

uint64_t MemberTable::hash() const {
    const auto one = [](const MemberFacts& facts, Liveness liveness) {
        WireWriter writer;
        writer.u64(facts.id);
        writer.u64(facts.incarnation);
        writer.u64(facts.version);
        writer.u8(liveness >= Liveness::down ? static_cast<uint8_t>(liveness) : 0);
        return hash64(writer.bytes(), 0);
    };
    uint64_t hash = one(self_, leaving_ ? Liveness::left : Liveness::alive);
    for (const auto& [id, record] : records_) {
        if (!record.presumed) hash ^= one(record.member.facts, record.member.liveness);
    }
    return hash;
}

std::vector<MembershipMessage::Known> MemberTable::digest() const {
    std::vector<MembershipMessage::Known> digest;
    digest.reserve(records_.size() + 1);
    digest.push_back(
        {self_.id, {self_.incarnation, self_.version, leaving_ ? Liveness::left : Liveness::alive}});
    for (const auto& [id, record] : records_) {
        // What only the last run's file says must not outweigh what others have seen since.
        if (record.presumed) continue;
        const MemberFacts& facts = record.member.facts;
        digest.push_back({id, {facts.incarnation, facts.version, record.member.liveness}});
    }
    return digest;
}

void MemberTable::describe(NodeId id, std::vector<std::string>& updates) const {
    const auto claim = [&](UpdateKind kind, uint64_t incarnation) {
        MemberUpdate update;
        update.kind = kind;
        update.facts.id = id;
        update.facts.incarnation = incarnation;
        update.voter = self_.id;
        updates.push_back(encode_update(update));
    };
    if (id == self_.id) {
        updates.push_back(encode_update({UpdateKind::facts, self_, 0}));
        if (leaving_) claim(UpdateKind::left, self_.incarnation);
        return;
    }
    const auto it = records_.find(id);
    if (it == records_.end() || it->second.presumed) return;
    const Member& member = it->second.member;
    updates.push_back(encode_update({UpdateKind::facts, member.facts, 0}));
    constexpr UpdateKind kClaims[] = {UpdateKind::facts, UpdateKind::vote, UpdateKind::down,
                                      UpdateKind::left};
    if (member.liveness != Liveness::alive)
        claim(kClaims[static_cast<size_t>(member.liveness)], member.facts.incarnation);
}

bool MemberTable::take_self_changed() {
    return std::exchange(self_changed_, false);
}

std::vector<MembershipEvent> MemberTable::take_events() {
    return std::exchange(events_, {});
}

void MemberTable::tell(MembershipEvent::Kind kind, NodeId id, std::string text) {
    events_.push_back({kind, id, std::move(text)});
}

}  // namespace torc
