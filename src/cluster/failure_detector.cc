#include "cluster/failure_detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace torc {
namespace {

using Kind = MembershipMessage::Kind;

// An answer to an older question says nothing about now (it may have waited in a queue of ours).
constexpr int64_t kFreshMs = 1000;
// A clock read over a slower round trip isn't worth having.
constexpr int64_t kClockTripMs = 500;
// The links to a new member need a moment to come up.
constexpr int64_t kGraceMs = 1000;
constexpr int64_t kRefutationMs = 5000;
constexpr int64_t kVoteAgainMs = 1000;
// Direct questions in a row without an answer until a member counts as not reachable by ourselves.
constexpr unsigned kMissedTooMany = 3;
// Votes beyond this many change nothing more: Lifeguard's K.
constexpr size_t kEnoughVotes = 3;

}  // namespace

FailureDetector::FailureDetector(MemberTable& table, MemberPost& post, const Membership::Settings& settings,
                                 uint64_t seed)
    : table_(table), post_(post), settings_(settings), rng_(seed), run_(static_cast<uint32_t>(rng_.next())) {}

void FailureDetector::on_tick(Now now) {
    if (next_questions_ms_ == 0) {
        next_questions_ms_ = now.monotonic_ms + static_cast<int64_t>(rng_.below(settings_.probe_interval_ms));
    }
    if (now.monotonic_ms >= next_questions_ms_) {
        next_questions_ms_ = now.monotonic_ms + health_.stretched(settings_.probe_interval_ms);
        next_questions(now);
    }
    for (auto& [id, record] : table_.records()) {
        if (record.asking) pursue(record, now);
        if (record.suspected()) confirm_when_due(record, now);
    }
    expire_relays(now);
}

void FailureDetector::next_questions(Now now) {
    MemberRecord* const next = next_in_round();
    MemberRecord* const beside = neighbour();
    if (next != nullptr && may_be_asked(*next, now)) ask(*next, false, now);
    if (beside != nullptr && beside != next && may_be_asked(*beside, now)) ask(*beside, false, now);
    if (MemberRecord* const down = next_down()) ping(*down, now);
    for (auto& [id, record] : table_.records()) {
        if (record.refutation_of == 0) continue;
        if (record.member.facts.incarnation > record.refutation_of ||
            now.monotonic_ms > record.refutation_until_ms)
            record.refutation_of = 0;
        else if (!record.asking)
            ping(record, now);
    }
}

bool FailureDetector::may_be_asked(const MemberRecord& record, Now now) const {
    if (record.asking || record.gone()) return false;
    return record.member.last_heard_ms != 0 || now.monotonic_ms - record.member.since_ms >= kGraceMs;
}

// ---- asking

void FailureDetector::ask(MemberRecord& record, bool hurried, Now now) {
    record.asking = true;
    record.hurried = hurried;
    record.relays_asked = false;
    record.relayed_ms = 0;
    record.relay_answered = false;
    record.asked_ms = now.monotonic_ms;
    record.member.ping_sent_ms = now.monotonic_ms;
    ping(record, now);
    if (hurried) ask_others(record, now);
}

void FailureDetector::verify(MemberRecord& record, Now now) {
    if (record.gone() || record.suspected() || (record.asking && record.hurried)) return;
    if (record.asking || may_be_asked(record, now)) ask(record, true, now);
}

void FailureDetector::pursue(MemberRecord& record, Now now) {
    const int64_t timeout = health_.stretched(settings_.probe_timeout_ms);
    const int64_t waited = now.monotonic_ms - record.asked_ms;
    const bool late = waited >= timeout;
    const bool pressing = record.hurried || late || record.suspected();
    const int64_t again = pressing ? settings_.probe_timeout_ms / 3 : timeout / 2;
    const int64_t others_again = record.suspected() ? settings_.probe_interval_ms : timeout / 2;
    if (now.monotonic_ms - record.pinged_ms >= again) ping(record, now);
    if (pressing && now.monotonic_ms - record.relayed_ms >= others_again) ask_others(record, now);
    if (record.suspected()) {
        if (now.monotonic_ms - record.voted_ms >= kVoteAgainMs) vote_against(record, now);
        return;
    }
    if (waited >= (record.hurried ? timeout * 4 / 3 : timeout * 2)) suspect(record, now);
}

void FailureDetector::ping(MemberRecord& record, Now now) {
    record.pinged_ms = now.monotonic_ms;
    MembershipMessage message;
    message.kind = Kind::ping;
    message.target = record.id();
    message.run = run_;
    message.stamp_ms = now.monotonic_ms;
    message.view = view_of(record);
    post_.send(record.id(), message);
}

