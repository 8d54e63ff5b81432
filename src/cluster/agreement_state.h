// What a node remembers of the agreement about the ring: the last chosen ring, and as an acceptor what it
// promised and accepted for the next one. Written as a whole with every change (ring_agreement.h).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/node_id.h"
#include "cluster/ring.h"

namespace torc {

/// Longest encoding of a ring that is read from a peer or a file.
inline constexpr size_t kMaxRingBytes = size_t{4} << 20;
/// Numbers beyond are damage or malice; there is room left to count on.
inline constexpr uint64_t kMaxRingEpoch = uint64_t{1} << 62;
inline constexpr uint64_t kMaxBallotRound = uint64_t{1} << 62;

/// Numbers of Paxos: no two proposals of an epoch have the same.
struct Ballot {
    uint64_t round = 0;  // 0: none
    NodeId proposer = 0;
    friend auto operator<=>(const Ballot&, const Ballot&) = default;
};

/// The last step in a ring's history that somebody took without a majority. Of two rings with one epoch,
/// which only such steps can bring about, the one with the higher fork stands: later force first, then the
/// higher node.
struct Fork {
    uint64_t epoch = 0;  // that the forced step led to; 0: never happened
    NodeId by = 0;
    friend auto operator<=>(const Fork&, const Fork&) = default;
};

/// Names a chosen ring within its cluster, and with it the decision about the next one. A node's position
/// only grows.
struct RingPosition {
    uint64_t epoch = 0;
    Fork fork;
    friend auto operator<=>(const RingPosition&, const RingPosition&) = default;
};

struct AcceptedRing {
    Ballot ballot;
    RingState ring;
    friend bool operator==(const AcceptedRing&, const AcceptedRing&) = default;
};

/// A cluster that this node turned its back on, and how far it was then. Its votes up to there are forgotten,
/// so a late message must not bring it back to a ring in which they'd count again.
struct LeftCluster {
    uint64_t cluster_id = 0;
    uint64_t epoch = 0;
    friend bool operator==(const LeftCluster&, const LeftCluster&) = default;
};

struct AgreementState {
    static constexpr size_t kMaxLeft = 64;  // the oldest is forgotten

    RingState ring;
    Fork fork;
    Ballot promised;  // for the epoch after ring's, like `accepted`
    std::optional<AcceptedRing> accepted;
    std::vector<LeftCluster> left;

    RingPosition position() const { return {ring.epoch, fork}; }
    friend bool operator==(const AgreementState&, const AgreementState&) = default;
};

std::string encode_agreement_state(const AgreementState& state);
Result<AgreementState> decode_agreement_state(std::string_view bytes);

}  // namespace torc
