#include "cluster/step_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/node_id.h"

namespace torc {
namespace {

using Kind = RingStep::Kind;
using Move = RingMove::Kind;

StepVerdict done(std::string text) {
    return {StepVerdict::Kind::done, {}, std::move(text), false};
}

StepVerdict refused(std::string text, bool final) {
    return {StepVerdict::Kind::refused, {}, std::move(text), final};
}

StepVerdict verdict_of(Result<RingState> next) {
    if (!next) return refused(std::move(next.error().message), next.error().kind == ErrorKind::invalid);
    return {StepVerdict::Kind::possible, std::move(*next), {}, false};
}

bool moves(const RingState& ring, Move kind, NodeId subject) {
    return ring.move && ring.move->kind == kind && ring.move->subject == subject;
}

/// Whether `move`, which is not under way any more, was finished; otherwise it was aborted.
bool was_finished(const RingState& ring, const RingMove& move) {
    const bool subject_stays = ring.member(move.subject) != nullptr;
    return move.kind == Move::leave ? !subject_stays : subject_stays;
}

bool is_barred(const RingState& ring, NodeId id) {
    return std::ranges::find(ring.barred, id) != ring.barred.end();
}

StepVerdict judge_end(const RingState& ring, const RingStep& step, const WishMemory& memory) {
    if (step.of_epoch == ring.epoch) {
        if (!ring.move) return refused(fmt::format("no move is under way in epoch {}", ring.epoch), true);
        return verdict_of(step.kind == Kind::finish ? finish_move(ring) : abort_move(ring));
    }
    if (step.of_epoch > ring.epoch)
        return refused(fmt::format("epoch {} isn't reached: it is {}", step.of_epoch, ring.epoch), false);
    if (!memory.move)
        return refused(fmt::format("epoch {} is past: it is {} now", step.of_epoch, ring.epoch), true);
    if (ring.move == memory.move)
        return refused(fmt::format("the ring changed since epoch {} (it is {} now), while the move goes on",
                                   step.of_epoch, ring.epoch),
                       true);
    const bool finished = was_finished(ring, *memory.move);
    std::string text =
        fmt::format("the move of epoch {} was {}", step.of_epoch, finished ? "finished" : "aborted");
    return finished == (step.kind == Kind::finish) ? done(std::move(text)) : refused(std::move(text), true);
}

StepVerdict judge_arrival(const RingState& ring, const RingStep& step) {
    const NodeId id = step.member.id;
    if (is_barred(ring, id))
        return refused(fmt::format("{} was removed by force and may not come back", node_name(id)), true);
    if (step.kind == Kind::join) {
        if (moves(ring, Move::join, id)) return done(fmt::format("{} is joining", node_name(id)));
        if (ring.member(id) != nullptr && !moves(ring, Move::replace, id))
            return done(fmt::format("{} is a member", node_name(id)));
        return verdict_of(begin_join(ring, step.member));
    }
    if (moves(ring, Move::replace, id) && ring.move->replaced == step.node)
        return done(fmt::format("{} is replacing {}", node_name(id), node_name(step.node)));
    if (!ring.move && ring.member(id) != nullptr && ring.member(step.node) == nullptr)
        return done(fmt::format("{} is a member and {} is none", node_name(id), node_name(step.node)));
    return verdict_of(begin_replace(ring, step.member, step.node));
}

StepVerdict judge_departure(const RingState& ring, const RingStep& step, const WishMemory& memory) {
    const bool member = ring.member(step.node) != nullptr;
    if (step.kind == Kind::force_remove) {
        if (!member && is_barred(ring, step.node))
            return done(fmt::format("{} was removed", node_name(step.node)));
        return verdict_of(force_remove(ring, step.node));
    }
    if (moves(ring, Move::leave, step.node)) return done(fmt::format("{} is leaving", node_name(step.node)));
    if (!member && memory.was_member)
        return done(fmt::format("{} is no member any more", node_name(step.node)));
    return verdict_of(begin_leave(ring, step.node));
}

StepVerdict judge_replication(const RingState& ring, const RingStep& step) {
    if (step.replication_factor == 0 || step.replication_factor > kMaxReplicationFactor)
        return refused(fmt::format("the replication factor must be between 1 and {}", kMaxReplicationFactor),
                       true);
    if (ring.replication_factor == step.replication_factor)
        return done(fmt::format("the replication factor is {}", step.replication_factor));
    // The tokens of a move were chosen for the present factor.
    if (ring.move) return refused("a move is under way; finish or abort it first", false);
    RingState next = ring;
    ++next.epoch;
    next.replication_factor = step.replication_factor;
    return {StepVerdict::Kind::possible, std::move(next), {}, false};
}

}  // namespace

void WishMemory::note(const RingState& ring, const RingStep& step) {
    if (step.kind == Kind::leave || step.kind == Kind::force_remove)
        was_member = was_member || ring.member(step.node) != nullptr;
    if ((step.kind == Kind::finish || step.kind == Kind::abort) && step.of_epoch == ring.epoch)
        move = ring.move;
}

StepVerdict judge_step(const RingState& ring, const RingStep& step, const WishMemory& memory) {
    switch (step.kind) {
        case Kind::join:
        case Kind::replace:
            return judge_arrival(ring, step);
        case Kind::leave:
        case Kind::force_remove:
            return judge_departure(ring, step, memory);
        case Kind::finish:
        case Kind::abort:
            return judge_end(ring, step, memory);
        case Kind::set_replication:
            return judge_replication(ring, step);
    }
    return refused("unknown step", true);
}

std::vector<NodeId> ring_voters(const RingState& ring) {
    std::vector<NodeId> voters;
    for (const RingMember& member : ring.members) {
        if (moves(ring, Move::join, member.id) || moves(ring, Move::replace, member.id)) continue;
        voters.push_back(member.id);
    }
    return voters;
}

}  // namespace torc
