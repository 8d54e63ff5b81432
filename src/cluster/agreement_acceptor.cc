#include "cluster/agreement_acceptor.h"

#include <algorithm>
#include <utility>

namespace torc {

Result<void> AgreementAcceptor::open() {
    auto bytes = storage_.load();
    if (!bytes) return fail(bytes.error());
    if (bytes->empty()) return {};
    auto state = decode_agreement_state(*bytes);
    if (!state) return fail(state.error());
    state_ = std::move(*state);
    return {};
}

Result<void> AgreementAcceptor::promise(Ballot ballot) {
    if (ballot < state_.promised) return fail(ErrorKind::refused, "a higher ballot was promised");
    if (ballot == state_.promised) return {};
    AgreementState next = state_;
    next.promised = ballot;
    return replace(std::move(next));
}

Result<void> AgreementAcceptor::promise_anew(Ballot ballot) {
    if (ballot == state_.promised) return fail(ErrorKind::refused, "this ballot was used before");
    return promise(ballot);
}

Result<void> AgreementAcceptor::accept(Ballot ballot, const RingState& ring) {
    if (ballot < state_.promised) return fail(ErrorKind::refused, "a higher ballot was promised");
    if (ring.cluster_id != state_.ring.cluster_id || ring.epoch != state_.ring.epoch + 1)
        return fail(ErrorKind::refused, "not the ring after this one");
    if (state_.accepted && state_.accepted->ballot == ballot) return {};
    AgreementState next = state_;
    next.promised = ballot;
    next.accepted = AcceptedRing{ballot, ring};
    return replace(std::move(next));
}

Result<void> AgreementAcceptor::adopt(const RingState& ring, Fork fork) {
    if (ring.cluster_id == 0) return fail(ErrorKind::refused, "a ring without a cluster");
    if (state_.ring.cluster_id == 0) {
        if (ring.member(self_) == nullptr) return fail(ErrorKind::refused, "a ring without this node");
        for (const LeftCluster& left : state_.left)
            if (left.cluster_id == ring.cluster_id && ring.epoch <= left.epoch)
                return fail(ErrorKind::refused, "a ring of a time before this node left it");
    } else if (state_.ring.cluster_id != ring.cluster_id) {
        return fail(ErrorKind::refused, "a ring of another cluster");
    } else if (RingPosition{ring.epoch, fork} <= position()) {
        return fail(ErrorKind::refused, "an older ring");
    }
    // What was promised and accepted belonged to a decision that is past.
    return replace({ring, fork, {}, std::nullopt, state_.left});
}

Result<void> AgreementAcceptor::leave_cluster() {
    AgreementState next;
    next.left = state_.left;
    std::erase_if(next.left, [this](const LeftCluster& l) { return l.cluster_id == state_.ring.cluster_id; });
    next.left.push_back({state_.ring.cluster_id, state_.ring.epoch});
    if (next.left.size() > AgreementState::kMaxLeft) next.left.erase(next.left.begin());
    return replace(std::move(next));
}

Result<void> AgreementAcceptor::replace(AgreementState next) {
    if (auto saved = storage_.save(encode_agreement_state(next)); !saved) return saved;
    state_ = std::move(next);
    return {};
}

}  // namespace torc
