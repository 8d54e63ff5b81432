#include "node/join_op.h"

#include <algorithm>

#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/internal_commands.h"

namespace torc {

namespace {

constexpr int64_t kAllAliveNs = 500'000'000;

}  // namespace

JoinOp::JoinOp(Coordinator& coordinator, ClientCore& client, ShardId shard, std::vector<std::string> keys,
               Consistency level, bool must, bool all_alive)
    : coordinator_(coordinator),
      client_(client.replies),
      shard_(shard),
      keys_(std::move(keys)),
      level_(level),
      must_(must),
      all_alive_(all_alive),
      born_ns_(coordinator.now_ns()),
      pauses_(coordinator.pauses()) {}

bool JoinOp::start() {
    plan_ = coordinator_.shared_plan(shard_);
    quorum_ = Quorum(*plan_, level_, false);
    if (plan_->self_owns()) quorum_.count(static_cast<size_t>(plan_->self));
    for (size_t i = 0; i < plan_->owners; ++i) {
        const Replica& replica = plan_->replicas[i];
        if (!replica.self && replica.usable) answers_.push_back({replica.id, i, false, false, {}});
    }
    if (answers_.empty()) return finish(quorum_.met());
    ClusterCounters::add(coordinator_.cluster().counters.quorum_joins);
    ask();
    return false;
}

/// Whoever hasn't answered and isn't being waited for: its link wasn't up yet, or has broken.
void JoinOp::ask() {
    const ReadMessage message{number, true, {keys_.begin(), keys_.end()}};
    for (Answer& answer : answers_)
        if (!answer.waiting && !quorum_.counted(answer.place))
            answer.waiting = coordinator_.send(answer.node, message);
}

bool JoinOp::on_tick(int64_t) {
    if (phase_ == Phase::reading) ask();
    if (phase_ == Phase::reading && all_alive_ && coordinator_.now_ns() - born_ns_ >= kAllAliveNs) {
        all_alive_ = false;
        if (enough()) merge();
    }
    return phase_ == Phase::over;
}

JoinOp::Answer* JoinOp::answer_of(NodeId node) {
    const auto at = std::ranges::find(answers_, node, &Answer::node);
    return at == answers_.end() ? nullptr : &*at;
}

bool JoinOp::nobody_left() const {
    return std::ranges::none_of(answers_, [](const Answer& answer) { return answer.waiting; });
}

/// A read of one is met by our own copy: then all who answer in time are waited for.
bool JoinOp::enough() const {
    const bool awaited = all_alive_ && std::ranges::any_of(answers_, [this](const Answer& answer) {
                             return answer.waiting && plan_->replicas[answer.place].alive;
                         });
    return quorum_.met() && quorum_.answers() > 1 && !awaited;
}

bool JoinOp::on_read_reply(NodeId from, const ReadReply& reply) {
    Answer* answer = answer_of(from);
    if (answer == nullptr || !answer->waiting || phase_ != Phase::reading) return false;
    answer->waiting = false;
    if (reply.status == BusStatus::done) {
        answer->changes = reply.changes;
        quorum_.count(answer->place);
    }
    if (enough()) {
        merge();
        return false;
    }
    // Too few, and nobody is left to wait for; before the deadline a lost one may come back.
    if (nobody_left() && !must_ && quorum_.answers() > (plan_->self_owns() ? 1u : 0u)) merge();
    return false;
}

void JoinOp::merge() {
    phase_ = Phase::merging;
    std::vector<std::string> words = {"merge"};
    for (const Answer& answer : answers_) {
        std::string_view rest = answer.changes;
        while (const auto change = next_change(rest)) {
            words.emplace_back(change->key);
            words.emplace_back(change->cell);
        }
    }
    // The op may be gone, by its deadline, when these come back.
    Coordinator* coordinator = &coordinator_;
    const uint64_t op = number;
    const auto go_on = [coordinator, op, this](void (JoinOp::*step)()) {
        if (coordinator->has(op)) (this->*step)();
    };
    if (words.size() == 1) {
        coordinator_.run_here(nullptr, {"ping"}, {}, [go_on](std::string_view) { go_on(&JoinOp::merged); });
        return;
    }
    coordinator_.run_here(&kMergeCommand, std::move(words), {}, [go_on](std::string_view reply) {
        go_on(reply.starts_with('-') ? &JoinOp::not_merged : &JoinOp::merged);
    });
}

/// The log or the memory is full: what others have can't be answered from here.
void JoinOp::not_merged() {
    if (!must_) return merged();
    if (finish(false)) coordinator_.remove(number);
}

void JoinOp::merged() {
    std::vector<std::string> words = {"cells"};
    words.insert(words.end(), keys_.begin(), keys_.end());
    Coordinator* coordinator = &coordinator_;
    const uint64_t op = number;
    coordinator_.run_here(&kCellsCommand, std::move(words), {},
                          [coordinator, op, this](std::string_view mine) {
                              if (coordinator->has(op)) repair(raw_reply(mine).value_or(std::string_view()));
                          });
}

void JoinOp::repair(std::string_view mine) {
    phase_ = Phase::repairing;
    bool waits = false;
    for (Answer& answer : answers_) {
        if (!quorum_.counted(answer.place) || answer.changes == mine || mine.empty()) continue;
        ClusterCounters::add(coordinator_.cluster().counters.read_repairs);
        answer.repairing = answer.waiting =
            coordinator_.send(answer.node, MergeMessage{number, MergeReason::repair, mine});
        waits |= answer.waiting;
    }
    if (!waits && finish(quorum_.met())) coordinator_.remove(number);
}

bool JoinOp::on_ack(NodeId from, const AckMessage&) {
    Answer* answer = answer_of(from);
    if (answer == nullptr || !answer->repairing) return false;
    answer->repairing = answer->waiting = false;
    const bool waits = std::ranges::any_of(answers_, [](const Answer& a) { return a.repairing; });
    return !waits && finish(quorum_.met());
}

bool JoinOp::on_peer_lost(NodeId peer) {
    Answer* answer = answer_of(peer);
    if (answer == nullptr || !answer->waiting) return false;
    if (phase_ == Phase::repairing) return on_ack(peer, {});
    ReadReply lost;
    lost.status = BusStatus::refused;
    return on_read_reply(peer, lost);
}

bool JoinOp::on_deadline() {
    // What others answered must be here before a read may count them.
    return finish(quorum_.met() && phase_ == Phase::repairing);
}

bool JoinOp::finish(bool met) {
    if (phase_ == Phase::over) return true;
    phase_ = Phase::over;
    if (must_ && met) coordinator_.times().count(false, level_, coordinator_.now_ns() - born_ns_);
    if (ClientCore* client = client_->client()) {
        client->cluster.joining = false;
        // While this node stood still others may have decided: the command is routed as if it had just come.
        client->cluster.joined = pauses_ == coordinator_.pauses();
        client->cluster.join_failed = client->cluster.joined && must_ && !met;
        client->handle->wake();
    }
    return true;
}

}  // namespace torc
