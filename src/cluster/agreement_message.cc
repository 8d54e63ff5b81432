#include "cluster/agreement_message.h"

#include <fmt/format.h>

#include <utility>

#include "cluster/wire.h"

namespace torc {
namespace {

using Kind = AgreementMessage::Kind;

constexpr uint8_t kVersion = 1;

std::unexpected<Error> malformed(std::string_view what) {
    return fail(ErrorKind::invalid, fmt::format("malformed message about the ring: {}", what));
}

bool carries_ring(const AgreementMessage& m) {
    return m.kind == Kind::accept || m.kind == Kind::announce ||
           (m.kind == Kind::promise && m.other != Ballot{});
}

void write_ballot(WireWriter& out, const Ballot& ballot) {
    out.varint(ballot.round);
    out.u64(ballot.proposer);
}

Ballot read_ballot(WireReader& in) {
    Ballot ballot;
    ballot.round = in.varint(kMaxBallotRound);
    ballot.proposer = in.u64();
    return ballot;
}

}  // namespace

std::string encode_agreement_message(const AgreementMessage& message) {
    WireWriter out;
    out.u8(kVersion);
    out.u8(static_cast<uint8_t>(message.kind));
    out.u64(message.cluster_id);
    out.varint(message.at.epoch);
    out.varint(message.at.fork.epoch);
    out.u64(message.at.fork.by);
    if (message.kind <= Kind::accepted) write_ballot(out, message.ballot);
    if (message.kind == Kind::promise || message.kind == Kind::refuse) write_ballot(out, message.other);
    if (carries_ring(message)) out.raw(encode_ring(*message.ring));
    return out.take();
}

Result<AgreementMessage> decode_agreement_message(std::string_view bytes) {
    WireReader in(bytes);
    const uint8_t version = in.u8();
    const uint8_t kind = in.u8();
    if (!in.ok() || version != kVersion) return malformed("unknown version");
    if (kind < static_cast<uint8_t>(Kind::prepare) || kind > static_cast<uint8_t>(Kind::ask))
        return malformed("unknown kind");
    AgreementMessage m;
    m.kind = static_cast<Kind>(kind);
    m.cluster_id = in.u64();
    m.at.epoch = in.varint(kMaxRingEpoch);
    m.at.fork.epoch = in.varint(m.at.epoch);
    m.at.fork.by = in.u64();
    if (m.kind <= Kind::accepted) m.ballot = read_ballot(in);
    if (m.kind == Kind::promise || m.kind == Kind::refuse) m.other = read_ballot(in);
    if (!in.ok()) return malformed("cut short");
    if (m.cluster_id == 0 && m.kind != Kind::ask) return malformed("no cluster");
    if (!carries_ring(m)) {
        if (!in.finished()) return malformed("bytes left over");
        return m;
    }
    if (in.left() > kMaxRingBytes) return malformed("ring too long");
    auto ring = decode_ring(in.raw(in.left()));
    if (!ring) return malformed(ring.error().message);
    const uint64_t epoch = m.kind == Kind::announce ? m.at.epoch : m.at.epoch + 1;
    if (ring->cluster_id != m.cluster_id || ring->epoch != epoch)
        return malformed("ring of another cluster or epoch");
    m.ring = std::move(*ring);
    return m;
}

}  // namespace torc
