#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_cluster.h"
#include "measured_node.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class InfoTest : public ServerCommands {};

TEST_F(InfoTest, DefaultSectionsHaveWhatClientsLookFor) {
    const std::string text = text_of("INFO");
    for (const char* line :
         {"# Server\r\nredis_version:7.2.4\r\n", "redis_mode:standalone\r\n", "# Clients\r\n",
          "maxclients:10000\r\n", "# Memory\r\n", "maxmemory_policy:noeviction\r\n",
          "# Persistence\r\nloading:0\r\n", "# Stats\r\n", "role:master\r\n", "connected_slaves:0\r\n",
          "# CPU\r\n", "# Cluster\r\ncluster_enabled:0\r\n", "# Keyspace\r\n", "# Errorstats\r\n",
          "# Torc\r\n", "torc_version:"})
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("# Commandstats")));
    EXPECT_EQ(text, text_of("INFO default"));
    EXPECT_THAT(text_of("INFO all"), HasSubstr("# Commandstats"));
    EXPECT_THAT(text_of("INFO everything"), HasSubstr("# Latencystats"));
}

TEST_F(InfoTest, SectionsAreChosenInAnyCaseAndShownOnceInTheirOrder) {
    EXPECT_EQ(text_of("INFO keyspace CLUSTER cluster"),
              "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\r\n");
    EXPECT_EQ(run("INFO nosuch"), "$0\r\n\r\n");
    use_resp3();
    EXPECT_EQ(run("INFO nosuch"), "=4\r\ntxt:\r\n");
}

TEST_F(InfoTest, KeyspaceListsDatabasesWithKeys) {
    here.told_databases = {{0, 5, 2, 1000}, {3, 0, 0, 0}, {9, 1, 0, 0}};
    EXPECT_EQ(text_of("INFO keyspace"),
              "# Keyspace\r\ndb0:keys=5,expires=2,avg_ttl=1000\r\ndb9:keys=1,expires=0,avg_ttl=0\r\n\r\n");
}

TEST_F(InfoTest, FiguresComeFromTheNode) {
    here.told.server.started_ms = world.now_ms - 90'061'000;
    here.told.server.listeners = {{"tcp", {"127.0.0.1", "::1"}, 7000}, {"unix", {"/run/torc"}, 0}};
    here.told.memory.used = 1'500'000;
    here.told.memory.peak = 3'000'000;
    here.told.traffic.hits = 12;
    const std::string text = text_of("INFO");
    EXPECT_THAT(text, HasSubstr("uptime_in_seconds:90061\r\nuptime_in_days:1\r\n"));
    EXPECT_THAT(text, HasSubstr("listener0:name=tcp,bind=127.0.0.1,bind=::1,port=7000\r\n"));
    EXPECT_THAT(text, HasSubstr("listener1:name=unix,bind=/run/torc\r\n"));
    EXPECT_THAT(text, HasSubstr("used_memory:1500000\r\nused_memory_human:1.43M\r\n"));
    EXPECT_THAT(text, HasSubstr("used_memory_peak_perc:50.00%\r\n"));
    EXPECT_THAT(text, HasSubstr("keyspace_hits:12\r\n"));
}

TEST_F(InfoTest, ProgressWhileLoading) {
    EXPECT_THAT(text_of("INFO persistence"), Not(HasSubstr("loading_loaded_perc")));
    here.told.persistence.loading = true;
    here.told.persistence.loading_started_s = world.now_ms / 1000 - 10;
    here.told.persistence.loading_total_bytes = 400;
    here.told.persistence.loading_loaded_bytes = 100;
    const std::string text = text_of("INFO persistence");
    EXPECT_THAT(text, HasSubstr("loading:1\r\n"));
    EXPECT_THAT(text, HasSubstr("loading_loaded_perc:25.00\r\nloading_eta_seconds:30\r\n"));
}

