#include "node/write_op.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "node/cluster_client.h"
#include "node/coordinator.h"
#include "node/worker_core.h"

namespace torc {
namespace {

/// A replica that says nothing for so long gets a stand-in.
constexpr int64_t kSilenceMs = 150;

}  // namespace

WriteOp::WriteOp(Coordinator& coordinator, ShardId shard, Terms terms, std::string changes,
                 std::shared_ptr<ReplicaAcks> acks, ReplyTicket ticket)
    : coordinator_(coordinator),
      shard_(shard),
      terms_(terms),
      changes_(std::move(changes)),
      acks_(std::move(acks)),
      ticket_(std::move(ticket)),
      born_ns_(coordinator.now_ns()),
      pauses_(coordinator.pauses()) {}

bool WriteOp::possible(const ShardPlan& plan, Consistency level, bool sloppy, unsigned& have,
                       unsigned& need) {
    if (std::ranges::all_of(plan.replicas, &Replica::usable)) return true;
    Quorum quorum(plan, level, true);
    size_t stand_ins = plan.fallbacks.size();
    for (size_t i = 0; i < plan.replicas.size(); ++i) {
        if (plan.replicas[i].usable) {
            quorum.count(i);
        } else if (sloppy && stand_ins > 0) {
            --stand_ins;
            quorum.count(i);
        }
    }
    have = quorum.have();
    need = quorum.need();
    return quorum.met();
}

void WriteOp::start() {
    plan_ = coordinator_.shared_plan(shard_);
    epoch_ = coordinator_.topology().ring->epoch();
    quorum_ = Quorum(*plan_, terms_.level, true);
    started_ms_ = coordinator_.now_ms();
    targets_.clear();
    bool counted = plan_->self >= 0;
    if (counted) quorum_.count(static_cast<size_t>(plan_->self));
    for (size_t i = 0; i < plan_->replicas.size(); ++i) {
        const Replica& replica = plan_->replicas[i];
        if (replica.self) continue;
        if (replica.usable) {
            send_to(replica.id, i, false);
        } else if (!counted && terms_.sloppy) {
            // We are no replica ourselves: we stand in for the first that's down.
            counted = true;
            quorum_.count(i);
        } else {
            find_stand_in(i);
        }
    }
    settle_if_met();
}

void WriteOp::send_to(NodeId node, size_t place, bool stand_in) {
    const MergeMessage message{number, stand_in ? MergeReason::stand_in : MergeReason::write, changes_};
    const bool sent = coordinator_.send(node, message);
    targets_.push_back({node, place, stand_in, sent});
    if (mutant("ack-counted-when-sent")) quorum_.count(place);
    if (!sent) find_stand_in(place);  // each is asked once
}

void WriteOp::find_stand_in(size_t place) {
    if (!terms_.sloppy) return;
    for (const NodeId fallback : plan_->fallbacks) {
        if (fallback == coordinator_.cluster().self) continue;
        if (std::ranges::find(targets_, fallback, &Target::node) != targets_.end()) continue;
        send_to(fallback, place, true);
        return;
    }
}

void WriteOp::settle_if_met() {
    if (answered_ || !quorum_.met()) return;
    answered_ = true;
    coordinator_.times().count(true, terms_.level, coordinator_.now_ns() - born_ns_);
    ticket_.complete();
}

bool WriteOp::over() {
    // Unanswered, it waits for its deadline: who was lost may be back before (send_again()).
    return answered_ && !ring_is_old_ &&
           std::ranges::none_of(targets_, [](const Target& target) { return target.waiting; });
}

/// Replicas whose link broke, or wasn't up yet, get the change once more when it's back: joining it twice is
/// joining it once. Not after a pause of this node: others may have decided on the key meanwhile, and what
/// was decided here before must not be acknowledged as if it were new.
void WriteOp::send_again() {
    if (answered_ || pauses_ != coordinator_.pauses()) return;
    for (Target& target : targets_)
        if (!target.waiting && !target.stand_in && !quorum_.counted(target.place))
            target.waiting =
                coordinator_.send(target.node, MergeMessage{number, MergeReason::write, changes_});
}

bool WriteOp::on_ack(NodeId from, const AckMessage& ack) {
    const auto target = std::ranges::find(targets_, from, &Target::node);
    if (target == targets_.end() || !target->waiting) return false;
    target->waiting = false;
    if (!answered_ && is_of_older_ring()) {
        restart();
        return over();
    }
    const size_t place = target->place;
    const bool stand_in = target->stand_in;
    if (ack.status == BusStatus::done) {
        quorum_.count(place);
        if (!stand_in && acks_ != nullptr)
            acks_->replicas.push_back({.node = from, .link = coordinator_.answering_link()});
        settle_if_met();
    } else if (ack.status == BusStatus::elsewhere) {
        ring_is_old_ = true;
    } else if (!answered_) {
        find_stand_in(place);
    }
    return over();
}

bool WriteOp::on_peer_lost(NodeId peer) {
    const auto target = std::ranges::find(targets_, peer, &Target::node);
    if (target == targets_.end() || !target->waiting) return false;
    target->waiting = false;
    const size_t place = target->place;
    // Even an answered write wants its N copies: the stand-in keeps one until the replica is back.
    find_stand_in(place);
    return over();
}

bool WriteOp::is_of_older_ring() const {
    return epoch_ != coordinator_.topology().ring->epoch();
}

/// Not after a pause, as send_again().
void WriteOp::restart() {
    if (!answered_ && pauses_ != coordinator_.pauses()) return;
    ring_is_old_ = false;
    const bool was_answered = answered_;
    if (acks_ != nullptr) acks_->replicas.clear();
    start();
    answered_ |= was_answered;
}

bool WriteOp::on_tick(int64_t now_ms) {
    const bool knows_better = ring_is_old_ && coordinator_.topology().version != plan_->version;
    if (knows_better || (!answered_ && is_of_older_ring())) restart();
    if (!ring_is_old_) send_again();
    if (hedged_ || now_ms - started_ms_ < kSilenceMs) return false;
    hedged_ = true;
    for (size_t i = 0, n = targets_.size(); i < n; ++i)
        if (targets_[i].waiting && !targets_[i].stand_in && !answered_) find_stand_in(targets_[i].place);
    return false;
}

bool WriteOp::on_deadline() {
    if (answered_) return true;
    answered_ = true;
    ClusterCounters::add(coordinator_.cluster().counters.in_doubt);
    ticket_.fail(
        fmt::format("INDOUBT write may have been applied (acks {}/{})", quorum_.have(), quorum_.need()));
    return true;
}

}  // namespace torc
