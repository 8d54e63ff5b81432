// One ballot of a proposer: who has promised, what had been accepted before, who has accepted. Counts only;
// sending and saving is its user's business. Of an answer that comes twice or from no voter nothing is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/agreement_state.h"
#include "cluster/node_id.h"
#include "cluster/ring.h"

namespace torc {

class AgreementRound {
  public:
    enum class Phase : uint8_t { preparing, accepting };

    /// `own`: the ring that it's about; none to only finish what others began.
    AgreementRound(Ballot ballot, std::vector<NodeId> voters, std::optional<RingState> own);

    const Ballot& ballot() const { return ballot_; }
    Phase phase() const { return phase_; }
    bool is_voter(NodeId id) const;
    bool has_answered(NodeId id) const;  // in this phase
    const std::vector<NodeId>& voters() const { return voters_; }
    size_t answers() const { return answered_.size(); }
    bool has_majority() const;

    /// Of the highest ballot among those accepted before, else the own one.
    void on_promise(NodeId from, const std::optional<AcceptedRing>& accepted);
    void on_accepted(NodeId from);
    /// With a majority of promises: the ring is fixed. False when there is none to propose.
    bool begin_accepting();
    /// What is proposed; fixed in phase 2.
    const RingState& value() const { return *value_; }

  private:
    bool count(NodeId from);

    Ballot ballot_;
    Phase phase_ = Phase::preparing;
    std::vector<NodeId> voters_;
    std::vector<NodeId> answered_;
    Ballot best_;
    std::optional<RingState> value_;
};

}  // namespace torc