/// A member that somebody accuses is told so: it can't refute what it doesn't know of.
MemberView FailureDetector::view_of(const MemberRecord& record) const {
    const MemberFacts& facts = record.member.facts;
    MemberView view{facts.incarnation, facts.version, record.member.liveness};
    const bool accused = !record.votes.empty() || record.refutation_of == facts.incarnation;
    if (view.liveness == Liveness::alive && accused) view.liveness = Liveness::suspect;
    if (record.presumed) view = {};
    return view;
}

void FailureDetector::ask_others(MemberRecord& record, Now now) {
    record.relayed_ms = now.monotonic_ms;
    std::vector<NodeId> relays;
    for (const auto& [id, other] : table_.records()) {
        if (id != record.id() && other.member.liveness == Liveness::alive) relays.push_back(id);
    }
    const size_t count = std::min<size_t>(settings_.indirect_probes, relays.size());
    for (size_t i = 0; i < count; ++i) {
        size_t pick = i + rng_.below(relays.size() - i);
        // First of all who reached it lately, then who helped last with another: perhaps a bridge.
        const NodeId likely = i == 0 ? record.via : i == 1 ? last_helper_ : 0;
        const auto found = std::find(relays.begin() + static_cast<ptrdiff_t>(i), relays.end(), likely);
        if (found != relays.end()) pick = static_cast<size_t>(found - relays.begin());
        std::swap(relays[i], relays[pick]);
        MembershipMessage message;
        message.kind = Kind::ask;
        message.target = record.id();
        message.run = run_;
        message.stamp_ms = now.monotonic_ms;
        message.view = view_of(record);
        post_.send(relays[i], message);
        record.relays_asked = true;
    }
}

MemberRecord* FailureDetector::next_in_round() {
    for (int rounds = 0; rounds < 2; ++rounds) {
        while (round_at_ < round_.size()) {
            MemberRecord* const record = table_.find(round_[round_at_++]);
            if (record != nullptr && !record->gone()) return record;
        }
        round_.clear();
        round_at_ = 0;
        for (const auto& [id, record] : table_.records()) {
            if (!record.gone()) round_.push_back(id);
        }
        for (size_t i = 1; i < round_.size(); ++i) std::swap(round_[i], round_[rng_.below(i + 1)]);
    }
    return nullptr;
}

void FailureDetector::on_joined(NodeId id) {
    const size_t at = round_at_ + rng_.below(round_.size() - round_at_ + 1);
    round_.insert(round_.begin() + static_cast<ptrdiff_t>(at), id);
}

MemberRecord* FailureDetector::neighbour() {
    MemberTable::Records& records = table_.records();
    auto it = records.upper_bound(table_.self().id);
    for (size_t i = 0; i < records.size(); ++i, ++it) {
        if (it == records.end()) it = records.begin();
        if (!it->second.gone()) return &it->second;
    }
    return nullptr;
}

MemberRecord* FailureDetector::next_down() {
    MemberTable::Records& records = table_.records();
    auto it = records.upper_bound(last_down_);
    for (size_t i = 0; i < records.size(); ++i, ++it) {
        if (it == records.end()) it = records.begin();
        if (it->second.member.liveness != Liveness::down) continue;
        last_down_ = it->first;
        return &it->second;
    }
    return nullptr;
}

// ---- answers

void FailureDetector::on_ping(NodeId from, const MembershipMessage& ping) {
    const MemberFacts& self = table_.self();
    if (ping.target != self.id) return;
    const bool accused = ping.view.liveness == Liveness::suspect || ping.view.liveness == Liveness::down ||
                         (ping.view.liveness == Liveness::left && !table_.leaving());
    if (ping.view.incarnation > self.incarnation || (accused && ping.view.incarnation == self.incarnation)) {
        table_.outbid(ping.view.incarnation);
        if (accused) health_.worse();
    }
    MembershipMessage ack;
    ack.kind = Kind::ack;
    ack.target = self.id;
    ack.run = ping.run;
    ack.stamp_ms = ping.stamp_ms;
    const bool knows = ping.view.incarnation == self.incarnation && ping.view.version == self.version;
    std::vector<std::string> updates;
    if (!knows || table_.leaving()) table_.describe(self.id, updates);
    post_.send(from, ack, updates);
}

