#include "node/errand_op.h"

#include "base/mutant.h"
#include "node/client_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr int64_t kRetryMs = 20;
constexpr int kMostAttempts = 50;

}  // namespace

ErrandOp::ErrandOp(Coordinator& coordinator, Coordinator::Errand errand, NodeId target)
    : coordinator_(coordinator), errand_(std::move(errand)), target_(target), pauses_(coordinator.pauses()) {}

bool ErrandOp::start() {
    ClusterCore& cluster = coordinator_.cluster();
    ForwardMessage message;
    message.op = number;
    message.session = errand_.session;
    const int64_t wall_ms = coordinator_.worker().now_ms;
    message.deadline_ms = wall_ms + errand_.deadline_ms - coordinator_.now_ms();
    message.stamp = cluster.stamps.next(wall_ms);
    message.resp3 = errand_.resp3;
    message.readonly = errand_.readonly;
    message.read_level = errand_.read_level;
    message.write_level = errand_.write_level;
    message.transaction = errand_.transaction;
    message.watches = errand_.watches;
    message.relayed = errand_.relayed;
    message.packed = &errand_.commands;
    ClusterCounters::add(cluster.counters.forwards_sent);
    return coordinator_.send(target_, message);
}

bool ErrandOp::on_forward_reply(NodeId from, const ForwardReply& reply) {
    if (from != target_) return false;
    switch (reply.status) {
        case BusStatus::done:
            if (errand_.maybe_applied && reply.bytes.starts_with('-'))
                fail("");
            else
                finish(reply.bytes);
            return true;
        case BusStatus::elsewhere:
        case BusStatus::later:
        case BusStatus::too_late:
            // Not run there. By then one of us may know a newer ring, or has woken up from a pause that made
            // the message old before it was sent.
            try_later(coordinator_.now_ms() + kRetryMs);
            return false;
        case BusStatus::refused:
        case BusStatus::partly:  // of merges alone
            break;
    }
    if (errand_.maybe_applied) return on_deadline();
    fail("NOREPLICAS the node that coordinates this key refused; the command was not applied");
    return true;
}

void ErrandOp::fail(std::string_view text) {
    std::string line = "-";
    line += errand_.maybe_applied
                ? "INDOUBT write may have been applied (an earlier attempt was never answered)"
                : text;
    line += "\r\n";
    finish(line);
}

/// Null when nobody waits for the reply any more.
ClientCore* ErrandOp::origin() const {
    return errand_.origin == nullptr ? nullptr : errand_.origin->client();
}

void ErrandOp::finish(std::string_view reply) {
    if (ClientCore* client = origin()) client->cluster.retries.erase(errand_.order);
    errand_.done(reply);
}

/// Commands that the connection sends from now on wait until this one is through.
void ErrandOp::try_later(int64_t at_ms) {
    retry_at_ms_ = at_ms;
    ClientCore* client = origin();
    if (client == nullptr) return;
    client->cluster.forwards_astray = true;
    if (errand_.order != 0) client->cluster.retries.insert(errand_.order);
}

bool ErrandOp::retry() {
    if (coordinator_.now_ms() >= errand_.deadline_ms) {
        // The time that this node stood still isn't the client's fault.
        if (pauses_ == coordinator_.pauses()) return on_deadline();
        errand_.deadline_ms = 0;
    }
    ClientCore* const client = origin();
    // Whoever was told that a write is in doubt, or closed the connection, has gone on: it mustn't be done
    // after what came next.
    if (errand_.origin != nullptr && client == nullptr) return true;
    if (client != nullptr) {
        std::set<uint64_t>& retries = client->cluster.retries;
        if (errand_.order != 0 && !retries.empty() && *retries.begin() < errand_.order) {
            try_later(coordinator_.now_ms());  // behind those before it
            return false;
        }
        client->cluster.forwards_astray = true;
        retries.erase(errand_.order);
    }
    if (++errand_.attempts > kMostAttempts) return on_deadline();
    coordinator_.send_errand(std::move(errand_));
    return true;
}

bool ErrandOp::on_peer_lost(NodeId peer) {
    if (peer != target_) return false;
    if (!errand_.write || errand_.resendable || retry_at_ms_ != 0) {
        errand_.maybe_applied |= errand_.write && retry_at_ms_ == 0;
        ClusterCounters::add(coordinator_.cluster().counters.resent);
        return retry();
    }
    return on_deadline();
}

bool ErrandOp::on_tick(int64_t now_ms) {
    // Nobody waits any more, and it may be for ever (WAIT).
    if (!errand_.write && errand_.origin != nullptr && origin() == nullptr) return true;
    if (retry_at_ms_ != 0) return now_ms >= retry_at_ms_ && retry();
    // A suspect is avoided as coordinator; what may be sent twice needn't wait for it.
    if (errand_.write && !errand_.resendable) return false;
    const Peer* peer = coordinator_.topology().peer(target_);
    if (errand_.node == 0 && (peer == nullptr || peer->liveness != Liveness::alive)) {
        const ShardPlan& plan = coordinator_.plan(errand_.shard);
        const int best = plan.coordinator();
        if (best >= 0 && plan.replicas[static_cast<size_t>(best)].id != target_) {
            errand_.maybe_applied |= errand_.write;
            ClusterCounters::add(coordinator_.cluster().counters.resent);
            return retry();
        }
    }
    return false;
}

bool ErrandOp::on_deadline() {
    if (errand_.write && (retry_at_ms_ == 0 || errand_.maybe_applied) && !mutant("doubt-forgotten")) {
        ClusterCounters::add(coordinator_.cluster().counters.in_doubt);
        fail("INDOUBT write may have been applied (no answer from the node that coordinates its key)");
    } else {
        ClusterCounters::add(coordinator_.cluster().counters.no_replicas);
        fail("NOREPLICAS no answer in time from the node that coordinates this key");
    }
    return true;
}

bool is_resendable(const CommandSpec& spec) {
    return (spec.flags & kWrite) == 0;
}

}  // namespace torc
