#include "node/join_op.h"

#include <algorithm>

#include "node/client_core.h"
#include "node/coordinator.h"
#include "node/internal_commands.h"

namespace torc {

namespace {

constexpr int64_t kAllAliveNs = 500'000'000;
constexpr std::string_view kDamaged = "-CORRUPT";

}  // namespace

JoinOp::JoinOp(Coordinator& coordinator, ClientCore& client, ShardId shard, std::vector<std::string> keys,
               JoinTerms terms)
    : coordinator_(coordinator),
      client_(client.replies),
      shard_(shard),
      keys_(std::move(keys)),
      terms_(terms),
      born_ns_(coordinator.now_ns()),
      pauses_(coordinator.pauses()) {}

bool JoinOp::start() {
    plan_ = coordinator_.shared_plan(shard_);
    quorum_ = Quorum(*plan_, terms_.level, false);
    if (plan_->self_owns()) quorum_.count(static_cast<size_t>(plan_->self));
    if (terms_.own_damaged) own_is_damaged();
    for (size_t i = 0; i < plan_->owners; ++i) {
        const Replica& replica = plan_->replicas[i];
        if (!replica.self && replica.usable) answers_.push_back({replica.id, i, false, false, {}});
    }
    if (answers_.empty()) return finish(met());
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
    if (phase_ == Phase::reading && terms_.all_alive && coordinator_.now_ns() - born_ns_ >= kAllAliveNs) {
        terms_.all_alive = false;
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

/// What this node answered itself was no answer.
void JoinOp::own_is_damaged() {
    terms_.own_damaged = terms_.must = true;
    // Any one of the others may have missed what this node alone acknowledged with another.
    if (terms_.level == Consistency::one) terms_.level = Consistency::quorum;
    const Quorum before = quorum_;
    quorum_ = Quorum(*plan_, terms_.level, false);
    for (const Answer& answer : answers_)
        if (before.counted(answer.place)) quorum_.count(answer.place);
}

bool JoinOp::met() const {
    if (quorum_.met() || !terms_.own_damaged) return quorum_.met();
    for (size_t i = 0; i < plan_->owners; ++i)
        if (!plan_->replicas[i].self && !quorum_.counted(i)) return false;
    return quorum_.answers() > 0;
}

/// A read of one is met by our own copy: then all who answer in time are waited for.
bool JoinOp::enough() const {
    const bool awaited = terms_.all_alive && std::ranges::any_of(answers_, [this](const Answer& answer) {
                             return answer.waiting && plan_->replicas[answer.place].alive;
                         });
    return met() && (quorum_.answers() > 1 || terms_.own_damaged) && !awaited;
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
    if (nobody_left() && !terms_.must && quorum_.answers() > (plan_->self_owns() ? 1u : 0u)) merge();
    return false;
}

void JoinOp::merge() {
    phase_ = Phase::merging;
    std::vector<std::string> words = {terms_.own_damaged ? "heal" : "join"};
    for (const Answer& answer : answers_) {
        std::string_view rest = answer.changes;
        while (const auto change = next_change(rest)) {
            words.emplace_back(change->key);
            words.emplace_back(change->cell);
        }
    }
    if (terms_.own_damaged) return heal(std::move(words));
    if (words.size() == 1) return run(nullptr, {"ping"}, &JoinOp::merged);
    run(&kJoinCommand, words, &JoinOp::merged);
}

/// As merge(), and what is damaged here and nobody else has is gone.
void JoinOp::heal(std::vector<std::string> words) {
    const auto has = [](std::string_view changes, std::string_view key) {
        while (const auto change = next_change(changes))
            if (change->key == key) return true;
        return false;
    };
    for (const std::string& key : keys_) {
        if (std::ranges::any_of(answers_, [&](const Answer& answer) { return has(answer.changes, key); }))
            continue;
        words.push_back(key);
        words.emplace_back();
    }
    run(&kHealCommand, words, &JoinOp::merged);
}

/// A command of the node's own, and then the next step.
void JoinOp::run(const CommandSpec* spec, const std::vector<std::string>& words, void (JoinOp::*then)()) {
    // The op may be gone, by its deadline, when it comes back.
    coordinator_.run_here(spec, words, {},
                          [coordinator = &coordinator_, op = number, this, then](std::string_view reply) {
                              if (!coordinator->has(op)) return;
                              if (reply.starts_with(kDamaged) && !terms_.own_damaged) return ask_others();
                              (this->*(reply.starts_with('-') ? &JoinOp::not_merged : then))();
                          });
}

/// Our copy has turned out to be damaged: more answers may be needed.
void JoinOp::ask_others() {
    own_is_damaged();
    if (enough()) return merge();
    phase_ = Phase::reading;
    // What came while nobody listened is asked for again.
    for (Answer& answer : answers_) answer.waiting = false;
    ask();
}

/// The log or the memory is full: what others have can't be answered from here.
void JoinOp::not_merged() {
    if (!terms_.must) return merged();
    if (finish(false)) coordinator_.remove(number);
}

void JoinOp::merged() {
    std::vector<std::string> words = {"cells"};
    words.insert(words.end(), keys_.begin(), keys_.end());
    coordinator_.run_here(&kCellsCommand, words, {},
                          [coordinator = &coordinator_, op = number, this](std::string_view mine) {
                              if (!coordinator->has(op)) return;
                              if (mine.starts_with(kDamaged) && !terms_.own_damaged) return ask_others();
                              repair(raw_reply(mine).value_or(std::string_view()));
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
    if (!waits && finish(met())) coordinator_.remove(number);
}

bool JoinOp::on_ack(NodeId from, const AckMessage&) {
    Answer* answer = answer_of(from);
    if (answer == nullptr || !answer->repairing) return false;
    answer->repairing = answer->waiting = false;
    const bool waits = std::ranges::any_of(answers_, [](const Answer& a) { return a.repairing; });
    return !waits && finish(met());
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
    return finish(met() && phase_ == Phase::repairing);
}

bool JoinOp::finish(bool met) {
    if (phase_ == Phase::over) return true;
    phase_ = Phase::over;
    if (terms_.must && met) coordinator_.times().count(false, terms_.level, coordinator_.now_ns() - born_ns_);
    if (ClientCore* client = client_->client()) {
        client->cluster.joining = false;
        // While this node stood still others may have decided: the command is routed as if it had just come.
        client->cluster.joined = pauses_ == coordinator_.pauses();
        client->cluster.join_failed = client->cluster.joined && terms_.must && !met;
        client->cluster.was_damaged = client->cluster.joined && terms_.own_damaged;
        client->handle->wake();
    }
    return true;
}

}  // namespace torc
