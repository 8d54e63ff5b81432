// What a wish for a step means on a given ring: the ring it leads to, or that it has come true already, or
// why it can't. Who may vote on the next step. Functions of values, the same on every node.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cluster/ring.h"
#include "cluster/ring_agreement.h"

namespace torc {

struct StepVerdict {
    enum class Kind : uint8_t { possible, done, refused };
    Kind kind = Kind::refused;
    RingState next;      // possible
    std::string text;    // done, refused: what the matter is
    bool final = false;  // refused: no later ring will allow it
};

/// What is kept of a wish since it was made, for telling an outcome brought about by others from a wish that
/// never made sense.
struct WishMemory {
    bool was_member = false;       // leave, force_remove: the node was a member at some time since the wish
    std::optional<RingMove> move;  // finish, abort: the move of `of_epoch`, once seen

    /// For every ring that the wish lives through.
    void note(const RingState& ring, const RingStep& step);
};

/// May take a while: a join searches for tokens.
StepVerdict judge_step(const RingState& ring, const RingStep& step, const WishMemory& memory);

/// Who decides about the ring after this one: its members, but not one whose own arrival is under way. The
/// joiner would raise the majority without being able to help: a ring of one could never give up a joiner
/// that died.
std::vector<NodeId> ring_voters(const RingState& ring);

inline size_t majority_of(size_t voters) {
    return voters / 2 + 1;
}

}  // namespace torc
