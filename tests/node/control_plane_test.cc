#include "node/control_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "cluster/cluster_file.h"
#include "cluster/member_facts.h"
#include "cluster/membership_message.h"
#include "cluster/node_identity.h"
#include "cluster/shard_set.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

class NoHost final : public WorkerHost {
  public:
    void post(std::function<void()>) override {}
    void run_blocking(std::function<void()>) override {}
};

/// Several control planes whose dialled links are pairs of queues.
class Planes : public testing::Test {
  protected:
    class Link;
    struct One {
        std::unique_ptr<SimDisk> disk = std::make_unique<SimDisk>(3);
        std::unique_ptr<ClusterCore> core;
        std::unique_ptr<ControlPlane> plane;
        std::unique_ptr<BusDialer> dialer;
        Endpoint bus;
        NodeId id = 0;
        bool up = true;
    };
    /// One end of a connection.
    class Link final : public BusLink {
      public:
        Link(NodeId peer, bool dialled) : peer_(peer), dialled_(dialled) {}
        NodeId peer() const override { return peer_; }
        bool dialled() const override { return dialled_; }
        std::string peer_host() const override { return "10.0.0." + std::to_string(peer_); }
        void send(std::string_view payload) override { out.emplace_back(payload); }
        size_t queued_bytes() const override { return 0; }
        void reset() override {}
        std::vector<std::string> out;

      private:
        NodeId peer_;
        bool dialled_;
    };
    struct Pair {
        NodeId from = 0, to = 0;
        std::unique_ptr<Link> near, far;
    };
    class Dialer final : public BusDialer {
      public:
        Dialer(Planes& planes, NodeId self) : planes_(planes), self_(self) {}
        void keep_link(NodeId peer, const Endpoint&) override { planes_.wanted_.emplace_back(self_, peer); }
        void drop_link(NodeId) override {}
        void dial(const Endpoint& bus) override {
            for (const auto& [id, one] : planes_.nodes_)
                if (one.bus == bus) planes_.wanted_.emplace_back(self_, id);
        }

      private:
        Planes& planes_;
        NodeId self_;
    };

    void add(NodeId id, std::vector<NodeId> seeds = {}, uint32_t replication_factor = 3) {
        One& one = nodes_[id];
        one.id = id;
        one.bus = endpoint(id);
        ControlPlane::Settings settings;
        settings.directory = "data";
        settings.self = {id, "dc1", "r", 16};
        settings.replication_factor = replication_factor;
        for (const NodeId seed : seeds) settings.seeds.push_back(endpoint(seed));
        settings.bus = endpoint(id);
        settings.client = {"10.0.0." + std::to_string(id), 7000};
        settings.random_seed = id * 77;
        ASSERT_TRUE(one.disk->make_directory("data"));
        ASSERT_TRUE(open_node_identity(*one.disk, "data", id));
        one.core = std::make_unique<ClusterCore>(id, id + 1000, "dc1");
        one.plane = std::make_unique<ControlPlane>(*one.core, *one.disk, clock_, settings);
        const auto opened = one.plane->open();
        ASSERT_TRUE(opened) << opened.error().message;
        one.dialer = std::make_unique<Dialer>(*this, id);
        one.plane->start(*one.dialer, host_);
        one.plane->set_ready();
    }
    static Endpoint endpoint(NodeId id) { return {"10.0.0." + std::to_string(id), 17000}; }

