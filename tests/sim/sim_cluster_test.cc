// Stories that a seed hardly finds, played on whole nodes.
#include "sim/sim_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "node/cluster_core.h"
#include "sim/sim_reply.h"

namespace torc {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;

class Stories : public testing::Test {
  protected:
    void SetUp() override { set_log_level(LogLevel::nothing); }
    void TearDown() override { set_log_level(LogLevel::notice); }

    static std::string bus_of(unsigned machine) {
        return fmt::format("{}:{}", SimNet::host_of(machine), SimNet::kBusPort);
    }
    /// A new machine, in the ring when this returns.
    unsigned add(SimCluster& cluster, const std::string& replaces = "") {
        const unsigned index = cluster.add_machine();
        if (index != 0) cluster.machine(index).seeds = {bus_of(0), bus_of(1 % index)};
        cluster.machine(index).replaces = replaces;
        EXPECT_TRUE(cluster.start(index));
        wait_until(cluster, [&] { return in_ring(cluster, index) && cluster.is_quiet(); });
        return index;
    }
    static const RingTable& ring(SimCluster& cluster, unsigned machine = 0) {
        return *cluster.machine(machine).process->cluster().topology()->ring;
    }
    static bool in_ring(SimCluster& cluster, unsigned index) {
        return ring(cluster).is_member(cluster.machine(index).id) && !ring(cluster).state().move;
    }
    template <class Condition>
    static void wait_until(SimCluster& cluster, Condition condition) {
        for (int i = 0; i < 1200 && !condition(); ++i) cluster.run_for(100 * kMs);
        EXPECT_TRUE(condition());
    }
    static std::string ask(SimCluster& cluster, unsigned machine, const std::vector<std::string>& words) {
        std::string command = fmt::format("*{}\r\n", words.size());
        for (const std::string& word : words) command += fmt::format("${}\r\n{}\r\n", word.size(), word);
        auto got = std::make_shared<std::string>();
        SimProcess* const process = cluster.machine(machine).process.get();
        process->loop(1).post([process, got, command] {
            const auto session = process->connect([got](std::string bytes) { *got += bytes; });
            session.lock()->input(command);
        });
        SimReply reply;
        for (int i = 0; i < 600 && parse_reply(*got, reply) == 0; ++i) cluster.run_for(10 * kMs);
        return reply.nil ? "nil" : reply.text;
    }
    static int64_t count(SimCluster& cluster, unsigned machine, std::atomic<int64_t> ShardCells::* what) {
        int64_t sum = 0;
        for (const ShardCells& cells : cluster.machine(machine).process->cluster().cells)
            sum += (cells.*what).load();
        return sum;
    }
};

// PITFALLS 2: its tombstones were reaped without asking the node that had left.
TEST_F(Stories, AReplacedNodeThatComesBackBringsNoDeletedKeysBack) {
    SimCluster cluster({.seed = 1, .horizon_seconds = 3});
    for (int i = 0; i < 3; ++i) add(cluster);
    constexpr int kDeleted = 40, kLiving = 10;
    const auto key = [](int n) { return "k" + std::to_string(n); };
    for (int n = 0; n < kDeleted + kLiving; ++n) EXPECT_EQ(ask(cluster, 0, {"SET", key(n), "old"}), "OK");
    cluster.run_for(5 * kSecond);
    cluster.crash(2);
    cluster.run_for(8 * kSecond);
    const unsigned replacement = add(cluster, node_name(cluster.machine(2).id));
    ASSERT_FALSE(ring(cluster).is_member(cluster.machine(2).id));
    for (int n = 0; n < kDeleted; ++n) EXPECT_EQ(ask(cluster, 0, {"DEL", key(n)}), "1");
    wait_until(cluster, [&] {
        return count(cluster, 0, &ShardCells::tombstones) + count(cluster, 1, &ShardCells::tombstones) +
                   count(cluster, replacement, &ShardCells::tombstones) ==
               0;
    });
    EXPECT_TRUE(cluster.start(2));
    cluster.run_for(30 * kSecond);
    ASSERT_EQ(ring(cluster, 2).epoch(), ring(cluster).epoch());
    for (int n = 0; n < kDeleted; ++n) EXPECT_EQ(ask(cluster, 1, {"GET", key(n)}), "nil") << key(n);
    for (int n = kDeleted; n < kDeleted + kLiving; ++n) EXPECT_EQ(ask(cluster, 1, {"GET", key(n)}), "old");
    // It has them still, and says so; what the others have goes from it.
    EXPECT_EQ(count(cluster, 2, &ShardCells::keys), kDeleted);
    EXPECT_EQ(cluster.machine(2).process->cluster().counters.hints_kept.load(),
              static_cast<uint64_t>(kDeleted));
}

}  // namespace
}  // namespace torc
