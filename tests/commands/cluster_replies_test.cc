#include "commands/cluster_replies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_fixture.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ClusterReplies : public ClusterCommands {
  protected:
    static std::string slot_node(NodeId id) {
        return fmt::format("*4\r\n$8\r\n10.0.0.{}\r\n:7000\r\n$40\r\n{}\r\n*0\r\n", id, node_name(id));
    }
};

TEST_F(ClusterReplies, SlotsHaveTheMasterFirst) {
    EXPECT_EQ(run("CLUSTER SLOTS"),
              "*3\r\n"
              "*5\r\n:0\r\n:5999\r\n" +
                  slot_node(1) + slot_node(2) + slot_node(3) + "*5\r\n:6000\r\n:11999\r\n" + slot_node(2) +
                  slot_node(3) + slot_node(1) + "*5\r\n:12000\r\n:16383\r\n" + slot_node(3) + slot_node(1) +
                  slot_node(2));
}

TEST_F(ClusterReplies, SlotsOfTheScopeNodeShowEachMasterFirst) {
    const std::string plain = run("CLUSTER SLOTS");
    ASSERT_TRUE(here.configuration.set({{"cluster-keyspace-scope", "node"}}));
    EXPECT_EQ(run("CLUSTER SLOTS"),
              "*6\r\n*3\r\n:0\r\n:0\r\n" + slot_node(1) + "*3\r\n:6000\r\n:6000\r\n" + slot_node(2) +
                  "*3\r\n:12000\r\n:12000\r\n" + slot_node(3) + "*5\r\n:1\r\n:5999\r\n" + slot_node(1) +
                  slot_node(2) + slot_node(3) + "*5\r\n:6001\r\n:11999\r\n" + slot_node(2) + slot_node(3) +
                  slot_node(1) + "*5\r\n:12001\r\n:16383\r\n" + slot_node(3) + slot_node(1) + slot_node(2));
    ASSERT_TRUE(here.configuration.set({{"cluster-keyspace-scope", "cluster"}}));
    EXPECT_EQ(run("CLUSTER SLOTS"), plain);
}

TEST_F(ClusterReplies, SlotsLeaveTheDeadOutButNeverARangesOnlyNode) {
    cluster.node(2).liveness = Liveness::down;
    cluster.shown.ranges.pop_back();
    cluster.shown.ranges.push_back({{12000, 16383}, {2}});
    EXPECT_EQ(run("CLUSTER SLOTS"),
              "*3\r\n"
              "*4\r\n:0\r\n:5999\r\n" +
                  slot_node(1) + slot_node(3) + "*4\r\n:6000\r\n:11999\r\n" + slot_node(3) + slot_node(1) +
                  "*3\r\n:12000\r\n:16383\r\n" + slot_node(2));
}

TEST_F(ClusterReplies, HostnamesAreMetadata) {
    cluster.node(1).hostname = "one.example";
    cluster.shown.ranges = {{{0, 16383}, {1}}};
    const std::string node = fmt::format("*4\r\n$8\r\n10.0.0.1\r\n:7000\r\n$40\r\n{}\r\n", node_name(1));
    const std::string pair = "$8\r\nhostname\r\n$11\r\none.example\r\n";
    EXPECT_EQ(run("CLUSTER SLOTS"), "*1\r\n*3\r\n:0\r\n:16383\r\n" + node + "*2\r\n" + pair);
    EXPECT_THAT(text_of("CLUSTER NODES"), HasSubstr(" 10.0.0.1:7000@17000,one.example myself,master - "));
    EXPECT_THAT(run("CLUSTER SHARDS"), HasSubstr("*16\r\n$2\r\nid\r\n"));
    use_resp3();
    EXPECT_EQ(run("CLUSTER SLOTS"), "*1\r\n*3\r\n:0\r\n:16383\r\n" + node + "%1\r\n" + pair);
    EXPECT_THAT(run("CLUSTER SHARDS"), HasSubstr("%8\r\n$2\r\nid\r\n"));
}

TEST_F(ClusterReplies, ShardsTellRolesAndHealth) {
    cluster.node(2).liveness = Liveness::down;
    cluster.shown.ranges = {{{0, 5999}, {2, 1}}, {{6000, 16383}, {3}}};
    const auto node = [](NodeId id, std::string_view role, std::string_view health) {
        return fmt::format(
            "%7\r\n$2\r\nid\r\n$40\r\n{}\r\n$4\r\nport\r\n:7000\r\n$2\r\nip\r\n$8\r\n10.0.0.{}\r\n"
            "$8\r\nendpoint\r\n$8\r\n10.0.0.{}\r\n$4\r\nrole\r\n{}$18\r\nreplication-offset\r\n:0\r\n"
            "$6\r\nhealth\r\n{}",
            node_name(id), id, id, bulk(role), bulk(health));
    };
    use_resp3();
    EXPECT_EQ(run("CLUSTER SHARDS"),
              "*2\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5999\r\n$5\r\nnodes\r\n*2\r\n" +
                  node(1, "master", "online") + node(2, "replica", "fail") +
                  "%2\r\n$5\r\nslots\r\n*2\r\n:6000\r\n:16383\r\n$5\r\nnodes\r\n*1\r\n" +
                  node(3, "master", "online"));
}

