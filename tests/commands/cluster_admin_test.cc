#include "commands/cluster_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_fixture.h"

namespace torc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ClusterAdmin : public ClusterCommands {};

TEST_F(ClusterAdmin, MeetCallsTheBusPort) {
    EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 7009"), kOk);
    EXPECT_EQ(run("CLUSTER MEET fe80::1 7009 7100"), kOk);
    EXPECT_EQ(run("CLUSTER MEET node-9.example 7009"), kOk);
    EXPECT_THAT(cluster.asked, ElementsAre("meet 10.0.0.9 7009 17009", "meet fe80::1 7009 7100",
                                           "meet node-9.example 7009 17009"));
    cluster.refusal = "ERR the ring is full";
    EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 7009"), "-ERR the ring is full\r\n");
}

TEST_F(ClusterAdmin, MeetRefusesWhatIsNoAddress) {
    EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 x"), "-ERR Invalid TCP base port specified: x\r\n");
    EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 1 x"), "-ERR Invalid TCP bus port specified: x\r\n");
    for (const char* address : {"1 2", "10.0.0.256 7000", "10.0.0.9 0", "10.0.0.9 65536", "10.0.0.9 60000",
                                "\"a b\" 7000", "\"\" 7000", "host/x 7000"})
        EXPECT_THAT(run(fmt::format("CLUSTER MEET {}", address)),
                    StartsWith("-ERR Invalid node address specified: "))
            << address;
    EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 7000 0"), "-ERR Invalid node address specified: 10.0.0.9:7000\r\n");
    EXPECT_THAT(run("CLUSTER MEET a 1 2 3"),
                StartsWith("-ERR unknown subcommand or wrong number of arguments"));
    EXPECT_THAT(cluster.asked, IsEmpty());
}

TEST_F(ClusterAdmin, ForgetTakesOthersOnly) {
    EXPECT_EQ(run("CLUSTER FORGET " + node_name(3)), kOk);
    EXPECT_THAT(cluster.asked, ElementsAre("forget 3"));
    EXPECT_EQ(run("CLUSTER FORGET " + node_name(1)), "-ERR I tried hard but I can't forget myself...\r\n");
    EXPECT_EQ(run("CLUSTER FORGET " + node_name(4)), "-ERR Unknown node " + node_name(4) + "\r\n");
    cluster.refusal = "ERR drain it first";
    EXPECT_EQ(run("CLUSTER FORGET " + node_name(3)), "-ERR drain it first\r\n");
}

TEST_F(ClusterAdmin, ResetIsForNodesAlone) {
    EXPECT_THAT(run("CLUSTER RESET"), StartsWith("-ERR CLUSTER RESET can't be called on a member of a ring"));
    EXPECT_THAT(cluster.asked, IsEmpty());
    for (const NodeId other : {2, 3}) cluster.node(other).in_ring = false;
    EXPECT_EQ(run("CLUSTER RESET"), kOk);
    EXPECT_EQ(run("CLUSTER RESET Hard"), kOk);
    EXPECT_EQ(run("CLUSTER RESET soft"), kOk);
    EXPECT_THAT(cluster.asked, ElementsAre("reset soft", "reset hard", "reset soft"));
    EXPECT_EQ(run("CLUSTER RESET sideways"), kSyntaxError);
    EXPECT_THAT(run("CLUSTER RESET hard x"),
                StartsWith("-ERR unknown subcommand or wrong number of arguments"));
}

TEST_F(ClusterAdmin, EpochsAreTheRings) {
    EXPECT_EQ(run("CLUSTER BUMPEPOCH"), "+STILL 7\r\n");
    EXPECT_EQ(run("CLUSTER SAVECONFIG"), kOk);
    EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH x"), kNotIntegerError);
    EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH -1"), "-ERR Invalid config epoch specified: -1\r\n");
    EXPECT_THAT(run("CLUSTER SET-CONFIG-EPOCH 9"), HasSubstr("by agreement"));
}