    void connect() {
        for (const auto& [from, to] : std::exchange(wanted_, {})) {
            if (from == to || !nodes_.at(from).up || !nodes_.at(to).up) continue;
            const bool there = std::ranges::any_of(links_, [from = from, to = to](const Pair& pair) {
                return pair.from == from && pair.to == to;
            });
            if (there) continue;
            Pair pair;
            pair.from = from, pair.to = to;
            pair.near = std::make_unique<Link>(to, true);
            pair.far = std::make_unique<Link>(from, false);
            Link &near = *pair.near, &far = *pair.far;
            links_.push_back(std::move(pair));
            nodes_.at(to).plane->on_link_up(far);
            nodes_.at(from).plane->on_link_up(near);
        }
    }
    /// From now on frames between the two sides get lost, and links stay up.
    void cut(std::vector<NodeId> a, std::vector<NodeId> b) {
        for (const NodeId from : a)
            for (const NodeId to : b) cuts_.insert({from, to}), cuts_.insert({to, from});
    }
    bool carry() {
        bool moved = false;
        for (size_t i = 0; i < links_.size(); ++i) {
            if (cuts_.contains({links_[i].from, links_[i].to})) {
                links_[i].near->out.clear(), links_[i].far->out.clear();
                continue;
            }
            for (std::string& frame : std::exchange(links_[i].near->out, {})) {
                nodes_.at(links_[i].to).plane->on_frame(*links_[i].far, frame);
                moved = true;
            }
            for (std::string& frame : std::exchange(links_[i].far->out, {})) {
                nodes_.at(links_[i].from).plane->on_frame(*links_[i].near, frame);
                moved = true;
            }
        }
        return moved;
    }
    void run_ms(int64_t ms) {
        for (int64_t passed = 0; passed < ms; passed += 25) {
            clock_.advance_ms(25);
            for (auto& [id, one] : nodes_)
                if (one.up) one.plane->on_tick();
            connect();
            for (int round = 0; round < 20 && carry(); ++round) {
            }
            if (fills_)
                for (auto& [id, one] : nodes_)
                    for (unsigned shard = 0; shard < kShards; ++shard)
                        one.core->settle(static_cast<ShardId>(shard));
        }
    }
    void kill(NodeId id) {
        nodes_.at(id).up = false;
        for (size_t i = links_.size(); i-- > 0;) {
            Pair& pair = links_[i];
            if (pair.from != id && pair.to != id) continue;
            if (pair.from != id) nodes_.at(pair.from).plane->on_link_down(*pair.near);
            if (pair.to != id) nodes_.at(pair.to).plane->on_link_down(*pair.far);
            dead_.push_back(std::move(pair));
            links_.erase(links_.begin() + static_cast<long>(i));
        }
    }
    /// After kill(): a new run in the same directory.
    void start_again(NodeId id, std::vector<NodeId> seeds) {
        nodes_.at(id).plane = nullptr;
        std::unique_ptr<SimDisk> disk = std::move(nodes_.at(id).disk);
        nodes_.erase(id);
        nodes_[id].disk = std::move(disk);
        add(id, std::move(seeds));
    }
    RingState ring(NodeId id) { return nodes_.at(id).core->topology()->ring->state(); }
    void TearDown() override {
        for (auto& [id, one] : nodes_) one.plane = nullptr;
    }

    SimClock clock_;
    NoHost host_;
    std::map<NodeId, One> nodes_;
    std::vector<Pair> links_, dead_;
    std::vector<std::pair<NodeId, NodeId>> wanted_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    bool fills_ = true;  // every shard that a node gets is filled at once
};

TEST_F(Planes, OneWithoutSeedsFoundsAndOneWithSeedsWaits) {
    add(1);
    run_ms(25);
    EXPECT_EQ(ring(1).members.size(), 1u);
    EXPECT_NE(ring(1).cluster_id, 0u);
    EXPECT_EQ(nodes_.at(1).plane->identity().cluster_id, ring(1).cluster_id);
    EXPECT_TRUE(nodes_.at(1).core->settled(5));  // there was nobody whose writes it could have missed
    EXPECT_TRUE(nodes_.at(1).plane->status().in_ring);
    add(2, {9});
    run_ms(3000);
    EXPECT_EQ(ring(2).cluster_id, 0u);
    EXPECT_FALSE(nodes_.at(2).plane->status().in_ring);
}

TEST_F(Planes, ThoseWithSeedsAreLetInOneAfterAnother) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    for (const NodeId id : {1, 2, 3}) {
        EXPECT_EQ(ring(id).members.size(), 3u) << id;
        EXPECT_FALSE(ring(id).move) << id;
        EXPECT_EQ(ring(id), ring(1)) << id;
        EXPECT_EQ(nodes_.at(id).core->topology()->peers.size(), 2u);
    }
}

TEST_F(Planes, WhoComesBackSaysFirstThatNothingIsSettled) {
    add(1), add(2, {1});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 2u);
    fills_ = false;
    kill(2);
    start_again(2, {1});
    // The other's link is there before it's ready.
    wanted_ = {{1, 2}};
    connect();
    size_t said = 0;
    for (int i = 0; i < 20; ++i) {
        clock_.advance_ms(25);
        nodes_.at(2).plane->on_tick();
        for (const std::string& frame : links_.back().far->out) {
            MembershipMessage message;
            if (!decode_message(std::string_view(frame).substr(1), message)) continue;
            for (const MemberUpdate& update : message.updates) {
                if (update.kind != MemberUpdate::Kind::facts || update.facts.id != 2) continue;
                EXPECT_TRUE(shard_set_of(update.facts.unsettled).all());
                EXPECT_EQ(update.facts.cluster_id, ring(1).cluster_id);
                ++said;
            }
        }
    }
    EXPECT_GT(said, 0u);
}

