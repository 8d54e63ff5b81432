#include "node/digest_op.h"

#include <fmt/format.h>

#include <algorithm>

#include "node/client_core.h"
#include "node/coordinator.h"

namespace torc {
namespace {

/// Between one look for somebody to ask and the next, while nobody is asked.
constexpr int64_t kRetryMs = 30;

}  // namespace

DigestOp::DigestOp(Coordinator& coordinator, ShardId shard, Consistency level, Keys keys, uint64_t digest,
                   ReplyTicket ticket, Again again)
    : coordinator_(coordinator),
      keys_(std::move(keys)),
      digest_(digest),
      ticket_(std::move(ticket)),
      again_(std::move(again)),
      plan_(coordinator.shared_plan(shard)),
      quorum_(*plan_, level, false),
      level_(level),
      born_ns_(coordinator.now_ns()) {}

ReadUnderWay::ReadUnderWay(std::shared_ptr<ReplyQueue> replies, ShardId shard)
    : replies_(std::move(replies)), shard_(shard) {
    if (ClientCore* client = replies_->client()) client->cluster.reads.push_back(shard_);
}

ReadUnderWay::~ReadUnderWay() {
    ClientCore* client = replies_ == nullptr ? nullptr : replies_->client();
    if (client == nullptr) return;
    auto& reads = client->cluster.reads;
    if (const auto at = std::ranges::find(reads, shard_); at != reads.end()) reads.erase(at);
    if (client->pause == Pause::replies && reads.empty()) client->handle->wake();
}

bool DigestOp::start() {
    quorum_.count(static_cast<size_t>(plan_->self));
    asked_ms_ = coordinator_.now_ms();
    coordinator_.hedging().begun();
    for (unsigned missing = quorum_.need() - quorum_.have(); missing > 0 && ask_one(); --missing) {
    }
    return over();
}

bool DigestOp::ask_one() {
    int best = -1, best_rank = -1;
    for (size_t i = 0; i < plan_->owners; ++i) {
        const Replica& replica = plan_->replicas[i];
        if (replica.self || !replica.usable) continue;
        if (std::ranges::find(asked_, replica.id, &Asked::node) != asked_.end()) continue;
        const int rank = (replica.local ? 4 : 0) + (replica.alive ? 2 : 0) + (replica.settled ? 1 : 0);
        if (rank > best_rank) {
            best_rank = rank;
            best = static_cast<int>(i);
        }
    }
    if (best < 0) return false;
    const NodeId node = plan_->replicas[static_cast<size_t>(best)].id;
    ClusterCounters::add(coordinator_.cluster().counters.digest_reads);
    const bool sent = coordinator_.send(node, ReadMessage{number, false, {keys_.begin(), keys_.end()}});
    asked_.push_back({node, static_cast<size_t>(best), coordinator_.now_ns(), sent});
    return sent || ask_one();
}

bool DigestOp::waits() const {
    return std::ranges::any_of(asked_, &Asked::waiting);
}

bool DigestOp::over() {
    if (answered_) return true;
    // With nobody left to ask it waits: a link that's lost, or not up yet, may be there at the next tick.
    if (!waits()) (void)ask_one();
    return false;
}

bool DigestOp::on_read_reply(NodeId from, const ReadReply& reply) {
    const auto asked = std::ranges::find(asked_, from, &Asked::node);
    if (asked == asked_.end() || !asked->waiting || answered_) return answered_;
    asked->waiting = false;
    if (reply.status != BusStatus::done) return over();
    coordinator_.hedging().answered(coordinator_.now_ns() - asked->asked_ns);
    if (reply.digest != digest_) {
        ClusterCounters::add(coordinator_.cluster().counters.digest_mismatches);
        answered_ = true;
        again_(ticket_);
        return true;
    }
    quorum_.count(asked->place);
    if (quorum_.met()) {
        answered_ = true;
        if (asked->hedge) ClusterCounters::add(coordinator_.cluster().counters.hedges_won);
        coordinator_.times().count(false, level_, coordinator_.now_ns() - born_ns_);
        ticket_.complete();
    }
    return over();
}

bool DigestOp::on_peer_lost(NodeId peer) {
    const auto asked = std::ranges::find(asked_, peer, &Asked::node);
    if (asked == asked_.end() || !asked->waiting) return false;
    asked->waiting = false;
    return over();
}

bool DigestOp::on_tick(int64_t now_ms) {
    if (answered_) return true;
    Hedging& hedging = coordinator_.hedging();
    const bool hedges = waits();  // else who was asked is lost, and anybody will do
    if (now_ms - asked_ms_ < (hedges ? hedging.after_ms() : kRetryMs)) return false;
    if (hedges && !hedging.may()) return false;
    asked_ms_ = now_ms;
    asked_.erase(std::remove_if(asked_.begin(), asked_.end(),
                                [this](const Asked& a) { return !a.waiting && !quorum_.counted(a.place); }),
                 asked_.end());
    if (!ask_one() || !hedges) return false;
    hedging.spend();
    asked_.back().hedge = true;
    ClusterCounters::add(coordinator_.cluster().counters.hedges);
    return false;
}

bool DigestOp::on_deadline() {
    if (answered_) return true;
    answered_ = true;
    ClusterCounters::add(coordinator_.cluster().counters.no_replicas);
    ticket_.fail(fmt::format("NOREPLICAS {} of {} replicas answered the read in time", quorum_.have(),
                             quorum_.need()));
    return true;
}

}  // namespace torc