TEST_F(ClusterAdmin, FailureReportsAreThisNodesOwn) {
    EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS " + node_name(2)), integer(0));
    cluster.node(2).liveness = Liveness::suspect;
    EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS " + node_name(2)), integer(1));
    cluster.node(2).liveness = Liveness::down;
    EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS " + node_name(2)), integer(1));
    EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS nobody"), "-ERR Unknown node nobody\r\n");
}

TEST_F(ClusterAdmin, SlotsAndRolesAreNotForOperators) {
    const std::string other = node_name(2);
    for (const std::string& line :
         {std::string("CLUSTER ADDSLOTS 1 16383"), std::string("CLUSTER ADDSLOTSRANGE 1 2 5 5"),
          std::string("CLUSTER DELSLOTS 1"), std::string("CLUSTER DELSLOTSRANGE 1 2"),
          std::string("CLUSTER FLUSHSLOTS"), std::string("CLUSTER SETSLOT 1 STABLE"),
          "CLUSTER SETSLOT 1 migrating " + other, "CLUSTER SETSLOT 1 IMPORTING " + other,
          "CLUSTER SETSLOT 1 NODE " + other})
        EXPECT_THAT(run(line), StartsWith("-ERR The ring places slots by itself")) << line;
    for (const std::string& line : {std::string("CLUSTER FAILOVER"), std::string("CLUSTER FAILOVER FORCE"),
                                    std::string("CLUSTER FAILOVER takeover"), "CLUSTER REPLICATE " + other})
        EXPECT_THAT(run(line), StartsWith("-ERR Torc has no primaries and replicas")) << line;
}

TEST_F(ClusterAdmin, ButTheirArgumentsAreCheckedAsRedisDoes) {
    for (const char* line : {"CLUSTER ADDSLOTS x", "CLUSTER ADDSLOTS 1 16384", "CLUSTER DELSLOTS -1",
                             "CLUSTER ADDSLOTSRANGE 1 x", "CLUSTER DELSLOTSRANGE 1 99999",
                             "CLUSTER SETSLOT x STABLE", "CLUSTER SETSLOT 16384 sideways"})
        EXPECT_EQ(run(line), "-ERR Invalid or out of range slot\r\n") << line;
    EXPECT_EQ(run("CLUSTER DELSLOTS 7 7"), "-ERR Slot 7 specified multiple times\r\n");
    EXPECT_EQ(run("CLUSTER ADDSLOTSRANGE 2 1"),
              "-ERR start slot number 2 is greater than end slot number 1\r\n");
    EXPECT_EQ(run("CLUSTER ADDSLOTSRANGE 1 2 3"),
              "-ERR wrong number of arguments for 'cluster|addslotsrange' command\r\n");
    EXPECT_EQ(run("CLUSTER DELSLOTSRANGE 1 2 3"),
              "-ERR wrong number of arguments for 'cluster|delslotsrange' command\r\n");
    for (const char* line : {"CLUSTER SETSLOT 1 sideways", "CLUSTER SETSLOT 1 NODE",
                             "CLUSTER SETSLOT 1 STABLE x", "CLUSTER SETSLOT 1 MIGRATING a b"})
        EXPECT_EQ(run(line),
                  "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP\r\n")
            << line;
    EXPECT_EQ(run("CLUSTER SETSLOT 1 MIGRATING nobody"), "-ERR I don't know about node nobody\r\n");
    EXPECT_EQ(run("CLUSTER SETSLOT 1 importing nobody"), "-ERR I don't know about node nobody\r\n");
    EXPECT_EQ(run("CLUSTER SETSLOT 1 NODE nobody"), "-ERR Unknown node nobody\r\n");
    EXPECT_EQ(run("CLUSTER FAILOVER sideways"), kSyntaxError);
    EXPECT_EQ(run("CLUSTER FAILOVER FORCE TAKEOVER"),
              "-ERR unknown subcommand or wrong number of arguments for 'FAILOVER'. Try CLUSTER HELP.\r\n");
    EXPECT_EQ(run("CLUSTER REPLICATE nobody"), "-ERR Unknown node nobody\r\n");
    EXPECT_EQ(run("CLUSTER REPLICATE " + node_name(1)), "-ERR Can't replicate myself\r\n");
}

}  // namespace
}  // namespace torc::testing