// A first owner that was cut off hears from the stand-in that it was down: it answers at once, and what it
// answers makes the stand-in send it commands.
TEST_F(Planes, WhoWasTakenForDeadDecidesNothingFromItsRefutationOn) {
    add(1), add(2, {1});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 2u);
    ASSERT_TRUE(nodes_.at(1).core->taken_shards().any());
    fills_ = false;
    const auto at = std::ranges::find_if(links_, [](const Pair& pair) { return pair.from == 2; });
    ASSERT_NE(at, links_.end());
    at->far->out.clear();
    MembershipMessage ping;
    ping.kind = MembershipMessage::Kind::ping;
    ping.cluster_id = ring(1).cluster_id;
    ping.target = 1;
    ping.view = {1ULL << 60, 1, Liveness::down};  // whatever its incarnation is, it has to be outbid
    nodes_.at(1).plane->on_frame(*at->far, "\x01" + encode_message(ping));
    // No tick has passed.
    EXPECT_TRUE(nodes_.at(1).core->taken_shards().none());
    EXPECT_TRUE(nodes_.at(1).core->settled_shards().none());
    size_t refutations = 0;
    for (const Pair& pair : links_)
        for (const std::string& frame : pair.from == 1 ? pair.near->out : pair.far->out) {
            MembershipMessage message;
            if (frame[0] != '\x01' || !decode_message(std::string_view(frame).substr(1), message)) continue;
            for (const MemberUpdate& update : message.updates) {
                if (update.facts.id != 1 || update.facts.incarnation <= ping.view.incarnation) continue;
                EXPECT_TRUE(shard_set_of(update.facts.unsettled).all());
                ++refutations;
            }
        }
    EXPECT_GT(refutations, 0u);
}

