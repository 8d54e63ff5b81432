#include "node/shard_sync.h"

#include <algorithm>

#include "base/coding.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mutant.h"
#include "node/cell_keyspace.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/worker_core.h"
#include "repl/merkle.h"

namespace torc {
namespace {

constexpr unsigned kMostAtOnce = 16;
constexpr int64_t kRetryMs = 300;
constexpr int64_t kStepTimeoutMs = 5'000;
/// Others need a moment to send a node that came back its share of the writes again.
constexpr int64_t kSettleDelayMs = 300;
/// Owners that are taken for dead are settled without after so long, and so long after this node's start.
constexpr int64_t kShowUpMs = 2'000;
constexpr int64_t kWatchMs = 500;
constexpr size_t kHandOffKeys = 256;
constexpr size_t kHandOffBytes = 256 * 1024;
constexpr size_t kExpiryKeysPerTick = 4096;  // looked at
constexpr size_t kExpiriesAtOnce = 512;      // of one shard
constexpr unsigned kExpiryTries = 20;        // of a shard that can't be seen at the moment

}  // namespace

/// One comparison of a shard with one peer.
class ShardSync::ExchangeOp final : public BusOp {
  public:
    ExchangeOp(ShardSync& sync, ShardId shard, NodeId peer, uint64_t unsettles)
        : sync_(sync), shard_(shard), peer_(peer), unsettles_(unsettles), exchange_(sync.copy_, shard) {}

    /// True when it's over.
    bool advance() {
        for (;;) {
            switch (exchange_.step()) {
                case Exchange::State::request: {
                    const std::string request = exchange_.next_request();
                    (void)sync_.spend(request.size());
                    ExchangeMessage message{number, BusStatus::done, request};
                    if (!sync_.coordinator_.send_exchange(peer_, message)) return end(false);
                    request_ = request;
                    sent_ms_ = sync_.coordinator_.now_ms();
                    return false;
                }
                case Exchange::State::waiting:
                case Exchange::State::later:
                    return false;
                case Exchange::State::done:
                    return end(true);
                case Exchange::State::failed:
                    return end(false);
            }
        }
    }

    bool on_exchange_reply(NodeId from, const ExchangeMessage& reply) override {
        if (from != peer_) return false;
        if (reply.status == BusStatus::later) {
            again_ = true;
            return false;
        }
        if (reply.status != BusStatus::done) return end(false);
        (void)sync_.spend(reply.bytes.size());
        exchange_.on_reply(reply.bytes);
        return advance();
    }
    bool on_peer_lost(NodeId peer) override { return peer == peer_ && end(false); }
    bool on_tick(int64_t now) override {
        if (std::exchange(again_, false)) {
            if (!sync_.coordinator_.send_exchange(peer_, {number, BusStatus::done, request_}))
                return end(false);
            sent_ms_ = now;
            return false;
        }
        if (sent_ms_ != 0 && now - sent_ms_ > kStepTimeoutMs) return end(false);
        return advance();
    }
    bool on_deadline() override { return end(false); }

  private:
    bool end(bool good) {
        if (std::exchange(over_, true)) return true;
        const ExchangeStats& stats = exchange_.stats();
        ClusterCounters& counters = sync_.cluster_.counters;
        ClusterCounters::add(counters.exchanges);
        ClusterCounters::add(counters.repaired_in, stats.pulled);
        ClusterCounters::add(counters.repaired_out, stats.pushed);
        if (good && exchange_.was_equal()) ClusterCounters::add(counters.exchanges_equal);
        // The trees differ and no key does: one of them is wrong.
        if (good && !exchange_.was_equal() && stats.keys_differing == 0)
            for (unsigned slot = shard_ * kSlotsPerShard; slot < (shard_ + 1u) * kSlotsPerShard; ++slot)
                (void)sync_.copy_.correct_leaves(static_cast<SlotId>(slot));
        sync_.ended(shard_, peer_, good, exchange_.was_equal(), unsettles_, stats);
        return true;
    }

