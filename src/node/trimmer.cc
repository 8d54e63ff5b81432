#include "node/trimmer.h"

#include <algorithm>
#include <functional>

#include "base/config.h"
#include "cluster/slots.h"
#include "node/cell_keyspace.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr size_t kMostWanted = 256;
constexpr size_t kMostAtOnce = 8;
/// That many must have a chance to go.
constexpr ptrdiff_t kWorthAsking = 2;
constexpr int64_t kAgainMs = 2'000;
constexpr int64_t kTimeoutMs = 10'000;
/// What the members said is soon old.
constexpr int64_t kRunWithinMs = 1'000;

}  // namespace

/// One key: everybody's cells, then the command.
class Trimmer::TrimOp final : public BusOp {
  public:
    TrimOp(Trimmer& trimmer, std::string key, const EndedBefore& ended)
        : trimmer_(trimmer),
          key_(std::move(key)),
          epoch_(trimmer.coordinator_.topology().ring->epoch()),
          pauses_(trimmer.coordinator_.pauses()),
          words_{"trim", key_, pack_ended(ended)} {}
    ~TrimOp() override { --trimmer_.running_; }

    bool start() {
        Coordinator& coordinator = trimmer_.coordinator_;
        for (const RingMember& member : coordinator.topology().ring->state().members) {
            if (member.id == trimmer_.cluster_.self) continue;
            if (coordinator.link_version(member.id) < kFloorsSince ||
                !coordinator.send(member.id, ReadMessage{number, true, {key_}}))
                return true;
            waiting_.push_back(member.id);
        }
        return waiting_.empty() && trim();
    }

    bool on_read_reply(NodeId from, const ReadReply& reply) override {
        const auto at = std::ranges::find(waiting_, from);
        if (at == waiting_.end()) return false;
        if (reply.status != BusStatus::done) return true;
        waiting_.erase(at);
        std::string_view rest = reply.changes;
        const auto change = next_change(rest);
        const RingTable& ring = *trimmer_.coordinator_.topology().ring;
        words_.emplace_back(ring.owns(from, shard_of(key_slot(key_))) ? "owner" : "other");
        words_.emplace_back(change ? change->cell : std::string_view());
        return waiting_.empty() && trim();
    }
    bool on_peer_lost(NodeId) override { return true; }

  private:
    bool trim() {
        Coordinator& coordinator = trimmer_.coordinator_;
        if (coordinator.topology().ring->epoch() != epoch_ || coordinator.pauses() != pauses_) return true;
        BusExecutor::Settings settings;
        settings.deadline_ms = coordinator.worker().now_ms + kRunWithinMs;
        coordinator.run_here(&kTrimCommand, std::move(words_), settings, [](std::string_view) {});
        return true;
    }

    Trimmer& trimmer_;
    const std::string key_;
    const uint64_t epoch_, pauses_;
    std::vector<std::string> words_;
    std::vector<NodeId> waiting_;
};

Trimmer::Trimmer(Coordinator& coordinator, CellCopy& copy)
    : coordinator_(coordinator), cluster_(coordinator.cluster()), copy_(copy) {}

void Trimmer::want(std::string key) {
    const auto asked = asked_ms_.find(key);
    if (asked != asked_ms_.end() && coordinator_.now_ms() - asked->second < kAgainMs) return;
    if (wanted_.size() < kMostWanted) wanted_.insert(std::move(key));
}

void Trimmer::on_timer() {
    const int64_t now = coordinator_.now_ms();
    boost::unordered::erase_if(asked_ms_, [&](const auto& asked) { return now - asked.second >= kAgainMs; });
    if (wanted_.empty()) return;
    WorkerCore& worker = coordinator_.worker();
    const int64_t horizon_ms = worker.node.config.live.tombstone_horizon_seconds.load() * 1000;
    auto at_work = cluster_.actors.at_work(now, horizon_ms / 2);
    if (!at_work || !coordinator_.topology().everybody_is_up(cluster_.self)) return wanted_.clear();
    const EndedBefore ended{std::move(*at_work), worker.now_ms - horizon_ms};
    worker.locks.release();
    while (!wanted_.empty() && running_ < kMostAtOnce && asked_ms_.size() < kMostWanted) {
        std::string key = *wanted_.begin();
        wanted_.erase(wanted_.begin());
        const bool asks = is_worth_asking(key, ended);
        asked_ms_.insert_or_assign(key, now);
        if (asks) start(std::move(key), ended);
    }
}

bool Trimmer::is_worth_asking(const std::string& key, const EndedBefore& ended) {
    std::string cell;
    // It was written a moment ago: locked, or moved to the disk since, it's for the next write to say so
    // again.
    if (!coordinator_.trusts_own_copy(shard_of(key_slot(key))) ||
        copy_.read(key, cell) != ExchangeCopy::Read::found)
        return false;
    return std::ranges::count_if(CellView::parse(cell)->context().entries, std::cref(ended)) >= kWorthAsking;
}

void Trimmer::start(std::string key, const EndedBefore& ended) {
    ++running_;
    const uint64_t number =
        coordinator_.add(std::make_unique<TrimOp>(*this, std::move(key), ended), kTimeoutMs).number;
    coordinator_.step(number, [](BusOp& op) { return static_cast<TrimOp&>(op).start(); });
}

}  // namespace torc
