#include "cluster/membership.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/rng.h"
#include "cluster/failure_detector.h"
#include "cluster/member_post.h"
#include "cluster/member_table.h"

namespace torc {
namespace {

using Kind = MembershipMessage::Kind;

// A longer time without a tick is a pause of this process: a stopped VM, SIGSTOP, a machine out of memory.
constexpr int64_t kPauseMs = 500;
constexpr int64_t kGossipIntervalMs = 100;
// Strangers are told who we are at most this often, and a member is asked for its facts.
constexpr int64_t kGreetingMs = 200;

}  // namespace

struct Membership::Impl {
    Impl(MemberFacts self, Settings wanted, uint64_t seed)
        : settings(wanted),
          rng(seed),
          table(self),
          post(table, rng.next()),
          detector(table, post, settings, rng.next()) {}

    void observe(Now at);
    void settle();
    void merge(NodeId from, const std::vector<MemberUpdate>& updates);
    void answer_summary(NodeId from);
    void answer_digest(NodeId from);
    void answer_want(NodeId from);
    void send_digest(NodeId to);
    void compare_with_somebody();
    void greet(NodeId stranger);
    void follow_head(MemberRecord& sender);

    const Settings settings;
    Rng rng;
    MemberTable table;
    MemberPost post;
    FailureDetector detector;
    Now now;
    bool started = false;
    int64_t last_tick_ms = 0;
    int64_t next_push_pull_ms = 0;
    int64_t next_gossip_ms = 0;
    int64_t last_greeting_ms = INT64_MIN / 2;
    int64_t wall_less_monotonic_ms = 0;
    MembershipMessage in;  // kept for its capacity
};

/// Every input begins here: time goes on, a pause is noticed before anything is judged by it, and a jump of
/// our own wall clock changes how far the others are away, not where they are.
void Membership::Impl::observe(Now at) {
    if (!started) {
        started = true;
        last_tick_ms = at.monotonic_ms;
        next_push_pull_ms = at.monotonic_ms + static_cast<int64_t>(rng.below(settings.push_pull_interval_ms));
    }
    now = at;
    post.at(now);
    if (now.monotonic_ms - last_tick_ms > kPauseMs) {
        last_tick_ms = now.monotonic_ms;
        detector.forget_timers(now);
    }
    if (now.wall_ms - now.monotonic_ms == wall_less_monotonic_ms) return;
    wall_less_monotonic_ms = now.wall_ms - now.monotonic_ms;
    for (auto& [id, record] : table.records()) {
        if (record.member.clock_known)
            record.member.clock_offset_ms = record.wall_less_monotonic_ms - wall_less_monotonic_ms;
    }
}

/// Every input ends here: what we say of ourselves now is told.
void Membership::Impl::settle() {
    if (!started || !table.take_self_changed()) return;
    post.spread({MemberUpdate::Kind::facts, table.self(), 0});
    if (!table.leaving()) return;
    MemberUpdate left;
    left.kind = MemberUpdate::Kind::left;
    left.facts.id = table.self().id;
    left.facts.incarnation = table.self().incarnation;
    post.spread(left);
}

void Membership::Impl::merge(NodeId from, const std::vector<MemberUpdate>& updates) {
    for (const MemberUpdate& update : updates) {
        const MemberTable::Merged merged = table.merge(update, from, now);
        if (merged == MemberTable::Merged::nothing) continue;
        MemberRecord* const record = table.find(update.facts.id);
        if (update.facts.incarnation == record->member.facts.incarnation) {
            post.queue().add(update);
            if (update.kind == MemberUpdate::Kind::facts)
                post.queue().refuted(update.facts.id, update.facts.incarnation);
        }
        if (merged == MemberTable::Merged::greeted) detector.on_joined(update.facts.id);
        if (merged == MemberTable::Merged::accused) detector.verify(*record, now);
    }
}

void Membership::Impl::send_digest(NodeId to) {
    MembershipMessage message;
    message.kind = Kind::digest;
    message.digest = table.digest();
    post.send(to, message);
}

void Membership::Impl::compare_with_somebody() {
    std::vector<NodeId> others;
    for (const auto& [id, record] : table.records()) {
        if (!record.gone()) others.push_back(id);
    }
    if (others.empty()) return;
    MembershipMessage message;
    message.kind = Kind::summary;
    message.hash = table.hash();
    post.send(others[rng.below(others.size())], message);
}

void Membership::Impl::answer_summary(NodeId from) {
    if (in.hash != table.hash()) send_digest(from);
}

void Membership::Impl::answer_digest(NodeId from) {
    MembershipMessage want;
    want.kind = Kind::want;
    std::vector<std::string> updates;
    std::set<NodeId> named;
    for (const auto& [id, theirs] : in.digest) {
        named.insert(id);
        if (table.forgotten(id, theirs.incarnation)) continue;
        MemberView ours;
        if (id == table.self().id) {
            ours = {table.self().incarnation, table.self().version,
                    table.leaving() ? Liveness::left : Liveness::alive};
        } else if (const MemberRecord* record = table.find(id); record != nullptr && !record->presumed) {
            const MemberFacts& facts = record->member.facts;
            ours = {facts.incarnation, facts.version, record->member.liveness};
        }
        const auto facts_of = [](const MemberView& view) {
            return std::pair(view.incarnation, view.version);
        };
        const auto fate_of = [](const MemberView& view) {
            return std::pair(view.incarnation, view.liveness);
        };
        const bool known = facts_of(ours) != std::pair<uint64_t, uint64_t>();
        if (known && (facts_of(ours) > facts_of(theirs) || fate_of(ours) > fate_of(theirs)))
            table.describe(id, updates);
        if (facts_of(theirs) > facts_of(ours) || fate_of(theirs) > fate_of(ours)) want.wanted.push_back(id);
    }
    for (const auto& [id, record] : table.records()) {
        if (!named.contains(id)) table.describe(id, updates);
    }
    if (!named.contains(table.self().id)) table.describe(table.self().id, updates);
    post.send_pages(from, updates);
    if (!want.wanted.empty()) post.send(from, want);
}

void Membership::Impl::answer_want(NodeId from) {
    std::vector<std::string> updates;
    for (const NodeId id : in.wanted) table.describe(id, updates);
    post.send_pages(from, updates);
}

void Membership::Impl::greet(NodeId stranger) {
    if (now.monotonic_ms - last_greeting_ms < kGreetingMs) return;
    last_greeting_ms = now.monotonic_ms;
    send_digest(stranger);
}

/// The head shows how new the sender's facts are: what we lack is asked for.
void Membership::Impl::follow_head(MemberRecord& sender) {
    const MemberFacts& known = sender.member.facts;
    if (std::pair(in.incarnation, in.version) <= std::pair(known.incarnation, known.version)) return;
    if (sender.wanted_ms != 0 && now.monotonic_ms - sender.wanted_ms < kGreetingMs) return;
    sender.wanted_ms = now.monotonic_ms;
    MembershipMessage want;
    want.kind = Kind::want;
    want.wanted.push_back(known.id);
    post.send(known.id, want);
}

Membership::Membership(MemberFacts self, Settings settings, uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(self), settings, seed)) {}
Membership::~Membership() = default;