    ShardSync& sync_;
    const ShardId shard_;
    const NodeId peer_;
    const uint64_t unsettles_;
    Exchange exchange_;
    std::string request_;
    int64_t sent_ms_ = 0;
    bool again_ = false;
    bool over_ = false;
};

/// A batch of keys of a shard that isn't ours, on its way to all owners.
class ShardSync::HandOffOp final : public BusOp {
  public:
    struct Key {
        std::string name;
        uint64_t digest = 0;
        bool kept = false;  // an owner doesn't take it
    };
    HandOffOp(ShardSync& sync, ShardId shard, std::vector<Key> keys, std::string changes,
              std::vector<NodeId> owners)
        : sync_(sync),
          shard_(shard),
          epoch_(sync.coordinator_.topology().ring->epoch()),
          keys_(std::move(keys)),
          changes_(std::move(changes)) {
        for (const NodeId owner : owners) targets_.push_back({owner, true});
    }

    bool start() {
        if (mutant("foreign-data-dropped")) {
            for (size_t i = 1; i < targets_.size(); ++i) targets_[i].waiting = false;
            return covered(targets_.front());
        }
        // Most of what a moved shard left behind is there already: a digest tells.
        ReadMessage ask{number, false, {}};
        for (const Key& key : keys_) ask.keys.push_back(key.name);
        for (const Target& target : targets_)
            if (!sync_.coordinator_.send(target.node, ask)) return end(false);
        return false;
    }

    bool on_read_reply(NodeId from, const ReadReply& reply) override {
        Target* target = find(from);
        if (target == nullptr || !target->waiting) return false;
        std::vector<uint64_t> digests;
        for (const Key& key : keys_) digests.push_back(key.digest);
        if (reply.status == BusStatus::done && reply.digest == combined_digest(digests))
            return covered(*target);
        (void)sync_.spend(changes_.size());
        return !sync_.coordinator_.send(from, MergeMessage{number, MergeReason::repair, changes_}) &&
               end(false);
    }
    bool on_ack(NodeId from, const AckMessage& ack) override {
        Target* target = find(from);
        if (target == nullptr || !target->waiting) return false;
        if (ack.status == BusStatus::partly) return keep(ack.refused) ? covered(*target) : end(false);
        return ack.status == BusStatus::done ? covered(*target) : end(false);
    }
    bool on_peer_lost(NodeId peer) override { return find(peer) != nullptr && end(false); }
    bool on_deadline() override { return end(false); }

  private:
    struct Target {
        NodeId node = 0;
        bool waiting = false;
    };
    Target* find(NodeId node) {
        const auto at = std::ranges::find(targets_, node, &Target::node);
        return at == targets_.end() ? nullptr : &*at;
    }
    bool covered(Target& target) {
        target.waiting = false;
        if (std::ranges::any_of(targets_, [](const Target& t) { return t.waiting; })) return false;
        std::vector<std::string> words = {"forget"};
        for (const Key& key : keys_) {
            if (key.kept) {
                sync_.keep(sync_.shards_[shard_], entry_hash(key.name, key.digest));
                continue;
            }
            words.push_back(key.name);
            char digest[8];
            store_le<uint64_t>(digest, key.digest);
            words.emplace_back(digest, sizeof digest);
        }
        ClusterCounters::add(sync_.cluster_.counters.hints_delivered, (words.size() - 1) / 2);
        if (words.size() == 1) return end(true);
        sync_.coordinator_.run_here(&kForgetCommand, std::move(words), {},
                                    [sync = &sync_, shard = shard_](std::string_view refusal) {
                                        // Refused, as while the log fails: the owners aren't asked again
                                        // without a pause.
                                        sync->hand_off_ended(shard, refusal.empty());
                                        sync->start_more();
                                    });
        return true;
    }
    bool end(bool good) {
        sync_.hand_off_ended(shard_, good);
        return true;
    }

