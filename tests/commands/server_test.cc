#include <gtest/gtest.h>

#include "fake_cluster.h"
#include "measured_node.h"

namespace torc::testing {
namespace {

class ServerTest : public ServerCommands {};

TEST_F(ServerTest, FlushOneDatabaseOrAll) {
    keys(0).put("a", ValueType::string, "1", kNoExpiry);
    keys(3).put("b", ValueType::string, "2", kNoExpiry);
    EXPECT_EQ(run("DBSIZE"), integer(1));
    EXPECT_EQ(run("FLUSHDB now"), kSyntaxError);
    EXPECT_EQ(run("FLUSHALL SYNC ASYNC"), kSyntaxError);
    EXPECT_EQ(world.changes, 2u) << "nothing was flushed";
    EXPECT_EQ(run("FLUSHDB ASYNC"), kOk);
    EXPECT_EQ(run("DBSIZE"), integer(0));
    EXPECT_EQ(keys(3).size(), 1u);
    EXPECT_EQ(run("FLUSHALL sync"), kOk);
    EXPECT_EQ(keys(3).size(), 0u);
}

TEST_F(ServerTest, Time) {
    EXPECT_EQ(run("TIME"), "*2\r\n$10\r\n1700000000\r\n$6\r\n123456\r\n");
}

TEST_F(ServerTest, ReplicationIsThatOfAPrimaryAlone) {
    EXPECT_EQ(run("ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    EXPECT_EQ(run("REPLICAOF no ONE"), kOk);
    EXPECT_EQ(run("SLAVEOF host port"), "-ERR Invalid master port\r\n");
    EXPECT_EQ(run("SLAVEOF host 70000"), "-ERR Invalid master port\r\n");
    EXPECT_TRUE(run("REPLICAOF host 6379").starts_with("-ERR Torc has no primaries"));
}

TEST_F(ServerTest, NobodyToFailOverTo) {
    for (const char* line : {"FAILOVER", "FAILOVER FORCE", "FAILOVER TO host 6379 FORCE TIMEOUT 5"})
        EXPECT_EQ(run(line), "-ERR FAILOVER requires connected replicas.\r\n") << line;
    EXPECT_EQ(run("FAILOVER ABORT"), "-ERR No failover in progress.\r\n");
    EXPECT_EQ(run("FAILOVER TIMEOUT 0"), "-ERR FAILOVER timeout must be greater than 0\r\n");
    EXPECT_EQ(run("FAILOVER TO host x"), kNotIntegerError);
    for (const char* line : {"FAILOVER TO host", "FAILOVER TIMEOUT", "FAILOVER ABORT ABORT", "FAILOVER now"})
        EXPECT_EQ(run(line), kSyntaxError) << line;
}

TEST_F(ServerTest, AClusterHasNoPrimaryToFollow) {
    FakeCluster cluster;
    here.cluster_view = &cluster;
    EXPECT_EQ(run("REPLICAOF no one"), "-ERR REPLICAOF not allowed in cluster mode.\r\n");
    EXPECT_EQ(run("SLAVEOF host x"), "-ERR REPLICAOF not allowed in cluster mode.\r\n");
    EXPECT_EQ(run("FAILOVER"), "-ERR FAILOVER not allowed in cluster mode.\r\n");
}

TEST_F(ServerTest, Monitor) {
    EXPECT_EQ(run("MONITOR"), kOk);
    EXPECT_EQ(here.monitor, &client);
    here.monitor = nullptr;
    client.in_multi = true;
    EXPECT_EQ(run("MONITOR"), "-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
    EXPECT_EQ(here.monitor, nullptr);
}

TEST_F(ServerTest, LolwutDrawsWithinBounds) {
    const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
    EXPECT_NE(text_of("LOLWUT").find("Redis ver. 7.2.4 (Torc "), std::string::npos);
    EXPECT_EQ(lines(run("LOLWUT VERSION 5 30")) - lines(run("LOLWUT")), 10);
    EXPECT_EQ(lines(run("LOLWUT 1000000")) - lines(run("LOLWUT 100")), 0);
    EXPECT_EQ(run("LOLWUT VERSION x"), kNotIntegerError);
    EXPECT_EQ(run("LOLWUT big"), kNotIntegerError);
}

}  // namespace
}  // namespace torc::testing