bool FailureDetector::believable(const MembershipMessage& answer, Now now) const {
    return answer.run == run_ && answer.stamp_ms <= now.monotonic_ms && answer.stamp_ms >= not_before_ms_ &&
           now.monotonic_ms - answer.stamp_ms <= health_.stretched(kFreshMs);
}

void FailureDetector::on_ack(NodeId from, const MembershipMessage& ack, Now now) {
    MemberRecord* const record = table_.find(from);
    if (record == nullptr || ack.target != from || !believable(ack, now)) return;
    read_clock(*record, ack, now);
    record->missed = 0;
    record->member.reachable = true;
    if (record->asking && ack.stamp_ms >= record->asked_ms) health_.better();
    answered(*record, ack, now);
    relay_back(*record, ack);
}

void FailureDetector::on_relayed(NodeId from, const MembershipMessage& relayed, Now now) {
    MemberRecord* const record = table_.find(relayed.target);
    if (record == nullptr || !believable(relayed, now)) return;
    record->via = last_helper_ = from;
    answered(*record, relayed, now);
}

void FailureDetector::answered(MemberRecord& record, const MembershipMessage& answer, Now now) {
    record.contacted = true;
    record.presumed = false;
    if (record.asking && answer.stamp_ms >= record.asked_ms) {
        if (record.relays_asked && ++record.missed >= kMissedTooMany) record.member.reachable = false;
        record.asking = false;
        record.member.ping_sent_ms = 0;
    }
    const bool was_out = record.suspected() || record.member.liveness == Liveness::down;
    if (was_out || !record.votes.empty()) {
        record.refutation_of = record.member.facts.incarnation;
        record.refutation_until_ms = now.monotonic_ms + kRefutationMs;
    }
    if (was_out) table_.change_liveness(record, Liveness::alive, now, "it answers");
}

void FailureDetector::read_clock(MemberRecord& record, const MembershipMessage& ack, Now now) {
    const int64_t trip_ms = now.monotonic_ms - ack.stamp_ms;
    if (trip_ms > kClockTripMs && record.member.clock_known) return;
    record.wall_less_monotonic_ms = ack.wall_ms + trip_ms / 2 - now.monotonic_ms;
    record.member.clock_offset_ms = record.wall_less_monotonic_ms + now.monotonic_ms - now.wall_ms;
    record.member.clock_known = true;
}

void FailureDetector::on_heard(MemberRecord& record, Now now) {
    record.member.last_heard_ms = now.monotonic_ms;
    const bool silent_for_us = record.member.liveness == Liveness::down;
    if (silent_for_us && now.monotonic_ms - record.pinged_ms >= settings_.probe_timeout_ms) ping(record, now);
}

// ---- helping others

void FailureDetector::on_ask(NodeId from, const MembershipMessage& ask, Now now) {
    MemberRecord* const target = table_.find(ask.target);
    if (target == nullptr || relays_.size() >= kMaxRelays) return;
    relays_.push_back({from, ask.target, ask.run, ask.stamp_ms, ask.view, now.monotonic_ms});
    MembershipMessage message;
    message.kind = Kind::ping;
    message.target = ask.target;
    message.run = run_;
    message.stamp_ms = now.monotonic_ms;
    message.view = ask.view;
    post_.send(ask.target, message);
}

void FailureDetector::relay_back(const MemberRecord& target, const MembershipMessage& ack) {
    std::erase_if(relays_, [&](const Relay& relay) {
        if (relay.target != target.id() || ack.stamp_ms < relay.began_ms) return false;
        MembershipMessage message;
        message.kind = Kind::relayed;
        message.target = relay.target;
        message.run = relay.run;
        message.stamp_ms = relay.stamp_ms;
        const MemberFacts& facts = target.member.facts;
        std::vector<std::string> updates;
        if (relay.view.incarnation != facts.incarnation || relay.view.version != facts.version)
            updates.push_back(encode_update({MemberUpdate::Kind::facts, facts, 0}));
        post_.send(relay.prober, message, updates);
        return true;
    });
}

void FailureDetector::expire_relays(Now now) {
    std::erase_if(relays_, [&](const Relay& relay) {
        if (now.monotonic_ms - relay.began_ms < settings_.probe_timeout_ms) return false;
        MembershipMessage message;
        message.kind = Kind::unanswered;
        message.target = relay.target;
        message.run = relay.run;
        message.stamp_ms = relay.stamp_ms;
        post_.send(relay.prober, message);
        return true;
    });
}