void Membership::on_message(NodeId from, std::string_view payload, Now now) {
    Impl& m = *impl_;
    m.observe(now);
    if (from == 0 || from == m.table.self().id) return;
    if (!decode_message(payload, m.in) || m.table.foreign(m.in.cluster_id)) return;
    if (m.table.forgotten(from, m.in.incarnation)) return;
    // News first: an answer is judged by what came with it.
    m.merge(from, m.in.updates);
    if (MemberRecord* const sender = m.table.find(from)) {
        m.follow_head(*sender);
        m.detector.on_heard(*sender, now);
    } else if (m.in.kind != Kind::digest && m.in.kind != Kind::want) {
        m.greet(from);
    }
    switch (m.in.kind) {
        case Kind::ping:
            m.detector.on_ping(from, m.in);
            break;
        case Kind::ack:
            m.detector.on_ack(from, m.in, now);
            break;
        case Kind::ask:
            m.detector.on_ask(from, m.in, now);
            break;
        case Kind::relayed:
            m.detector.on_relayed(from, m.in, now);
            break;
        case Kind::unanswered:
            m.detector.on_unanswered(m.in);
            break;
        case Kind::gossip:
            break;
        case Kind::summary:
            m.answer_summary(from);
            break;
        case Kind::digest:
            m.answer_digest(from);
            break;
        case Kind::want:
            m.answer_want(from);
            break;
    }
    m.settle();
}