TEST_F(InfoTest, PersistenceTellsOfFailures) {
    here.told.persistence.last_backup_ok = false;
    here.told.persistence.last_write_ok = false;
    const std::string text = text_of("INFO persistence");
    EXPECT_THAT(text, HasSubstr("rdb_last_bgsave_status:err\r\n"));
    EXPECT_THAT(text, HasSubstr("aof_last_write_status:err\r\n"));
    EXPECT_THAT(text, HasSubstr("aof_enabled:0\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("aof_current_size")));
}

TEST_F(InfoTest, CommandAndErrorStatistics) {
    here.fake_commands.uses = {{"get", 4, 10'900, 1, 2}, {"config|set", 0, 0, 3, 0}};
    here.fake_errors.codes = {{"ERR", 2}, {"WRONGTYPE", 1}};
    EXPECT_EQ(text_of("INFO commandstats"),
              "# Commandstats\r\n"
              "cmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=2\r\n"
              "cmdstat_config|set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=3,failed_calls=0\r\n\r\n");
    EXPECT_EQ(text_of("INFO errorstats"),
              "# Errorstats\r\nerrorstat_ERR:count=2\r\nerrorstat_WRONGTYPE:count=1\r\n\r\n");
    EXPECT_THAT(text_of("INFO stats"), HasSubstr("total_error_replies:3\r\n"));
}

TEST_F(InfoTest, PercentilesOfLatencies) {
    here.fake_commands.histograms = {{"get", 100, {{1000, 98}, {5000, 1}, {90'000, 1}}}};
    EXPECT_EQ(text_of("INFO latencystats"),
              "# Latencystats\r\nlatency_percentiles_usec_get:p50=1.000,p99=5.000,p99.9=90.000\r\n\r\n");
    configure({"--latency-tracking", "no"});
    EXPECT_EQ(text_of("INFO latencystats"), "# Latencystats\r\n\r\n");
}

TEST_F(InfoTest, AClusterShowsItself) {
    FakeCluster cluster;
    fill_with_three_nodes(cluster);
    cluster.node(2).last_heard_ms = world.now_ms - 3000;
    cluster.counted.hints_pending = 12;
    cluster.counted.oldest_hint_ms = 4999;
    cluster.counted.writes[1] = {7, 100, 200, 300};
    here.cluster_view = &cluster;
    EXPECT_THAT(text_of("INFO server"), HasSubstr("redis_mode:cluster\r\n"));
    EXPECT_THAT(text_of("INFO replication"),
                HasSubstr("role:master\r\nconnected_slaves:2\r\n"
                          "slave0:ip=10.0.0.2,port=7000,state=online,offset=0,lag=3\r\n"
                          "slave1:ip=10.0.0.3,port=7000,state=online,offset=0,lag=1\r\n"
                          "master_failover_state:"));
    std::string text = text_of("INFO cluster");
    EXPECT_THAT(text, StartsWith("# Cluster\r\ncluster_enabled:1\r\ncluster_id:0000000000000abc\r\n"));
    for (const char* line : {"ring_epoch:7\r\n", "members:3\r\n", "members_alive:3\r\n", "members_down:0\r\n",
                             "hints_pending:12\r\n", "hints_oldest_seconds:4\r\n",
                             "writes_quorum:calls=7,p50_usec=100,p99_usec=200,max_usec=300\r\n"})
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("reads_")));
    EXPECT_THAT(text, Not(HasSubstr("move:")));

    cluster.node(2).liveness = Liveness::down;
    cluster.node(3).in_ring = false;
    cluster.shown.ranges = {{{0, 8191}, {1, 2}}, {{8192, 16383}, {3, 2}}};
    cluster.shown.move = ClusterMove{RingMove::Kind::join, 3, 0, 1, 2, 3, 4, world.now_ms - 9000};
    EXPECT_THAT(text_of("INFO replication"), HasSubstr("connected_slaves:0\r\n"));
    text = text_of("INFO cluster");
    EXPECT_THAT(text, HasSubstr("members:2\r\nmembers_alive:1\r\nmembers_suspect:0\r\nmembers_down:1\r\n"));
    EXPECT_THAT(text, HasSubstr("move:join\r\nmove_node:" + node_name(3) +
                                "\r\nmove_shards_done:1\r\nmove_shards_total:2\r\nmove_keys:3\r\n"
                                "move_bytes:4\r\nmove_seconds:9\r\n"));
}

}  // namespace
}  // namespace torc::testing
