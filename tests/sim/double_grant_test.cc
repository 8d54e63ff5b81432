// Histories of whole clusters in which one lock (SET NX) could be granted twice, without a partition at the
// time of the second.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "cluster/slots.h"
#include "node/cluster_core.h"
#include "node/control_plane.h"
#include "sim/sim_cluster.h"

namespace torc {
namespace {

constexpr int64_t kMs = 1000, kS = 1'000'000;

class DoubleGrant : public testing::TestWithParam<uint64_t> {
  protected:
    using Reply = std::shared_ptr<std::string>;

    void SetUp() override { set_log_level(LogLevel::nothing); }
    void TearDown() override { set_log_level(LogLevel::notice); }

    void form(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            cluster_.add_machine();
            if (i > 0)
                cluster_.machine(i).seeds = {SimNet::host_of(0) + ":" + std::to_string(SimNet::kBusPort)};
            ASSERT_TRUE(cluster_.start(i));
            for (int n = 0; n < 600 && (!cluster_.is_quiet() || ring(0).members.size() != i + 1); ++n)
                cluster_.run_for(100 * kMs);
        }
        ASSERT_EQ(ring(0).members.size(), count);
        cluster_.run_for(8 * kS);  // long enough in its place to decide by its own copies
    }
    ClusterCore& core(unsigned machine) { return cluster_.machine(machine).process->cluster(); }
    const RingState& ring(unsigned machine) { return core(machine).topology()->ring->state(); }
    /// Keys whose first owners are these machines.
    std::vector<std::string> keys_of(const std::vector<unsigned>& machines, size_t count) {
        std::vector<std::string> keys;
        const auto topology = core(0).topology();
        for (int i = 0; keys.size() < count && i < 500'000; ++i) {
            const std::string key = "key" + std::to_string(i);
            const auto owners = topology->ring->owners(shard_of(key_slot(key)));
            if (std::ranges::equal(machines, owners.first(machines.size()), {},
                                   [this](unsigned m) { return cluster_.machine(m).id; }))
                keys.push_back(key);
        }
        EXPECT_EQ(keys.size(), count);
        return keys;
    }
    Reply lock(unsigned machine, const std::string& key, const std::string& owner) {
        auto reply = std::make_shared<std::string>();
        SimProcess* process = cluster_.machine(machine).process.get();
        process->loop(1).post([process, reply, line = "SET " + key + " " + owner + " NX\r\n"] {
            process->connect([reply](std::string bytes) { *reply += bytes; }).lock()->input(line);
        });
        return reply;
    }
    size_t granted(const std::vector<Reply>& replies) {
        for (const Reply& reply : replies)
            for (int n = 0; n < 600 && reply->empty(); ++n) cluster_.run_for(10 * kMs);
        return static_cast<size_t>(
            std::ranges::count_if(replies, [](const Reply& r) { return *r == "+OK\r\n"; }));
    }
    std::vector<Reply> lock_all(unsigned machine, const std::vector<std::string>& keys,
                                const std::string& owner, int64_t between_us) {
        std::vector<Reply> replies;
        for (const std::string& key : keys) {
            replies.push_back(lock(machine, key, owner));
            cluster_.run_for(between_us);
        }
        return replies;
    }

    // Nothing is told by chance comparisons.
    SimCluster cluster_{{.seed = GetParam(), .anti_entropy_seconds = 60}};
};

// The first owner was cut off, and says that it isn't down: from that moment on others send it commands.
TEST_P(DoubleGrant, AFirstOwnerThatIsBackKnowsThatItMissedSomething) {
    form(3);
    const std::vector<std::string> keys = keys_of({0}, 200);
    for (const unsigned other : {1, 2}) cluster_.net.cut(0, other, true), cluster_.net.cut(other, 0, true);
    cluster_.run_for(12 * kS);
    ASSERT_EQ(granted(lock_all(1, keys, "one", kMs)), keys.size());
    for (const unsigned other : {1, 2}) cluster_.net.cut(0, other, false), cluster_.net.cut(other, 0, false);
    const auto is_back = [&] {
        const Peer* peer = core(1).topology()->peer(cluster_.machine(0).id);
        return peer != nullptr && peer->liveness == Liveness::alive;
    };
    for (int n = 0; n < 600'000 && !is_back(); ++n) cluster_.run_for(100);
    ASSERT_TRUE(is_back());
    EXPECT_EQ(granted(lock_all(1, keys, "two", 200)), 0u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, DoubleGrant, testing::Values(3, 6));

class DoubleGrantByStandIns : public DoubleGrant {};

// Two of three owners stood still while the third and a stand-in acknowledged; the stand-ins are dead.
TEST_P(DoubleGrantByStandIns, TwoThatMissedItDontProveEachOther) {
    form(5);
    const std::vector<std::string> keys = keys_of({0, 1, 2}, 40);
    cluster_.freeze(0), cluster_.freeze(1);
    cluster_.run_for(10 * kS);
    ASSERT_EQ(granted(lock_all(2, keys, "one", kMs)), keys.size());
    cluster_.crash(3), cluster_.crash(4);
    cluster_.run_for(8 * kS);
    cluster_.thaw(0), cluster_.thaw(1);
    const ShardId shard = shard_of(key_slot(keys[0]));
    for (int n = 0; n < 200 && core(0).settled(shard); ++n) cluster_.run_for(5 * kMs);
    ASSERT_FALSE(core(0).settled(shard));
    for (int n = 0; n < 6000 && !core(0).taken(shard); ++n) cluster_.run_for(5 * kMs);
    ASSERT_TRUE(core(0).taken(shard));
    cluster_.run_for(2050 * kMs);  // from then on it decides alone
    EXPECT_EQ(granted(lock_all(0, keys, "two", kMs)), 0u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, DoubleGrantByStandIns, testing::Values(1, 2));

}  // namespace
}  // namespace torc
