#include "cluster/ring_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/ring_agreement_impl.h"

namespace torc {
namespace {

constexpr size_t kMaxAsked = 1024;
// A round takes up to so many doublings of its time after rounds that failed: the syncs of a slow disk, of
// which there are three in a row, must have their time at last.
constexpr unsigned kMostDoublings = 3;

std::string describe(const RingState& ring) {
    if (ring.cluster_id == 0) return "no ring";
    std::string text = fmt::format("ring of epoch {}: {} members", ring.epoch, ring.members.size());
    if (!ring.move) return text;
    const char* verb = ring.move->kind == RingMove::Kind::join    ? "joins"
                       : ring.move->kind == RingMove::Kind::leave ? "leaves"
                                                                  : "takes the place of";
    text += fmt::format(", {} {}", node_name(ring.move->subject), verb);
    if (ring.move->kind == RingMove::Kind::replace) text += " " + node_name(ring.move->replaced);
    return text;
}

}  // namespace

// ---- wishes

uint64_t RingAgreement::Impl::add_wish(const RingStep& step, int64_t now_ms) {
    const uint64_t number = ++last_wish;
    if (wishes.size() >= kMaxWishes) {
        events.push_back({Event::Kind::refused, number, "too many steps are waiting"});
        return number;
    }
    Wish wish{number, step, now_ms + settings.give_up_ms, {}, std::nullopt, std::nullopt};
    wish.memory.note(ring(), step);
    wishes.push_back(std::move(wish));
    return number;
}

void RingAgreement::Impl::end_wish(Event::Kind kind, std::string text) {
    events.push_back({kind, wishes.front().number, std::move(text)});
    wishes.pop_front();
    retry_at_ms = 0;
}

void RingAgreement::Impl::expire_wishes(int64_t now_ms) {
    // A round that is under way has its time.
    while (!round && !wishes.empty() && now_ms >= wishes.front().deadline_ms) {
        const std::string why = !storage_trouble.empty() ? storage_trouble
                                : !obstacle.empty()      ? obstacle
                                                         : "the steps before it took too long";
        const auto& refusal = wishes.front().refusal;
        end_wish(Event::Kind::gave_up,
                 refusal ? fmt::format("{}, as far as is known here; no majority in time ({})", *refusal, why)
                         : fmt::format("no majority in time ({}); it may still come true later", why));
    }
}

void RingAgreement::Impl::pursue(int64_t now_ms) {
    while (!round && !wishes.empty() && now_ms >= retry_at_ms) {
        if (ring().member(self) == nullptr) {
            end_wish(Event::Kind::refused, "this node is a member of no ring");
            continue;
        }
        Wish& wish = wishes.front();
        if (wish.wanted || wish.refusal) {
            begin_round(wish.wanted, now_ms);
            continue;
        }
        StepVerdict verdict = judge_step(ring(), wish.step, wish.memory);
        if (verdict.kind == StepVerdict::Kind::done) {
            end_wish(Event::Kind::done, std::move(verdict.text));
        } else if (verdict.kind == StepVerdict::Kind::refused && verdict.final) {
            end_wish(Event::Kind::refused, std::move(verdict.text));
        } else if (verdict.kind == StepVerdict::Kind::refused) {
            wish.refusal = std::move(verdict.text);
            begin_round(std::nullopt, now_ms);
        } else {
            wish.wanted = verdict.next;
            begin_round(std::move(verdict.next), now_ms);
        }
    }
}

void RingAgreement::Impl::complete(int64_t now_ms) {
    if (round || !wishes.empty() || !acceptor.accepted() || !votes()) return;
    if (completion_at_ms == 0)
        completion_at_ms = now_ms + 2 * settings.round_timeout_ms + random_ms(2 * settings.round_timeout_ms);
    if (now_ms >= completion_at_ms) begin_round(std::nullopt, now_ms);
}

// ---- the proposer

void RingAgreement::Impl::begin_round(std::optional<RingState> own, int64_t now_ms) {
    highest_round = std::max(highest_round, acceptor.promised().round) + 1;
    const Ballot ballot{highest_round, self};
    // Voter or not, the own ballot is saved: after a restart it must not be used for another ring.
    const auto promised = acceptor.promise_anew(ballot);
    round.emplace(ballot, ring_voters(ring()), std::move(own));
    round_deadline_ms = 0;
    resend_at_ms = now_ms + settings.round_timeout_ms / 3;
    if (!promised) {
        fail_round(now_ms);
        storage_trouble = promised.error().message;
        return;
    }
    storage_trouble.clear();
    if (votes()) round->on_promise(self, acceptor.accepted());
    send_phase();
    advance_round();
}

void RingAgreement::Impl::advance_round() {
    if (!round || !round->has_majority()) return;
    if (round->phase() == AgreementRound::Phase::preparing) {
        if (!round->begin_accepting()) {
            // A majority knows of no ring after this one, so what this one forbids is forbidden.
            round.reset();
            if (!wishes.empty() && wishes.front().refusal)
                end_wish(Event::Kind::refused, *wishes.front().refusal);
            return;
        }
        if (votes() && acceptor.accept(round->ballot(), round->value())) round->on_accepted(self);
        send_phase();
        if (!round->has_majority()) return;
    }
    const RingState before = ring();
    const RingState chosen = round->value();
    // Without the save it isn't known here yet; the next round finds it accepted.
    if (auto adopted = adopt(chosen, acceptor.position().fork); !adopted) {
        storage_trouble = adopted.error().message;
        return;
    }
    for (const RingMember& member : chosen.members) announce(member.id);
    for (const RingMember& member : before.members)
        if (chosen.member(member.id) == nullptr) announce(member.id);
}

int64_t RingAgreement::Impl::round_ms() const {
    return settings.round_timeout_ms << std::min(failed_rounds, kMostDoublings);
}

void RingAgreement::Impl::send_phase() {
    AgreementMessage m;
    m.kind = AgreementMessage::Kind::prepare;
    m.cluster_id = ring().cluster_id;
    m.at = acceptor.position();
    m.ballot = round->ballot();
    if (round->phase() == AgreementRound::Phase::accepting) {
        m.kind = AgreementMessage::Kind::accept;
        m.ring = round->value();
    }
    for (const NodeId voter : round->voters())
        if (voter != self && !round->has_answered(voter)) send(voter, m);
}

void RingAgreement::Impl::fail_round(int64_t now_ms) {
    obstacle = fmt::format("{} of {} voters answered, {} needed", round->answers(), round->voters().size(),
                           majority_of(round->voters().size()));
    round.reset();
    ++failed_rounds;
    // Randomised and growing: rivals must not go on outbidding each other.
    const int64_t span = (settings.round_timeout_ms / 8) << std::min(failed_rounds, 5U);
    retry_at_ms = now_ms + 1 + random_ms(span);
    completion_at_ms = now_ms + 2 * settings.round_timeout_ms + random_ms(4 * span);
}

Result<void> RingAgreement::Impl::adopt(RingState next, Fork fork) {
    const bool is_new = !(next == ring());
    if (auto adopted = acceptor.adopt(next, fork); !adopted) return adopted;
    round.reset();
    failed_rounds = 0;
    highest_round = 0;
    retry_at_ms = 0;
    completion_at_ms = 0;
    obstacle.clear();
    storage_trouble.clear();
    asked_ms.clear();
    if (is_new) events.push_back({Event::Kind::adopted, 0, describe(ring())});
    if (!wishes.empty() && wishes.front().wanted == ring()) end_wish(Event::Kind::done, describe(ring()));
    for (Wish& wish : wishes) {
        wish.wanted.reset();
        wish.refusal.reset();
        wish.memory.note(ring(), wish.step);
    }
    return {};
}

bool RingAgreement::Impl::is_voter(NodeId id) const {
    const auto voters = ring_voters(ring());
    return std::ranges::find(voters, id) != voters.end();
}

// ---- the public face

RingAgreement::RingAgreement(NodeId self, Storage& storage, Settings settings, uint64_t seed)
    : impl_(std::make_unique<Impl>(self, storage, settings, seed)) {}

RingAgreement::~RingAgreement() = default;

Result<void> RingAgreement::open() {
    return impl_->acceptor.open();
}

Result<void> RingAgreement::found(const RingMember& self, uint32_t replication_factor) {
    if (ring().cluster_id != 0) return fail(ErrorKind::refused, "this node belongs to a ring already");
    if (self.id != impl_->self || self.vnodes == 0 || self.vnodes > kMaxVnodes ||
        self.datacenter.size() > kMaxPlaceName || self.rack.size() > kMaxPlaceName)
        return fail(ErrorKind::invalid, "this node can't found a ring as it describes itself");
    if (replication_factor == 0 || replication_factor > kMaxReplicationFactor)
        return fail(ErrorKind::invalid,
                    fmt::format("the replication factor must be between 1 and {}", kMaxReplicationFactor));
    uint64_t cluster_id = 0;
    while (cluster_id == 0) cluster_id = impl_->rng.next();
    return impl_->adopt(found_ring(cluster_id, replication_factor, self), {});
}

Result<void> RingAgreement::dissolve() {
    const RingState& ring = impl_->ring();
    if (ring.cluster_id == 0) return {};
    const bool alone = ring.members.size() == 1 && !ring.move;
    if (ring.member(impl_->self) != nullptr && !alone)
        return fail(ErrorKind::refused, "this node shares its ring with others; it has to leave first");
    if (auto left = impl_->acceptor.leave_cluster(); !left) return left;
    impl_->round.reset();
    impl_->highest_round = 0;
    impl_->asked_ms.clear();
    impl_->events.push_back({Event::Kind::adopted, 0, describe(ring)});
    return {};
}

Result<void> RingAgreement::force(const RingStep& step) {
    const RingState before = impl_->ring();
    if (before.member(impl_->self) == nullptr)
        return fail(ErrorKind::refused, "this node is a member of no ring");
    if (step.kind != RingStep::Kind::force_remove && step.kind != RingStep::Kind::abort)
        return fail(ErrorKind::invalid, "only a removal or the end of a move can be forced");
    if (step.kind == RingStep::Kind::force_remove && step.node == impl_->self)
        return fail(ErrorKind::invalid, "a node can't remove itself by force");
    WishMemory memory;
    memory.note(before, step);
    StepVerdict verdict = judge_step(before, step, memory);
    if (verdict.kind == StepVerdict::Kind::done) return {};
    if (verdict.kind == StepVerdict::Kind::refused) return fail(ErrorKind::refused, std::move(verdict.text));
    const Fork fork{verdict.next.epoch, impl_->self};
    if (auto adopted = impl_->adopt(std::move(verdict.next), fork); !adopted) return adopted;
    for (const RingMember& member : before.members) impl_->announce(member.id);
    return {};
}

uint64_t RingAgreement::propose(const RingStep& step, int64_t now_ms) {
    const uint64_t wish = impl_->add_wish(step, now_ms);
    impl_->pursue(now_ms);
    return wish;
}

void RingAgreement::on_message(NodeId from, std::string_view payload, int64_t now_ms) {
    const auto message = decode_agreement_message(payload);
    if (!message || from == impl_->self) return;
    impl_->receive(from, *message, now_ms);
    impl_->pursue(now_ms);
}

void RingAgreement::on_tick(int64_t now_ms) {
    Impl& impl = *impl_;
    // From the first tick on: before, it was our own save that took its time.
    if (impl.round && impl.round_deadline_ms == 0) impl.round_deadline_ms = now_ms + impl.round_ms();
    if (impl.round && now_ms >= impl.round_deadline_ms) impl.fail_round(now_ms);
    if (impl.round && now_ms >= impl.resend_at_ms) {
        impl.resend_at_ms = now_ms + impl.settings.round_timeout_ms / 3;
        impl.send_phase();
        impl.advance_round();
    }
    impl.expire_wishes(now_ms);
    impl.pursue(now_ms);
    impl.complete(now_ms);
}

void RingAgreement::on_epoch_heard(NodeId peer, uint64_t cluster_id, uint64_t epoch, int64_t now_ms) {
    const RingState& ring = impl_->ring();
    if (cluster_id == 0 || (ring.cluster_id != 0 && ring.cluster_id != cluster_id)) return;
    // Where somebody took a step alone, equal epochs may be different rings.
    const bool forked = epoch == ring.epoch && impl_->acceptor.position().fork != Fork{};
    if (epoch <= ring.epoch && !forked) return;
    if (impl_->asked_ms.size() >= kMaxAsked) impl_->asked_ms.clear();
    impl_->ask(peer, now_ms);
}

std::vector<Outgoing> RingAgreement::take_outgoing() {
    return std::exchange(impl_->outgoing, {});
}

std::vector<RingAgreement::Event> RingAgreement::take_events() {
    return std::exchange(impl_->events, {});
}

const RingState& RingAgreement::ring() const {
    return impl_->ring();
}

}  // namespace torc