void FailureDetector::on_unanswered(const MembershipMessage& unanswered) {
    MemberRecord* const record = table_.find(unanswered.target);
    if (record != nullptr && unanswered.run == run_ && unanswered.stamp_ms >= record->asked_ms)
        record->relay_answered = true;
}

// ---- verdicts

void FailureDetector::suspect(MemberRecord& record, Now now) {
    // Helpers that were asked and stayed as silent as the member: perhaps it's us.
    if (record.relays_asked && !record.relay_answered) health_.worse();
    record.missed = kMissedTooMany;
    record.member.reachable = false;
    table_.change_liveness(record, Liveness::suspect, now,
                           fmt::format("no answer for {} ms, neither directly nor through others",
                                       now.monotonic_ms - record.asked_ms));
    vote_against(record, now);
}

/// Again and again while the suspicion stands: others may have forgotten what they heard (forget_timers()),
/// and without a vote of somebody else nobody calls it down.
void FailureDetector::vote_against(MemberRecord& record, Now now) {
    record.voted_ms = now.monotonic_ms;
    // Of many voices a few are enough, and the rest needn't be carried around.
    if (record.votes.size() > kEnoughVotes) return;
    MemberUpdate vote;
    vote.kind = MemberUpdate::Kind::vote;
    vote.facts.id = record.id();
    vote.facts.incarnation = record.member.facts.incarnation;
    vote.voter = table_.self().id;
    post_.spread(vote);
}

/// How long a suspicion must stand; never, by a number that no clock reaches, while there's somebody to ask.
int64_t FailureDetector::suspicion_ms(const MemberRecord& record, Now now) const {
    constexpr int64_t kNever = INT64_MAX;
    size_t others = 0;
    int64_t last_heard_ms = 0;
    for (const auto& [id, other] : table_.records()) {
        if (id == record.id() || other.gone()) continue;
        ++others;
        last_heard_ms = std::max(last_heard_ms, other.member.last_heard_ms);
    }
    const double members = static_cast<double>(others + 2);
    const double spread_ms = settings_.suspicion_multiplier * std::max(1.0, std::log10(members)) *
                             static_cast<double>(settings_.probe_interval_ms);
    const int64_t least = std::max(settings_.suspicion_min_ms, static_cast<int64_t>(spread_ms));
    const int64_t most = std::max(settings_.suspicion_max_ms, least);
    if (record.votes.empty()) {
        // Its own messages arrive though it doesn't answer: a one-way cut, which nobody else can judge.
        if (others == 0) return now.monotonic_ms - record.member.last_heard_ms < least ? kNever : 2 * least;
        return now.monotonic_ms - last_heard_ms < most ? kNever : most;
    }
    const size_t enough = std::clamp<size_t>(others, 1, kEnoughVotes);
    const bool confirmed = std::ranges::any_of(record.votes, &MemberRecord::Vote::confirmed);
    const double votes = static_cast<double>(confirmed ? enough : std::min(record.votes.size(), enough));
    const double done = std::log(votes + 1) / std::log(static_cast<double>(enough) + 1);
    return most - static_cast<int64_t>(static_cast<double>(most - least) * done);
}

void FailureDetector::confirm_when_due(MemberRecord& record, Now now) {
    const int64_t suspected_ms = now.monotonic_ms - record.member.since_ms;
    if (suspected_ms < settings_.suspicion_min_ms) return;
    const int64_t due = suspicion_ms(record, now);
    if (suspected_ms < due || suspected_ms < health_.stretched(due / 2)) return;
    const std::string who =
        record.votes.empty() ? std::string("and nobody else can be asked")
                             : fmt::format("as {} and {} more say too",
                                           short_name(record.votes.front().voter), record.votes.size() - 1);
    MemberUpdate down;
    down.kind = MemberUpdate::Kind::down;
    down.facts.id = record.id();
    down.facts.incarnation = record.member.facts.incarnation;
    down.voter = table_.self().id;
    table_.change_liveness(record, Liveness::down, now,
                           fmt::format("unreachable for {} ms, {}", suspected_ms, who));
    post_.spread(down);
}

void FailureDetector::forget_timers(Now now) {
    health_.worse();
    relays_.clear();
    not_before_ms_ = now.monotonic_ms;
    next_questions_ms_ = now.monotonic_ms + settings_.probe_interval_ms / 2;
    for (auto& [id, record] : table_.records()) {
        record.votes.clear();
        if (record.suspected())
            record.member.since_ms = record.asked_ms = now.monotonic_ms;
        else
            record.asking = false;
    }
}

}  // namespace torc
