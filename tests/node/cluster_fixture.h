// One real node of a cluster whose other nodes are played by the test: links that keep what is sent on them,
// frames fed by hand, a ring and members published as the control plane would.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/slots.h"
#include "node/bus.h"
#include "node/bus_message.h"
#include "node/cluster_core.h"
#include "node/coordinator.h"
#include "node/worker_core.h"
#include "repl/cell.h"
#include "tests/node/node_fixture.h"

namespace torc {

class FakeBusLink final : public BusLink {
  public:
    FakeBusLink(NodeId peer, bool dialled) : peer_(peer), dialled_(dialled) {}

    NodeId peer() const override { return peer_; }
    bool dialled() const override { return dialled_; }
    std::string peer_host() const override { return host; }
    void send(std::string_view payload) override {
        EXPECT_LE(payload.size(), kMaxFrame);
        frames.emplace_back(payload);
    }
    size_t queued_bytes() const override { return queued; }
    uint16_t version() const override { return speaks; }
    void reset() override { was_reset = true; }

    std::vector<std::string> frames;
    std::string host = "127.0.0.1";
    size_t queued = 0;
    uint16_t speaks = kBusVersionMax;
    bool was_reset = false;

  private:
    NodeId peer_;
    bool dialled_;
};

class FakeDialer final : public BusDialer {
  public:
    void keep_link(NodeId peer, const Endpoint& bus) override { kept[peer] = bus; }
    void drop_link(NodeId peer) override { kept.erase(peer); }
    void dial(const Endpoint& bus) override { dialled.push_back(bus); }

    std::map<NodeId, Endpoint> kept;
    std::vector<Endpoint> dialled;
};

/// A message that the node sent, with its bytes.
struct Sent {
    BusKind kind{};
    std::string body;

    uint64_t op() const { return body.size() < 8 ? 0 : load_u64(body); }
    static uint64_t load_u64(std::string_view bytes) {
        uint64_t value = 0;
        for (size_t i = 8; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
        return value;
    }
};

class ClusterFixture : public NodeFixture {
  public:
    static constexpr uint64_t kClusterId = 77;
    static constexpr NodeId kB = 0xb, kC = 0xc, kD = 0xd;

    ~ClusterFixture() override { stop_cluster(); }

    /// A node whose ring the test makes.
    void start_node(std::vector<std::string> directives = {}, size_t worker_count = 1) {
        directives.insert(directives.end(), {"--cluster-enabled", "yes", "--cluster-seeds", "127.0.0.1:1"});
        start(std::move(directives), worker_count);
        dialers.clear();
        for (const auto& host : hosts) {
            dialers.push_back(std::make_unique<FakeDialer>());
            host->dialer = dialers.back().get();
        }
        self = core().self;
        core().set_gathered();
    }
    /// The same, in a ring with these; everybody alive, linked and settled.
    void start_cluster(std::initializer_list<NodeId> others, std::vector<std::string> directives = {},
                       uint32_t replication_factor = 3) {
        start_node(std::move(directives));
        ring = found_ring(kClusterId, replication_factor, member(self));
        for (const NodeId id : others) ring = *finish_move(*begin_join(ring, member(id)));
        for (const NodeId id : others) alive(id);
        settle_all();
        publish();
        for (const NodeId id : others) link(id), link(id, false);
        // Long enough in its place to decide by its own copies (Coordinator::trusts_own_copy).
        clock.advance_ms(kTrustedAfterMs);
    }
    static constexpr int64_t kTrustedAfterMs = 2500;
    /// What waits for other nodes ends: cluster-request-timeout has passed.
    void pass_deadline() {
        for (int i = 0; i < 30; ++i) pass_ms(100);
    }
    void stop_cluster(bool cleanly = true) {
        connections.clear();
        while (!links_.empty()) unlink(links_.begin()->first);
        stop(cleanly);
    }

    static RingMember member(NodeId id, const std::string& datacenter = "dc1") {
        return {id, datacenter, "r", 16};
    }
    void alive(NodeId id, Liveness liveness = Liveness::alive) {
        auto at = std::ranges::find(peers, id, &Peer::id);
        if (at == peers.end()) {
            Peer peer;
            peer.id = id;
            peer.bus = {"127.0.0.1", static_cast<uint16_t>(17000 + id)};
            peer.client = {"127.0.0.1", static_cast<uint16_t>(7000 + id)};
            at = peers.insert(peers.end(), peer);
        }
        at->liveness = liveness;
    }
    Peer& peer(NodeId id) { return *std::ranges::find(peers, id, &Peer::id); }
    void settle_all() {
        for (unsigned shard = 0; shard < kShards; ++shard) {
            core().settle(static_cast<ShardId>(shard));
            core().take(static_cast<ShardId>(shard), clock.monotonic_ns() / 1'000'000, core().unsettle_count());
        }
    }
    /// What the control plane does when ring or members changed; the workers notice with their next turn.
    void publish() {
        auto topology = std::make_shared<Topology>();
        topology->ring = std::make_shared<const RingTable>(ring);
        topology->peers = peers;
        std::ranges::sort(topology->peers, {}, &Peer::id);
        core().publish(std::move(topology));
        settle();
    }

