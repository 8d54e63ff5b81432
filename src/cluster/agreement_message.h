// Messages between the agreement cores of a cluster. Each names the ring that its sender stands on: the
// cluster, and the position in its history; a request or an answer speaks of the ring after that one.
//
//   name      from -> to              when                                   answered by
//   prepare   proposer -> voters      phase 1 of a ballot                    promise, refuse
//   promise   voter -> proposer       nothing lower will be accepted; what was accepted before
//   refuse    voter -> proposer       a higher ballot was promised           -
//   accept    proposer -> voters      phase 2: the ring                      accepted, refuse
//   accepted  voter -> proposer       saved                                  -
//   announce  anyone -> anyone        a chosen ring                          -
//   ask       anyone -> anyone        "I stand here: is there a newer one?"  announce; ask if the asked one
//                                                                            is behind
//
// Whoever gets a prepare, accept or ask from an older position answers with announce instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/agreement_state.h"

namespace torc {

struct AgreementMessage {
    enum class Kind : uint8_t { prepare = 1, promise, refuse, accept, accepted, announce, ask };
    Kind kind = Kind::ask;
    uint64_t cluster_id = 0;        // 0: the sender belongs to no ring yet (ask only)
    RingPosition at;                // of announce: the announced ring's
    Ballot ballot;                  // prepare to accepted: the proposal's
    Ballot other;                   // promise: of what was accepted before; refuse: the promised one
    std::optional<RingState> ring;  // promise: accepted before, if any; accept, announce: always
    friend bool operator==(const AgreementMessage&, const AgreementMessage&) = default;
};

std::string encode_agreement_message(const AgreementMessage& message);
/// Also checks that the ring fits the rest: its cluster, and its epoch (announce: the named one; promise and
/// accept: the one after).
Result<AgreementMessage> decode_agreement_message(std::string_view bytes);

}  // namespace torc
