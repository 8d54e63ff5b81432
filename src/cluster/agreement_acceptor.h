// The acceptor and learner of the agreement: rules of Paxos for what may be promised and accepted, and which
// ring may follow which. Every change is saved first and happens in memory only if that succeeded; bytes of a
// save that failed may still be what a restart finds, which is as if the message had been answered by an
// answer that got lost.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "cluster/agreement_state.h"
#include "cluster/ring_agreement.h"

namespace torc {

class AgreementAcceptor {
  public:
    AgreementAcceptor(NodeId self, RingAgreement::Storage& storage) : self_(self), storage_(storage) {}

    Result<void> open();

    const RingState& ring() const { return state_.ring; }
    RingPosition position() const { return state_.position(); }
    const Ballot& promised() const { return state_.promised; }
    const std::optional<AcceptedRing>& accepted() const { return state_.accepted; }

    // Each: ErrorKind::refused by the rules, else the storage's error; nothing changed then.

    /// Nothing below `ballot` will be accepted. Refused below what was promised.
    Result<void> promise(Ballot ballot);
    /// A promise for a proposal of our own: refused if `ballot` was promised before.
    Result<void> promise_anew(Ballot ballot);
    Result<void> accept(Ballot ballot, const RingState& ring);
    /// A chosen ring: refused unless it's further than the present one, and for a node without a ring unless
    /// it names this node and isn't of a cluster and time that was left.
    Result<void> adopt(const RingState& ring, Fork fork);
    /// Back to no ring; the votes so far will not be needed.
    Result<void> leave_cluster();

  private:
    Result<void> replace(AgreementState next);

    NodeId self_;
    RingAgreement::Storage& storage_;
    AgreementState state_;
};

}  // namespace torc
