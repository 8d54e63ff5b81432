#include "cluster/agreement_state.h"

#include <fmt/format.h>

#include "cluster/wire.h"

namespace torc {
namespace {

constexpr uint8_t kVersion = 1;

std::unexpected<Error> damaged(std::string_view what) {
    return fail(ErrorKind::corrupt, fmt::format("the memory of the ring's agreement is damaged: {}", what));
}

}  // namespace

std::string encode_agreement_state(const AgreementState& state) {
    WireWriter out;
    out.u8(kVersion);
    // A node without a ring has epoch 0, for which decode_ring has no reason to allow an encoding.
    out.string(state.ring.cluster_id == 0 ? std::string() : encode_ring(state.ring));
    out.u64(state.fork.epoch);
    out.u64(state.fork.by);
    out.u64(state.promised.round);
    out.u64(state.promised.proposer);
    out.u8(state.accepted ? 1 : 0);
    if (state.accepted) {
        out.u64(state.accepted->ballot.round);
        out.u64(state.accepted->ballot.proposer);
        out.string(encode_ring(state.accepted->ring));
    }
    out.varint(state.left.size());
    for (const LeftCluster& left : state.left) {
        out.u64(left.cluster_id);
        out.u64(left.epoch);
    }
    return out.take();
}

Result<AgreementState> decode_agreement_state(std::string_view bytes) {
    WireReader in(bytes);
    const uint8_t version = in.u8();
    if (in.ok() && version > kVersion)
        return fail(ErrorKind::refused,
                    fmt::format("written in format version {} by a newer program, which must be started "
                                "instead; this one reads up to {}",
                                version, kVersion));
    AgreementState state;
    const std::string_view ring = in.string(kMaxRingBytes);
    state.fork.epoch = in.u64();
    state.fork.by = in.u64();
    state.promised.round = in.u64();
    state.promised.proposer = in.u64();
    const uint8_t has_accepted = in.u8();
    Ballot ballot;
    std::string_view accepted;
    if (has_accepted == 1) {
        ballot.round = in.u64();
        ballot.proposer = in.u64();
        accepted = in.string(kMaxRingBytes);
    } else if (has_accepted != 0) {
        in.fail();
    }
    const uint64_t left = in.varint(AgreementState::kMaxLeft);
    for (uint64_t i = 0; i < left && in.ok(); ++i) {
        LeftCluster entry;
        entry.cluster_id = in.u64();
        entry.epoch = in.u64();
        state.left.push_back(entry);
    }
    if (version != kVersion || !in.finished()) return damaged("its fields don't fit its length");
    if (!ring.empty()) {
        auto decoded = decode_ring(ring);
        if (!decoded) return damaged(decoded.error().message);
        state.ring = std::move(*decoded);
    }
    if (has_accepted == 1) {
        auto decoded = decode_ring(accepted);
        if (!decoded) return damaged(decoded.error().message);
        state.accepted = AcceptedRing{ballot, std::move(*decoded)};
    }
    return state;
}

}  // namespace torc
