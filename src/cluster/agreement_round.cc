#include "cluster/agreement_round.h"

#include <algorithm>

#include "base/check.h"
#include "cluster/step_verdict.h"

namespace torc {

AgreementRound::AgreementRound(Ballot ballot, std::vector<NodeId> voters, std::optional<RingState> own)
    : ballot_(ballot), voters_(std::move(voters)), value_(std::move(own)) {}

bool AgreementRound::is_voter(NodeId id) const {
    return std::ranges::find(voters_, id) != voters_.end();
}

bool AgreementRound::has_answered(NodeId id) const {
    return std::ranges::find(answered_, id) != answered_.end();
}

bool AgreementRound::has_majority() const {
    return answered_.size() >= majority_of(voters_.size());
}

void AgreementRound::on_promise(NodeId from, const std::optional<AcceptedRing>& accepted) {
    if (phase_ != Phase::preparing || !count(from)) return;
    if (!accepted || accepted->ballot <= best_) return;
    best_ = accepted->ballot;
    value_ = accepted->ring;
}

void AgreementRound::on_accepted(NodeId from) {
    if (phase_ == Phase::accepting) count(from);
}

bool AgreementRound::begin_accepting() {
    TORC_CHECK(phase_ == Phase::preparing && has_majority());
    if (!value_) return false;
    phase_ = Phase::accepting;
    answered_.clear();
    return true;
}

bool AgreementRound::count(NodeId from) {
    if (!is_voter(from) || has_answered(from)) return false;
    answered_.push_back(from);
    return true;
}

}  // namespace torc
