#include <algorithm>
#include <utility>

#include "cluster/ring_agreement_impl.h"

namespace torc {

using Kind = AgreementMessage::Kind;

void RingAgreement::Impl::receive(NodeId from, const AgreementMessage& m, int64_t now_ms) {
    if (m.kind == Kind::announce) return on_announce(from, m);
    if (m.kind == Kind::ask) return on_ask(from, m, now_ms);
    if (ring().cluster_id == 0 || m.cluster_id != ring().cluster_id) return;
    const bool request = m.kind == Kind::prepare || m.kind == Kind::accept;
    if (m.at < acceptor.position()) {
        if (request) announce(from);
        return;
    }
    if (m.at > acceptor.position()) return ask(from, now_ms);
    if (request && (m.ballot.proposer != from || ring().member(from) == nullptr || !is_voter(self))) return;
    switch (m.kind) {
        case Kind::prepare:
            return on_prepare(from, m);
        case Kind::accept:
            return on_accept(from, m, now_ms);
        case Kind::refuse:
            return on_refuse(from, m, now_ms);
        case Kind::promise:
            if (!round || m.ballot != round->ballot()) return;
            round->on_promise(from, m.ring ? std::optional(AcceptedRing{m.other, *m.ring}) : std::nullopt);
            return advance_round();
        case Kind::accepted:
            if (!round || m.ballot != round->ballot()) return;
            round->on_accepted(from);
            return advance_round();
        default:
            return;
    }
}

void RingAgreement::Impl::on_prepare(NodeId from, const AgreementMessage& m) {
    highest_round = std::max(highest_round, m.ballot.round);
    const auto promised = acceptor.promise(m.ballot);
    if (promised)
        answer(from, m, Kind::promise);
    else if (promised.error().kind == ErrorKind::refused)
        answer(from, m, Kind::refuse);
}

void RingAgreement::Impl::on_accept(NodeId from, const AgreementMessage& m, int64_t now_ms) {
    highest_round = std::max(highest_round, m.ballot.round);
    const auto accepted = acceptor.accept(m.ballot, *m.ring);
    if (accepted) {
        // Its proposer is at work; only if it falls silent does complete() step in.
        completion_at_ms = now_ms + 2 * settings.round_timeout_ms + random_ms(2 * settings.round_timeout_ms);
        answer(from, m, Kind::accepted);
    } else if (accepted.error().kind == ErrorKind::refused) {
        answer(from, m, Kind::refuse);
    }
}

void RingAgreement::Impl::on_refuse(NodeId from, const AgreementMessage& m, int64_t now_ms) {
    if (!round || m.ballot != round->ballot() || !round->is_voter(from) || m.other <= m.ballot) return;
    highest_round = std::max(highest_round, m.other.round);
    fail_round(now_ms);
}

void RingAgreement::Impl::on_announce(NodeId from, const AgreementMessage& m) {
    if (adopt(*m.ring, m.at.fork)) return;
    // Both took a step alone: whoever announced must hear of the ring that stands.
    if (m.cluster_id == ring().cluster_id && m.at.epoch == ring().epoch && m.at < acceptor.position())
        announce(from);
}

void RingAgreement::Impl::on_ask(NodeId from, const AgreementMessage& m, int64_t now_ms) {
    if (ring().cluster_id == 0) return;
    if (m.cluster_id == 0) {
        if (ring().member(from) != nullptr) announce(from);
        return;
    }
    if (m.cluster_id != ring().cluster_id) return;
    if (m.at > acceptor.position()) return ask(from, now_ms);
    if (m.at < acceptor.position()) announce(from);
    // Perhaps it asks because it couldn't answer a proposal of ours.
    if (round && m.at < acceptor.position() && round->is_voter(from)) send_phase();
}

void RingAgreement::Impl::answer(NodeId to, const AgreementMessage& request, Kind kind) {
    AgreementMessage m;
    m.kind = kind;
    m.cluster_id = request.cluster_id;
    m.at = request.at;
    m.ballot = request.ballot;
    if (kind == Kind::refuse) m.other = acceptor.promised();
    if (kind == Kind::promise && acceptor.accepted()) {
        m.other = acceptor.accepted()->ballot;
        m.ring = acceptor.accepted()->ring;
    }
    send(to, m);
}

void RingAgreement::Impl::send(NodeId to, const AgreementMessage& m) {
    outgoing.push_back({to, encode_agreement_message(m)});
}

void RingAgreement::Impl::announce(NodeId to) {
    if (to == self) return;
    AgreementMessage m;
    m.kind = Kind::announce;
    m.cluster_id = ring().cluster_id;
    m.at = acceptor.position();
    m.ring = ring();
    send(to, m);
}

void RingAgreement::Impl::ask(NodeId to, int64_t now_ms) {
    auto [at, is_new] = asked_ms.try_emplace(to, now_ms);
    if (!is_new && now_ms - at->second < settings.round_timeout_ms) return;
    at->second = now_ms;
    AgreementMessage m;
    m.kind = Kind::ask;
    m.cluster_id = ring().cluster_id;
    m.at = acceptor.position();
    send(to, m);
}

}  // namespace torc