    // ---- links
    FakeBusLink& link(NodeId id, bool dialled = true, size_t worker = 0) {
        auto& place = links_[{id, dialled, worker}];
        place = std::make_unique<FakeBusLink>(id, dialled);
        workers[worker]->bus_user().on_link_up(*place);
        return *place;
    }
    FakeBusLink* link_of(NodeId id, bool dialled = true) {
        const auto at = links_.find({id, dialled, 0});
        return at == links_.end() ? nullptr : at->second.get();
    }
    void unlink(NodeId id, bool dialled = true) { unlink({id, dialled, 0}); }
    /// What the node has sent on its link to a peer (or back on the peer's link) since the last call.
    std::vector<Sent> sent_to(NodeId id, bool dialled = true) {
        std::vector<Sent> all;
        FakeBusLink* at = link_of(id, dialled);
        if (at == nullptr) return all;
        for (const std::string& frame : std::exchange(at->frames, {})) {
            BusFrameReader reader(frame);
            EXPECT_TRUE(reader.valid());
            EXPECT_EQ(reader.head().cluster_id, ring.cluster_id);
            while (const auto message = reader.next())
                all.push_back({message->kind, std::string(message->body)});
            EXPECT_TRUE(reader.valid());
        }
        return all;
    }
    std::vector<Sent> sent_to(NodeId id, BusKind kind, bool dialled = true) {
        std::vector<Sent> all = sent_to(id, dialled);
        std::erase_if(all, [kind](const Sent& sent) { return sent.kind != kind; });
        return all;
    }
    template <class... Extra, class Message>
    std::string frame_of(const Message& message, Extra... extra) {
        std::string frame;
        append_frame_head(frame, {ring.cluster_id, epoch_of_peers != 0 ? epoch_of_peers : ring.epoch});
        append_message(frame, message, extra...);
        return frame;
    }
    void feed(BusLink& from, std::string_view frame) {
        workers[0]->begin_turn();
        workers[0]->bus_user().on_frame(from, frame);
        workers[0]->end_turn();
        settle();
    }
    template <class Message>
    void answer(NodeId from, const Message& message) {
        feed(*link_of(from), frame_of(message));
    }
    void ack(NodeId from, uint64_t op, BusStatus status = BusStatus::done) {
        answer(from, AckMessage{op, status});
    }

    // ---- keys
    ShardId shard_of_key(std::string_view key) { return shard_of(key_slot(key)); }
    std::vector<NodeId> owners_of(std::string_view key) {
        const RingTable table(ring);
        const auto owners = table.owners(shard_of_key(key));
        return {owners.begin(), owners.end()};
    }
    /// A key whose preference list begins with these.
    std::string key_with_owners(std::initializer_list<NodeId> first, const std::string& prefix = "k") {
        const RingTable table(ring);
        for (int i = 0; i < 200'000; ++i) {
            std::string key = prefix + std::to_string(i);
            const auto owners = table.owners(shard_of_key(key));
            if (owners.size() >= first.size() && std::equal(first.begin(), first.end(), owners.begin()))
                return key;
        }
        ADD_FAILURE() << "no such key";
        return prefix;
    }
    /// Somebody else's cell with one value.
    static std::string cell_of(std::string_view value, ActorId actor, Stamp stamp,
                               int64_t expire_at_ms = kNoExpiry) {
        std::string cell;
        write_value(cell, {}, {actor, stamp}, value, expire_at_ms);
        return cell;
    }
    /// A stamp of about now.
    Stamp stamp_now(int64_t ahead_ms = 0) { return static_cast<Stamp>(clock.wall_ms() + ahead_ms) << 16; }
    static std::string change_of(std::string_view key, std::string_view cell) {
        std::string change;
        append_change(change, key, cell);
        return change;
    }

    ClusterCore& core() { return *node->core().cluster; }
    Coordinator& coordinator(size_t worker = 0) { return *workers[worker]->core().coordinator; }

    NodeId self = 0;
    RingState ring;
    std::vector<Peer> peers;
    uint64_t epoch_of_peers = 0;  // 0: ours
    std::vector<std::unique_ptr<FakeDialer>> dialers;

  private:
    struct LinkId {
        NodeId peer;
        bool dialled;
        size_t worker;
        friend auto operator<=>(const LinkId&, const LinkId&) = default;
    };
    void unlink(LinkId id) {
        const auto at = links_.find(id);
        if (at == links_.end()) return;
        workers[id.worker]->begin_turn();
        workers[id.worker]->bus_user().on_link_down(*at->second);
        workers[id.worker]->end_turn();
        links_.erase(at);
        settle();
    }

    std::map<LinkId, std::unique_ptr<FakeBusLink>> links_;
};

}  // namespace torc
