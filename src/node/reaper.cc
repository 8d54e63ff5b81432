#include "node/reaper.h"

#include <algorithm>

#include "base/coding.h"
#include "base/config.h"
#include "base/mutant.h"
#include "node/cell_keyspace.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr unsigned kShardsPerTick = 64;
constexpr unsigned kMostAtOnce = 8;
constexpr size_t kMostKeys = 256;
constexpr int64_t kTimeoutMs = 10'000;

}  // namespace

/// Tombstones of one slot: asks all members, then tells the owners.
class Reaper::ReapOp final : public BusOp {
  public:
    struct Key {
        std::string name;
        uint64_t digest = 0;
    };
    ReapOp(Reaper& reaper, ShardId shard, std::vector<Key> keys)
        : reaper_(reaper), shard_(shard), keys_(std::move(keys)) {}
    ~ReapOp() override { --reaper_.running_; }

    bool start() {
        const RingTable& ring = *reaper_.coordinator_.topology().ring;
        ReadMessage ask{number, false, {}};
        for (const Key& key : keys_) ask.keys.push_back(key.name);
        for (const RingMember& member : ring.state().members) {
            if (member.id == reaper_.cluster_.self) continue;
            if (!reaper_.coordinator_.send(member.id, ask)) return true;
            waiting_.push_back(member.id);
        }
        return waiting_.empty() && reap();
    }

    bool on_read_reply(NodeId from, const ReadReply& reply) override {
        const auto at = std::ranges::find(waiting_, from);
        if (at == waiting_.end()) return false;
        waiting_.erase(at);
        std::vector<uint64_t> same, nothing(keys_.size(), 0);
        for (const Key& key : keys_) same.push_back(key.digest);
        const bool owner = reaper_.coordinator_.topology().ring->owns(from, shard_);
        const bool agrees =
            reply.status == BusStatus::done &&
            (reply.digest == combined_digest(same) || (!owner && reply.digest == combined_digest(nothing)));
        if (!agrees && !mutant("tombstone-reaped-early")) return true;
        return waiting_.empty() && reap();
    }
    bool on_peer_lost(NodeId) override { return true; }

  private:
    bool reap() {
        ReapMessage message;
        std::vector<std::string> words = {"forget"};
        for (const Key& key : keys_) {
            message.keys.emplace_back(key.name, key.digest);
            char digest[8];
            store_le<uint64_t>(digest, key.digest);
            words.push_back(key.name);
            words.emplace_back(digest, sizeof digest);
        }
        for (const RingMember& member : reaper_.coordinator_.topology().ring->state().members)
            if (member.id != reaper_.cluster_.self) (void)reaper_.coordinator_.send(member.id, message);
        ClusterCounters::add(reaper_.cluster_.counters.tombstones_reaped, keys_.size());
        reaper_.coordinator_.run_here(&kForgetCommand, std::move(words), {}, [](std::string_view) {});
        return true;
    }

    Reaper& reaper_;
    const ShardId shard_;
    const std::vector<Key> keys_;
    std::vector<NodeId> waiting_;
};

Reaper::Reaper(Coordinator& coordinator, CellCopy& copy)
    : coordinator_(coordinator), cluster_(coordinator.cluster()), copy_(copy) {}

bool Reaper::everybody_is_up() const {
    return mutant("tombstone-reaped-early") || coordinator_.topology().everybody_is_up(cluster_.self);
}

void Reaper::on_timer() {
    const unsigned workers = coordinator_.worker().count;
    for (unsigned n = 0; n < kShardsPerTick && running_ < kMostAtOnce; ++n) {
        if (n == 0 && !everybody_is_up()) return;
        const auto shard = static_cast<ShardId>(next_shard_);
        next_shard_ = (next_shard_ + 1) % kShards;
        if (shard % workers == coordinator_.worker().index &&
            cluster_.cells[shard].tombstones.load(std::memory_order_relaxed) > 0 && cluster_.settled(shard) &&
            answers_for(coordinator_.topology(), cluster_.self, shard))
            start(shard);
    }
}

void Reaper::start(ShardId shard) {
    WorkerCore& worker = coordinator_.worker();
    const int64_t horizon_ms = worker.node.config.live.tombstone_horizon_seconds.load() * 1000;
    const int64_t reap_after_ms = mutant("tombstone-reaped-early") ? 0 : horizon_ms;
    std::vector<ReapOp::Key> keys;
    for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot)
        copy_.walk(static_cast<SlotId>(slot), [&](std::string_view key, std::string_view cell) {
            const auto view = CellView::parse(cell);
            if (keys.size() < kMostKeys && !view->exists() &&
                stamp_ms(view->newest()) < worker.now_ms - reap_after_ms)
                keys.push_back({std::string(key), view->digest()});
        });
    if (keys.empty()) return;
    ++running_;
    const uint64_t number =
        coordinator_.add(std::make_unique<ReapOp>(*this, shard, std::move(keys)), kTimeoutMs).number;
    coordinator_.step(number, [](BusOp& op) { return static_cast<ReapOp&>(op).start(); });
}

}  // namespace torc
