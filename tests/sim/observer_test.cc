// What the observer says, and doesn't say, of clusters whose story is known.
#include "sim/observer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"
#include "cluster/slots.h"
#include "node/cluster_core.h"
#include "node/control_plane.h"
#include "sim/workload.h"

namespace torc {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;

/// Four machines, two in each datacenter: all own every key.
class Observed : public testing::Test {
  protected:
    void SetUp() override {
        set_log_level(LogLevel::nothing);
        for (unsigned i = 0; i < 4; ++i) {
            cluster_.add_machine();
            if (i != 0)
                cluster_.machine(i).seeds = {fmt::format("{}:{}", SimNet::host_of(0), SimNet::kBusPort)};
            ASSERT_TRUE(cluster_.start(i));
        }
        ASSERT_TRUE(becomes([&] { return ring(0).state().members.size() == 4 && cluster_.is_quiet(); }));
        cluster_.run_for(8 * kSecond);  // long enough in its place to decide by its own copies
    }
    void TearDown() override { set_log_level(LogLevel::notice); }

    template <class Condition>
    bool becomes(Condition condition) {
        for (int i = 0; i < 1200 && !condition(); ++i) cluster_.run_for(100 * kMs);
        return condition();
    }
    ClusterCore& core(unsigned machine) { return cluster_.machine(machine).process->cluster(); }
    const RingTable& ring(unsigned machine) { return *core(machine).topology()->ring; }
    /// A key that this machine is the first in its datacenter to decide about.
    std::string key_of(unsigned machine) {
        for (int i = 0;; ++i) {
            const std::string key = fmt::format("key{}", i);
            const std::string datacenter = fmt::format("dc{}", cluster_.machine(machine).datacenter);
            if (ring(machine).first_owner(shard_of(key_slot(key)), datacenter) ==
                cluster_.machine(machine).id)
                return key;
        }
    }
    std::string ask(unsigned machine, const std::vector<std::string>& words) {
        SimReply reply;
        return Workload::ask(cluster_, machine, words, reply) ? reply.text : "no reply";
    }
    /// What the observer says when this machine tells its client that the value is written.
    std::string said(unsigned machine, const std::string& key, const std::string& value,
                     int64_t start_us = 0) {
        HistoryOp op;
        op.kind = HistoryOp::Kind::set;
        op.machine = machine;
        op.key = key;
        op.value = value;
        op.start_us = start_us;
        observer_.acknowledged(op);
        std::string text;
        for (const std::string& line : observer_.wrong()) text += line + "\n";
        return text;
    }

    SimCluster cluster_{{.seed = 1, .datacenters = 2}};
    Observer observer_{cluster_, false, false};
};

TEST_F(Observed, BelowAMajorityIsSaid) {
    const std::string key = key_of(2);
    observer_.watch(key);
    for (const unsigned other : {0, 1, 3}) cluster_.freeze(other);
    ASSERT_EQ(ask(2, {"TORC.WITH", "W", "one", "SET", key, "v"}), "OK");
    const std::string text = said(2, key, "v");
    EXPECT_TRUE(text.contains("only 1 of 4 have it")) << text;
    EXPECT_TRUE(text.contains("not answered yet")) << text;
}

// Seed 1506: a full disk keeps a node from taking the ring that a drained node has left. Commands of its
// clients are decided by a node that has it.
TEST_F(Observed, AMajorityIsOneOfTheRingOfWhoDecided) {
    const unsigned decider = 0, behind = 2;
    const std::string key = key_of(decider);
    observer_.watch(key);
    SimDisk& disk = *cluster_.machine(behind).disk;
    disk.set_capacity(disk.used_bytes());
    cluster_.machine(3).process->control().drain();
    ASSERT_TRUE(becomes([&] { return ring(decider).state().members.size() == 3; }));
    ASSERT_EQ(ask(behind, {"SET", key, "v"}), "OK");
    ASSERT_EQ(ring(behind).state().members.size(), 4u);
    EXPECT_EQ(said(behind, key, "v"), "");

    ASSERT_EQ(ask(behind, {"SET", key, "w"}), "OK");
    cluster_.crash(decider);
    EXPECT_EQ(said(behind, key, "w"), "") << "by the ring that it had when it died";
}

// Seed 3087: a node that has just started, whose co-owners are down, decides by what it has; its disk is
// slow, and when the value is there, one of them has come back.
TEST_F(Observed, WhoIsThereWhenACommandComesMustBeAsked) {
    const unsigned decider = 2;
    const std::string key = key_of(decider);
    for (const unsigned other : {0, 1, 3}) cluster_.freeze(other);
    cluster_.crash(decider);
    ASSERT_TRUE(cluster_.start(decider));
    cluster_.run_for(10 * kSecond);
    ASSERT_EQ(ask(decider, {"TORC.WITH", "W", "one", "SET", key, "v"}), "OK");
    const auto sees_another = [&] {
        const auto topology = core(decider).topology();
        return std::ranges::any_of(topology->peers,
                                   [](const Peer& peer) { return peer.liveness == Liveness::alive; });
    };
    ASSERT_FALSE(sees_another());
    for (const unsigned other : {0, 1, 3}) cluster_.thaw(other);
    for (int i = 0; i < 1000 && !sees_another(); ++i) cluster_.run_for(kMs);
    const int64_t there_us = cluster_.events.now_us();
    observer_.watch(key);
    const std::string alone = "wasn't to be trusted alone";
    EXPECT_FALSE(said(decider, key, "v", there_us - 100 * kMs).contains(alone));
    EXPECT_TRUE(said(decider, key, "v", there_us).contains(alone));
}

}  // namespace
}  // namespace torc