void Membership::on_tick(Now now) {
    Impl& m = *impl_;
    m.observe(now);
    m.last_tick_ms = now.monotonic_ms;
    m.detector.on_tick(now);
    if (now.monotonic_ms >= m.next_push_pull_ms) {
        m.next_push_pull_ms = now.monotonic_ms + m.settings.push_pull_interval_ms;
        m.compare_with_somebody();
    }
    m.settle();
    if (now.monotonic_ms >= m.next_gossip_ms) {
        m.next_gossip_ms = now.monotonic_ms + kGossipIntervalMs;
        m.post.gossip(m.settings.gossip_fanout);
    }
}

void Membership::on_contact(NodeId peer, Now now) {
    Impl& m = *impl_;
    m.observe(now);
    // Who was forgotten speaks first, if it's there anew.
    if (peer == 0 || peer == m.table.self().id || m.table.forgotten(peer, 0)) return;
    m.send_digest(peer);
    if (MemberRecord* const record = m.table.find(peer)) m.detector.ping(*record, now);
}

void Membership::remember(const MemberFacts& facts, Now now) {
    impl_->observe(now);
    impl_->table.remember(facts, now);
}

void Membership::update_self(const MemberFacts& facts) {
    impl_->table.update_self(facts);
    impl_->settle();
}

void Membership::leave(Now now) {
    impl_->observe(now);
    impl_->table.leave();
    impl_->settle();
}

void Membership::forget(NodeId id, Now now) {
    impl_->observe(now);
    impl_->table.forget(id);
    impl_->post.queue().forget(id);
}

void Membership::welcome(NodeId id) {
    impl_->table.welcome(id);
}

std::vector<Outgoing> Membership::take_outgoing() {
    return impl_->post.take();
}
std::vector<MembershipEvent> Membership::take_events() {
    return impl_->table.take_events();
}
const MemberFacts& Membership::self() const {
    return impl_->table.self();
}
const Member* Membership::find(NodeId id) const {
    const MemberRecord* const record = impl_->table.find(id);
    return record == nullptr ? nullptr : &record->member;
}

std::vector<const Member*> Membership::members() const {
    std::vector<const Member*> members;
    for (const auto& [id, record] : impl_->table.records()) members.push_back(&record.member);
    return members;
}

/// Of an even number the earlier of the two in the middle: nothing expires before its time because of it. Who
/// is down counts with its clock as last read: a node that is cut off, or the last one up, must not fall back
/// to a clock of its own that the others have held so far.
int64_t Membership::cluster_clock_offset_ms() const {
    std::vector<int64_t> offsets = {0};
    for (const auto& [id, record] : impl_->table.records()) {
        if (record.member.clock_known && record.member.liveness != Liveness::left)
            offsets.push_back(record.member.clock_offset_ms);
    }
    const auto middle = offsets.begin() + static_cast<ptrdiff_t>((offsets.size() - 1) / 2);
    std::ranges::nth_element(offsets, middle);
    return *middle;
}

unsigned Membership::health_score() const {
    return impl_->detector.health_score();
}

}  // namespace torc