TEST_F(ClusterReplies, NodesHaveALineEach) {
    cluster.node(2).ping_sent_ms = 123;
    cluster.node(3).link_up = false;
    cluster.node(3).ring_epoch = 6;
    EXPECT_EQ(text_of("CLUSTER NODES"),
              node_name(1) + " 10.0.0.1:7000@17000 myself,master - 0 0 7 connected 0-5999\n" + node_name(2) +
                  " 10.0.0.2:7000@17000 master - 123 1699999999000 7 connected 6000-11999\n" + node_name(3) +
                  " 10.0.0.3:7000@17000 master - 0 1699999999000 6 disconnected 12000-16383\n");
}

TEST_F(ClusterReplies, NodesTellOfTheDeadAndTheSuspected) {
    cluster.node(2).liveness = Liveness::down;
    cluster.node(3).liveness = Liveness::suspect;
    cluster.shown.ranges = {{{0, 0}, {2, 1}}, {{1, 1}, {3}}, {{2, 9}, {1}}, {{10, 16383}, {2}}};
    EXPECT_EQ(text_of("CLUSTER NODES"),
              node_name(1) + " 10.0.0.1:7000@17000 myself,master - 0 0 7 connected 0 2-9\n" + node_name(2) +
                  " 10.0.0.2:7000@17000 master,fail - 0 1699999999000 7 connected 10-16383\n" + node_name(3) +
                  " 10.0.0.3:7000@17000 master,fail? - 0 1699999999000 7 connected 1\n");
}

TEST_F(ClusterReplies, ReplicasAreLinesOfTheOtherOwnersAsReplicas) {
    cluster.shown.ranges = {{{0, 5999}, {3, 1}}, {{6000, 9999}, {2, 3}}, {{10000, 16383}, {1, 2}}};
    const std::string third =
        node_name(3) + " 10.0.0.3:7000@17000 slave " + node_name(2) + " 0 1699999999000 7 connected";
    EXPECT_EQ(run("CLUSTER REPLICAS " + node_name(3)),
              "*1\r\n" + bulk(node_name(1) + " 10.0.0.1:7000@17000 myself,slave " + node_name(3) +
                              " 0 0 7 connected"));
    EXPECT_EQ(run("CLUSTER REPLICAS " + node_name(2)), "*1\r\n" + bulk(third));
    EXPECT_EQ(run("CLUSTER SLAVES " + node_name(2)), "*1\r\n" + bulk(third));
    cluster.shown.ranges = {{{0, 16383}, {2}}};
    EXPECT_EQ(run("CLUSTER REPLICAS " + node_name(3)), "*0\r\n");
    EXPECT_EQ(run("CLUSTER REPLICAS nobody"), "-ERR Unknown node nobody\r\n");
}

TEST_F(ClusterReplies, Links) {
    EXPECT_EQ(run("CLUSTER LINKS"), "*0\r\n");
    cluster.connections = {{2, true, 1234, true, true, 4096, 17}, {3, false, 1235, true, false, 0, 0}};
    use_resp3();
    EXPECT_EQ(
        run("CLUSTER LINKS"),
        "*2\r\n%6\r\n$9\r\ndirection\r\n$2\r\nto\r\n$4\r\nnode\r\n" + bulk(node_name(2)) +
            "$11\r\ncreate-time\r\n:1234\r\n$6\r\nevents\r\n$2\r\nrw\r\n$21\r\nsend-buffer-allocated\r\n:"
            "4096\r\n"
            "$16\r\nsend-buffer-used\r\n:17\r\n%6\r\n$9\r\ndirection\r\n$4\r\nfrom\r\n$4\r\nnode\r\n" +
            bulk(node_name(3)) +
            "$11\r\ncreate-time\r\n:1235\r\n$6\r\nevents\r\n$1\r\nr\r\n$21\r\nsend-buffer-allocated\r\n:0\r\n"
            "$16\r\nsend-buffer-used\r\n:0\r\n");
}

TEST_F(ClusterReplies, InfoJudgesTheSlots) {
    std::string text = text_of("CLUSTER INFO");
    for (const char* line :
         {"cluster_state:ok\r\n", "cluster_slots_assigned:16384\r\n", "cluster_slots_ok:16384\r\n",
          "cluster_slots_pfail:0\r\n", "cluster_slots_fail:0\r\n", "cluster_known_nodes:3\r\n",
          "cluster_size:3\r\n", "cluster_current_epoch:7\r\n", "cluster_my_epoch:7\r\n", "ring_epoch:7\r\n"})
        EXPECT_THAT(text, HasSubstr(line));
    // Two of three down: the third has a copy of everything.
    cluster.node(2).liveness = cluster.node(3).liveness = Liveness::down;
    EXPECT_THAT(text_of("CLUSTER INFO"), HasSubstr("cluster_state:ok\r\n"));
    EXPECT_THAT(text_of("CLUSTER INFO"), HasSubstr("cluster_size:1\r\n"));
    cluster.shown.ranges = {{{0, 99}, {2}}, {{100, 299}, {1}}, {{300, 16383}, {3, 2}}};
    cluster.node(3).liveness = Liveness::suspect;
    text = text_of("CLUSTER INFO");
    for (const char* line : {"cluster_state:fail\r\n", "cluster_slots_ok:200\r\n",
                             "cluster_slots_pfail:16084\r\n", "cluster_slots_fail:100\r\n"})
        EXPECT_THAT(text, HasSubstr(line));
    cluster.shown.ranges.clear();
    EXPECT_THAT(text_of("CLUSTER INFO"), HasSubstr("cluster_state:fail\r\ncluster_slots_assigned:0\r\n"));
}

}  // namespace
}  // namespace torc::testing