TEST_F(Planes, TheFileOfMembersIsWrittenWhenTheyComeAndNotWhenTheyAreInDoubt) {
    add(1), add(2, {1});
    run_ms(10'000);
    const auto file = [&] {
        return load_cluster_file(*nodes_.at(1).disk, "data", "cluster-members").value();
    };
    const std::string before = file();
    ASSERT_EQ(decode_members(before)->size(), 1u);
    const uint64_t version = nodes_.at(1).core->topology_version();
    for (int i = 0; i < 5; ++i) nodes_.at(2).core->unsettle_all(), run_ms(1000);
    EXPECT_GT(nodes_.at(1).core->topology_version(), version);  // it has heard
    EXPECT_EQ(file(), before);
    add(3, {1});
    run_ms(5000);
    EXPECT_EQ(decode_members(file())->size(), 2u);
}

TEST_F(Planes, AMoveEndsOnlyWhenWhatItGivesIsFilled) {
    fills_ = false;
    add(1), add(2, {1});
    run_ms(5000);
    ASSERT_TRUE(ring(1).move);
    EXPECT_EQ(ring(1).move->subject, 2u);
    const RingTable table(ring(1));
    const std::vector<ShardId> gained = table.gained(2);
    ASSERT_FALSE(gained.empty());
    for (size_t i = 1; i < gained.size(); ++i) nodes_.at(2).core->settle(gained[i]);
    run_ms(3000);
    EXPECT_TRUE(ring(1).move);
    nodes_.at(2).core->settle(gained[0]);
    run_ms(3000);
    EXPECT_FALSE(ring(1).move);
    EXPECT_EQ(ring(2), ring(1));
}

TEST_F(Planes, WhoCantTakeTheRingDoesntHoldUpItsMove) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 3u);
    SimDisk& full = *nodes_.at(1).disk;
    full.fail_at(full.operations() + 1, ErrorKind::no_space, true);
    add(4, {2});
    run_ms(15'000);
    EXPECT_LT(ring(1).epoch, ring(2).epoch);
    EXPECT_EQ(ring(2).members.size(), 4u);
    EXPECT_FALSE(ring(2).move);
    full.clear_faults();
    run_ms(10'000);
    EXPECT_EQ(ring(1), ring(2));
}

TEST_F(Planes, AJoinerThatDiesIsGivenUpAndAsksAgain) {
    fills_ = false;
    add(1), add(2, {1});
    run_ms(5000);
    ASSERT_TRUE(ring(1).move);
    kill(2);
    run_ms(20'000);
    EXPECT_TRUE(ring(1).move);  // it may come back
    run_ms(40'000);
    EXPECT_FALSE(ring(1).move);
    EXPECT_EQ(ring(1).members.size(), 1u);
    fills_ = true;
    start_again(2, {1});
    ASSERT_TRUE(ring(2).move);  // as far as it knows
    run_ms(10'000);
    EXPECT_EQ(ring(1).members.size(), 2u);
    EXPECT_EQ(ring(2), ring(1));
    EXPECT_TRUE(nodes_.at(2).plane->status().in_ring);
}

TEST_F(Planes, ADrainedNodeLeaves) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 3u);
    nodes_.at(3).plane->drain();
    run_ms(10'000);
    EXPECT_EQ(ring(1).members.size(), 2u);
    EXPECT_EQ(ring(1).member(3), nullptr);
    EXPECT_FALSE(ring(1).move);
    EXPECT_EQ(nodes_.at(3).plane->status().last, "drained");
    EXPECT_FALSE(nodes_.at(3).plane->status().in_ring);
}

TEST_F(Planes, AForgottenNodeIsGoneFromWhatIsShownAndSaved) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    nodes_.at(3).plane->drain();
    run_ms(10'000);
    kill(3);
    ASSERT_EQ(nodes_.at(1).core->topology()->peers.size(), 2u);
    fills_ = false;
    nodes_.at(2).up = false;  // no gossip that would have it published
    nodes_.at(1).plane->forget(3);
    run_ms(50);
    EXPECT_EQ(nodes_.at(1).core->topology()->peers.size(), 1u);
    run_ms(1500);
    const auto saved = load_cluster_file(*nodes_.at(1).disk, "data", "cluster-members");
    EXPECT_EQ(decode_members(*saved)->size(), 1u);
}

TEST_F(Planes, ADrainedAndForgottenDirectoryCanJoinAgain) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    nodes_.at(3).plane->drain();
    run_ms(10'000);
    ASSERT_EQ(ring(1).member(3), nullptr);
    for (const NodeId id : {1, 2}) nodes_.at(id).plane->forget(3);
    run_ms(1000);
    nodes_.at(3).plane->reset(false);
    run_ms(1000);
    EXPECT_EQ(ring(1).members.size(), 2u);
    kill(3);
    start_again(3, {1});
    run_ms(10'000);
    EXPECT_EQ(ring(1).members.size(), 3u);
    EXPECT_EQ(ring(3), ring(1));
}

// It runs on, knows the ring, and can let nobody in.
TEST_F(Planes, ANodeOutsideTheRingKeepsNobodyOut) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    nodes_.at(1).plane->drain();
    run_ms(10'000);
    ASSERT_EQ(ring(2).member(1), nullptr);
    add(4, {1, 2});
    run_ms(20'000);
    EXPECT_EQ(ring(2).members.size(), 3u);
    EXPECT_EQ(ring(4), ring(2));
    EXPECT_TRUE(nodes_.at(4).plane->status().in_ring);
}

TEST_F(Planes, MeetMakesOneRingOfTwo) {
    add(1), add(2);
    run_ms(25);
    ASSERT_NE(ring(1).cluster_id, ring(2).cluster_id);
    nodes_.at(1).plane->meet(endpoint(2));
    run_ms(10'000);
    EXPECT_EQ(ring(1), ring(2));
    EXPECT_EQ(ring(1).members.size(), 2u);
}

TEST_F(Planes, TwoThatAreToldToMeetAtOnceStillDo) {
    add(1), add(2);
    run_ms(25);
    nodes_.at(1).plane->meet(endpoint(2));
    nodes_.at(2).plane->meet(endpoint(1));
    run_ms(10'000);
    EXPECT_NE(ring(1).cluster_id, 0u);
    EXPECT_EQ(ring(1), ring(2));
    EXPECT_EQ(ring(1).members.size(), 2u);
}

// As redis-cli --cluster create does: all others are told to meet the first one. It gives its ring up for the
// one that comes first, and has none when the other one's request comes.
TEST_F(Planes, WhoMeetsOneThatHasNoRingJustNowAsksAgain) {
    add(1), add(2), add(3);
    run_ms(25);
    for (const NodeId id : {1, 2}) nodes_.at(id).plane->meet(endpoint(3));
    run_ms(20'000);
    for (const NodeId id : {1, 2, 3}) {
        EXPECT_EQ(ring(id).members.size(), 3u) << id;
        EXPECT_EQ(ring(id), ring(1)) << id;
    }
}

TEST_F(Planes, AMeetingThatFailsIsNotHeldWithSomebodyElse) {
    add(1), add(2);
    nodes_.at(1).plane->meet(endpoint(9));  // nobody's
    run_ms(1000);
    wanted_ = {{1, 2}};
    run_ms(31'000);
    EXPECT_THAT(nodes_.at(1).plane->status().last, testing::HasSubstr("MEET 10.0.0.9:17000 came to nothing"));
    wanted_ = {{2, 1}};
    run_ms(5000);
    EXPECT_EQ(ring(1).members.size(), 1u);
    EXPECT_NE(ring(1).cluster_id, ring(2).cluster_id);
}

TEST_F(Planes, MeetingOneThatStillWaitsForItsSeedsKeepsTheRing) {
    add(1), add(2, {9});
    nodes_.at(1).plane->meet(endpoint(2));
    run_ms(10'000);
    EXPECT_NE(ring(1).cluster_id, 0u);
    EXPECT_EQ(ring(1).members.size(), 2u);
    EXPECT_EQ(ring(1), ring(2));
}

// The nodes that it was told are dead live on behind a partition.
TEST_F(Planes, AForcedRingIsHeardOfWhenThePartitionIsOver) {
    add(1), add(2, {1}), add(3, {1});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 3u);
    cut({1}, {2, 3});
    run_ms(12'000);
    nodes_.at(1).plane->force_remove(2);
    run_ms(1000);
    nodes_.at(1).plane->force_remove(3);
    run_ms(5000);
    ASSERT_EQ(ring(1).members.size(), 1u);
    ASSERT_EQ(ring(2).members.size(), 3u);
    cuts_.clear();
    run_ms(20'000);
    for (const NodeId id : {2, 3}) {
        EXPECT_EQ(ring(id), ring(1)) << id;
        EXPECT_FALSE(nodes_.at(id).plane->status().in_ring) << id;
    }
}

// Both sides of a partition go on by force, and take as many steps.
TEST_F(Planes, OfTwoForcedRingsOfOneEpochAllShowTheSame) {
    add(1), add(2, {1}), add(3, {1}), add(4, {1});
    run_ms(15'000);
    ASSERT_EQ(ring(1).members.size(), 4u);
    cut({1, 2}, {3, 4});
    run_ms(12'000);
    for (const auto& [by, gone] : {std::pair(1, 3), std::pair(1, 4), std::pair(3, 1), std::pair(3, 2)}) {
        nodes_.at(by).plane->force_remove(gone);
        run_ms(1000);
    }
    ASSERT_EQ(ring(1).epoch, ring(3).epoch);
    ASSERT_NE(ring(1), ring(3));
    cuts_.clear();
    run_ms(20'000);
    for (const NodeId id : {2, 3, 4}) EXPECT_EQ(ring(id), ring(1)) << id;
    unsigned in_ring = 0;
    for (const NodeId id : {1, 2, 3, 4}) in_ring += nodes_.at(id).plane->status().in_ring ? 1 : 0;
    EXPECT_EQ(in_ring, 2u);
}

TEST_F(Planes, RingsOfSeveralNeverMerge) {
    add(1), add(2, {1}), add(3), add(4, {3});
    run_ms(10'000);
    ASSERT_EQ(ring(1).members.size(), 2u);
    ASSERT_EQ(ring(3).members.size(), 2u);
    nodes_.at(1).plane->meet(endpoint(3));
    run_ms(5000);
    EXPECT_EQ(ring(1).members.size(), 2u);
    EXPECT_EQ(ring(3).members.size(), 2u);
    EXPECT_NE(ring(1).cluster_id, ring(3).cluster_id);
}

TEST_F(Planes, HostileFramesAreNotHeard) {
    add(1), add(2, {1});
    run_ms(6000);
    const RingState before = ring(1);
    Rng rng(5);
    for (int round = 0; round < 5000; ++round) {
        std::string frame(rng.below(60), '\0');
        for (char& byte : frame) byte = static_cast<char>(rng.next());
        if (!frame.empty()) frame[0] = static_cast<char>(1 + rng.below(3));
        nodes_.at(1).plane->on_frame(*links_[0].far, frame);
    }
    run_ms(2000);
    EXPECT_EQ(ring(1).cluster_id, before.cluster_id);
    EXPECT_EQ(ring(1).members, before.members);
}

}  // namespace
}  // namespace torc