    /// What the owner has not taken stays. False when it said so to a node of another ring.
    bool keep(std::string_view refused) {
        if (refused.size() != (keys_.size() + 7) / 8 || epoch_ != sync_.coordinator_.topology().ring->epoch())
            return false;
        for (size_t i = 0; i < keys_.size(); ++i) keys_[i].kept |= (refused[i / 8] >> i % 8 & 1) != 0;
        return true;
    }

    ShardSync& sync_;
    const ShardId shard_;
    const uint64_t epoch_;
    std::vector<Key> keys_;
    const std::string changes_;
    std::vector<Target> targets_;
};

ShardSync::ShardSync(Coordinator& coordinator)
    : coordinator_(coordinator),
      cluster_(coordinator.cluster()),
      worker_(coordinator.worker()),
      copy_(worker_, cluster_),
      reaper_(coordinator, copy_),
      trimmer_(coordinator, copy_),
      shards_(kShards),
      next_shard_(worker_.index),
      next_expiry_shard_(worker_.index),
      born_ms_(coordinator.now_ms()) {}

ShardSync::~ShardSync() = default;

std::optional<std::string> ShardSync::answer(NodeId, std::string_view request) {
    if (worker_.node.loading.load()) return std::string();
    worker_.locks.release();
    return answer_exchange(copy_, request);
}

/// False when more has been moved than transfer-rate allows: then nothing new is begun for a while.
bool ShardSync::spend(uint64_t bytes) {
    allowance_ -= static_cast<int64_t>(bytes);
    return allowance_ > 0;
}

void ShardSync::on_timer() {
    const int64_t now = coordinator_.now_ms();
    const int64_t rate = worker_.node.config.live.transfer_bytes_per_second.load() / worker_.count;
    allowance_ = std::min(rate / 4, allowance_ + rate * std::min<int64_t>(now - allowance_ms_, 1000) / 1000);
    allowance_ms_ = now;
    copy_.age_cold(now);
    // A node that can't write its log leaves deciding to others, and has missed writes when it can again.
    if (worker_.index == 0 && worker_.node.log_is_failing() &&
        coordinator_.topology().ring->state().members.size() > 1)
        cluster_.unsettle_all();
    spread_what_came_along();
    start_more();
    expire_some();
    reaper_.on_timer();
    trimmer_.on_timer();
    watch_comparisons();
}

void ShardSync::spread_what_came_along() {
    const RingState& ring = coordinator_.topology().ring->state();
    if (ring.cluster_id == 0 || ring.move || ring.cluster_id == spread_in_ ||
        !coordinator_.topology().ring->is_member(cluster_.self))
        return;
    spread_in_ = ring.cluster_id;
    if (ring.members.size() == 1) return;
    for (unsigned shard = worker_.index; shard < kShards; shard += worker_.count)
        if (cluster_.cells[shard].bytes.load(std::memory_order_relaxed) > 0)
            want_repair(static_cast<ShardId>(shard), [](const Repaired&) {});
}

void ShardSync::watch_comparisons() {
    const int64_t now = coordinator_.now_ms();
    if (now < next_watch_ms_) return;
    next_watch_ms_ = now + kWatchMs;
    const RingTable& ring = *coordinator_.topology().ring;
    const ShardSet& owned = ring.owned(cluster_.self);
    unsigned divergent = 0;
    int64_t oldest_ms = 0;
    for (unsigned s = worker_.index; s < kShards; s += worker_.count) {
        if (!owned[s] || ring.owners(static_cast<ShardId>(s)).size() < 2) continue;
        const ShardState& state = shards_[s];
        divergent += state.equal ? 0 : 1;
        const int64_t ms = state.last_ms != 0 ? state.last_ms : born_ms_;
        if (oldest_ms == 0 || ms < oldest_ms) oldest_ms = ms;
    }
    divergent_.store(divergent, std::memory_order_relaxed);
    oldest_comparison_ms_.store(oldest_ms, std::memory_order_relaxed);
}

bool ShardSync::wants(ShardId shard, bool ours, const ShardState& state, int64_t now) const {
    if (now < state.retry_ms || state.running != 0 || state.handing_off) return false;
    if (!ours && mutant("hints-not-restarted")) return false;
    if (!ours) {
        const int64_t bytes = cluster_.cells[shard].bytes.load(std::memory_order_relaxed);
        return bytes > 0 && bytes != state.kept_bytes;
    }
    if (!cluster_.settled(shard) || repairs_.contains(shard)) return true;
    return is_due(state, now);
}

bool ShardSync::is_due(const ShardState& state, int64_t now) const {
    return now - state.last_ms > worker_.node.config.live.anti_entropy_seconds.load() * 1000;
}

void ShardSync::start_more() {
    if (worker_.node.loading.load() || allowance_ <= 0) return;
    const int64_t now = coordinator_.now_ms();
    const RingTable& ring = *coordinator_.topology().ring;
    const ShardSet ours = ring.owned(cluster_.self) | ring.next_owned(cluster_.self);
    for (unsigned n = 0; n < kShards / worker_.count && running_ < kMostAtOnce; ++n) {
        const auto shard = static_cast<ShardId>(next_shard_);
        next_shard_ += worker_.count;
        if (next_shard_ >= kShards) next_shard_ = worker_.index;
        ShardState& state = shards_[shard];
        offer_again(state, ring.epoch());
        if (wants(shard, ours[shard], state, now)) (void)start_one(shard, state, now);
    }
}

/// Do all owners that live have a link to this node? What they write before they have is in no comparison
/// that has begun, and never comes by itself.
bool ShardSync::is_sent_writes(ShardId shard) const {
    const auto owners = coordinator_.topology().ring->owners(shard);
    return std::ranges::all_of(owners, [&](NodeId owner) {
        const Peer* peer = coordinator_.topology().peer(owner);
        return owner == cluster_.self || peer == nullptr || peer->liveness != Liveness::alive ||
               cluster_.hears(owner);
    });
}

bool ShardSync::start_one(ShardId shard, ShardState& state, int64_t now) {
    const RingTable& ring = *coordinator_.topology().ring;
    if (!ring.owns(cluster_.self, shard) && !ring.will_own(cluster_.self, shard)) {
        if (repairs_.contains(shard)) end_repair(shard, false);
        hand_off(shard, state);
        return true;
    }
    const uint64_t unsettles = cluster_.unsettle_count();
    if (!cluster_.settled(shard) && state.unsettles != unsettles && !is_sent_writes(shard)) {
        state.retry_ms = now + kSettleDelayMs;
        return false;
    }
    if (state.unsettles != unsettles) {
        state.unsettles = unsettles;
        state.begun_ms = now;
        state.compared_ms.clear();
        // From here on the others count: they have to know first that we're back.
        state.retry_ms = now + kSettleDelayMs;
        settle_if_proven(shard, state);
        return false;
    }
    settle_if_proven(shard, state);
    // Whoever a repair waits for, or hasn't been compared with yet, else the one whose turn is longest ago.
    NodeId best = next_of_repair(shard);
    int64_t best_ms = INT64_MAX;
    for (const NodeId owner : best == 0 ? ring.owners(shard) : std::span<const NodeId>()) {
        if (owner == cluster_.self) continue;
        const Peer* peer = coordinator_.topology().peer(owner);
        if (peer == nullptr || peer->liveness != Liveness::alive) continue;
        const auto at = state.compared_ms.find(owner);
        const int64_t ms = at == state.compared_ms.end() ? 0 : at->second;
        if (ms < best_ms) {
            best_ms = ms;
            best = owner;
        }
    }
    // Whoever is there was compared with a moment ago; what a shard waits for that isn't settled is the
    // others.
    const bool waits = !cluster_.settled(shard) && !repairs_.contains(shard) &&
                       state.compared_ms.contains(best) && !is_due(state, now);
    if (best == 0 || waits) {
        state.retry_ms = now + kRetryMs;
        return false;
    }
    ++state.running;
    ++running_;
    const uint64_t number =
        coordinator_.add(std::make_unique<ExchangeOp>(*this, shard, best, unsettles), 600'000).number;
    coordinator_.step(number, [](BusOp& op) { return static_cast<ExchangeOp&>(op).advance(); });
    return true;
}

void ShardSync::ended(ShardId shard, NodeId peer, bool good, bool equal, uint64_t unsettles,
                      const ExchangeStats& stats) {
    ShardState& state = shards_[shard];
    --state.running;
    --running_;
    const int64_t now = coordinator_.now_ms();
    repair_went_on(shard, peer, good, stats);
    if (!good) {
        state.retry_ms = now + kRetryMs;
        return;
    }
    state.last_ms = now;
    state.equal = equal;
    if (unsettles == state.unsettles) state.compared_ms[peer] = now;
    settle_if_proven(shard, state);
    start_more();
}

/// A number of copies proves too little: stand-ins acknowledge as well while owners are away, and once they
/// are gone the one owner that stayed may have what none of the others has. So whoever is there is compared
/// with. Who seems to be away gets a moment to show up: a node that was cut off hears of the others one by
/// one, and one that has just started hasn't heard of anybody.
bool ShardSync::all_there_compared(ShardId shard, const ShardState& state) const {
    const int64_t now = coordinator_.now_ms();
    const bool waited = now - state.begun_ms >= kShowUpMs && now - born_ms_ >= kStrangerMs;
    return std::ranges::all_of(coordinator_.topology().ring->owners(shard), [&](NodeId owner) {
        if (owner == cluster_.self || state.compared_ms.contains(owner)) return true;
        const Peer* peer = coordinator_.topology().peer(owner);
        return waited && (peer == nullptr || !peer->usable());
    });
}

/// Enough others that any acknowledged write is at one of them, or here.
void ShardSync::settle_if_proven(ShardId shard, ShardState& state) {
    if (cluster_.settled(shard) || state.unsettles != cluster_.unsettle_count()) return;
    const RingTable& ring = *coordinator_.topology().ring;
    const auto owners = ring.owners(shard);
    if (owners.empty()) return;
    const bool owner = ring.owns(cluster_.self, shard);
    size_t proven = 0;
    for (const NodeId id : owners) proven += state.compared_ms.contains(id) ? 1 : 0;
    // W = N/2 + 1 acknowledged: N - W + 1 copies always include one of them; ours is one if we're an owner.
    const size_t needed = owners.size() - owners.size() / 2 - (owner ? 1 : 0);
    const bool enough = proven >= needed && all_there_compared(shard, state);
    if (enough || mutant("settled-too-early")) cluster_.settle(shard);
}

/// What the owners didn't take from this node as an outsider they may under the next ring: it may be one of
/// them.
void ShardSync::offer_again(ShardState& state, uint64_t epoch) {
    if (state.kept_epoch == epoch) return;
    cluster_.counters.hints_kept.fetch_sub(state.kept.size(), std::memory_order_relaxed);
    state.kept.clear();
    state.kept_epoch = epoch;
    state.kept_bytes = 0;
}

void ShardSync::keep(ShardState& state, uint64_t entry) {
    if (!state.kept.insert(entry).second || cluster_.counters.hints_kept.fetch_add(1) != 0) return;
    log_warning(
        "This node is outside of the ring and holds keys that their owners have not heard of, older than "
        "tombstone-horizon: they may have been deleted since. They stay here, and are given to nobody (INFO "
        "cluster: hints_kept)");
}

void ShardSync::hand_off_ended(ShardId shard, bool good) {
    ShardState& state = shards_[shard];
    state.handing_off = false;
    state.retry_ms = good ? 0 : coordinator_.now_ms() + kRetryMs;
}

/// What can't be read can't be handed off: its owners have the key, or nobody has it any more.
bool ShardSync::forget_damaged(ShardId shard) {
    size_t forgotten = 0;
    for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot)
        forgotten += copy_.forget_damaged(static_cast<SlotId>(slot));
    if (forgotten != 0)
        log_warning(
            "{} damaged records of shard {} are dropped: it isn't this node's any more, its owners are all "
            "there, and all that could be read has been handed over to them",
            forgotten, shard);
    return forgotten != 0;
}

void ShardSync::hand_off(ShardId shard, ShardState& state) {
    const RingTable& ring = *coordinator_.topology().ring;
    const int64_t now = coordinator_.now_ms();
    state.retry_ms = now + kRetryMs;
    std::vector<NodeId> owners;
    for (const auto list : {ring.owners(shard), ring.next_owners(shard)})
        for (const NodeId owner : list) {
            const Peer* peer = coordinator_.topology().peer(owner);
            // All of them have to have it before it goes from here.
            if (peer == nullptr || peer->liveness != Liveness::alive) return;
            if (std::ranges::find(owners, owner) == owners.end()) owners.push_back(owner);
        }
    if (owners.empty()) return;
    worker_.locks.release();
    std::vector<HandOffOp::Key> keys;
    std::string changes;
    const int64_t bytes = cluster_.cells[shard].bytes.load(std::memory_order_relaxed);
    bool seen = true;
    for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot) {
        // Of the other slots as well, so that the disk is asked for all at once.
        seen &= copy_.walk(static_cast<SlotId>(slot), [&](std::string_view key, std::string_view cell) {
            if (keys.size() >= kHandOffKeys || changes.size() >= kHandOffBytes) return;
            const uint64_t digest = CellView::parse(cell)->digest();
            if (!state.kept.empty() && state.kept.contains(entry_hash(key, digest))) return;
            keys.push_back({std::string(key), digest});
            append_change(changes, key, cell);
        });
        if (keys.size() >= kHandOffKeys || changes.size() >= kHandOffBytes) break;
    }
    if (keys.empty()) {
        if (seen && !forget_damaged(shard) && !state.kept.empty()) state.kept_bytes = bytes;
        return;
    }
    state.handing_off = true;
    const uint64_t number = coordinator_
                                .add(std::make_unique<HandOffOp>(*this, shard, std::move(keys),
                                                                 std::move(changes), std::move(owners)),
                                     10'000)
                                .number;
    coordinator_.step(number, [](BusOp& op) { return static_cast<HandOffOp&>(op).start(); });
}

void ShardSync::expire_some() {
    if (!worker_.node.active_expire.load()) return;
    const Topology& topology = coordinator_.topology();
    size_t seen = 0;
    worker_.locks.release();
    // A shard without expiring keys costs nothing; one with them is walked whole, so that small data is soon
    // rid of what has expired.
    for (unsigned n = 0; n < kShards / worker_.count && seen < kExpiryKeysPerTick; ++n) {
        const auto shard = static_cast<ShardId>(next_expiry_shard_);
        next_expiry_shard_ += worker_.count;
        if (next_expiry_shard_ >= kShards) next_expiry_shard_ = worker_.index;
        if (cluster_.cells[shard].with_expiry.load(std::memory_order_relaxed) == 0) continue;
        if (!cluster_.settled(shard) || !answers_for(topology, cluster_.self, shard)) continue;
        std::vector<std::string> words = {"expire"};
        bool all = true;
        for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot)
            all &= copy_.walk(static_cast<SlotId>(slot), [&](std::string_view key, std::string_view cell) {
                const auto view = CellView::parse(cell);
                const int64_t at = view->expire_at_ms();
                ++seen;
                if (view->exists() && at != kNoExpiry && at <= worker_.now_ms &&
                    words.size() <= kExpiriesAtOnce)
                    words.emplace_back(key);
            });
        // Locked, or its keys are on their way from the disk: here again at the next tick.
        const bool again = !all && ++expiry_tries_ < kExpiryTries;
        if (again)
            next_expiry_shard_ = shard;
        else
            expiry_tries_ = 0;
        if (words.size() > 1) {
            ClusterCounters::add(cluster_.counters.expired, words.size() - 1);
            coordinator_.run_here(&kExpireCommand, std::move(words), {}, [](std::string_view) {});
        }
        if (again) break;
    }
}

}  // namespace torc
