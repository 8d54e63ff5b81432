#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_fixture.h"

namespace torc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TorcRing : public ClusterCommands {
  protected:
    /// What the dispatcher does when the repair has ended, or nobody waits for it any more.
    std::string end_wait(bool timed_out) {
        const auto finish = client.block.finish;
        Buffer out;
        ReplyWriter reply(out, client.protocol);
        Call call{
            *CommandTable::instance().find("torc.repair"), {}, keys(), client, here, reply, world.now_ms};
        finish(call, timed_out);
        client.block = Block{};
        return std::string(out.view());
    }
};

TEST_F(TorcRing, RefusedWithoutACluster) {
    here.cluster_view = nullptr;
    for (const char* line : {"TORC.RING", "TORC.RING FORCE-REMOVE x", "TORC.RING HELP", "TORC.MEMBERS",
                             "TORC.DRAIN", "TORC.REPAIR"})
        EXPECT_EQ(run(line), kNoCluster) << line;
}

TEST_F(TorcRing, RingTellsSharesAndBalance) {
    use_resp3();
    cluster.shown.ranges = {{{0, 8191}, {1, 2}}, {{8192, 16383}, {2, 3}}};
    const auto member = [](NodeId id, int first, int held) {
        return fmt::format("%3\r\n$2\r\nid\r\n{}$11\r\nslots-first\r\n:{}\r\n$10\r\nslots-held\r\n:{}\r\n",
                           bulk(node_name(id)), first, held);
    };
    EXPECT_EQ(run("TORC.RING"), "%6\r\n$10\r\ncluster-id\r\n" + bulk("0000000000000abc") +
                                    "$5\r\nepoch\r\n:7\r\n$18\r\nreplication-factor\r\n:3\r\n"
                                    "$7\r\nbalance\r\n$5\r\n1.500\r\n$7\r\nmembers\r\n*3\r\n" +
                                    member(1, 8192, 8192) + member(2, 8192, 16384) + member(3, 0, 8192) +
                                    "$4\r\nmove\r\n_\r\n");
}

TEST_F(TorcRing, BalanceGoesByVnodesAndJoinersDontCountYet) {
    cluster.shown.ranges = {{{0, 8191}, {2}}, {{8192, 16383}, {2}}};
    EXPECT_THAT(run("TORC.RING"), HasSubstr("balance\r\n$5\r\n1.000\r\n"));
    cluster.shown.ranges = {{{0, 8191}, {2, 1}}, {{8192, 16383}, {2}}};
    EXPECT_THAT(run("TORC.RING"), HasSubstr("balance\r\n$5\r\n1.333\r\n"));
    cluster.node(2).vnodes = 32;
    EXPECT_THAT(run("TORC.RING"), HasSubstr("balance\r\n$5\r\n1.000\r\n"));
    cluster.shown.ranges.clear();
    EXPECT_THAT(run("TORC.RING"), HasSubstr("balance\r\n$5\r\n1.000\r\n"));
}

TEST_F(TorcRing, MovesTellTheirProgress) {
    cluster.shown.move =
        ClusterMove{RingMove::Kind::replace, 3, 9, 12, 340, 1000, 55555, world.now_ms - 2500};
    use_resp3();
    EXPECT_THAT(
        run("TORC.RING"),
        HasSubstr("$4\r\nmove\r\n%8\r\n$4\r\nkind\r\n$7\r\nreplace\r\n$4\r\nnode\r\n" + bulk(node_name(3)) +
                  "$8\r\nreplaced\r\n" + bulk(node_name(9)) +
                  "$11\r\nshards-done\r\n:12\r\n$12\r\nshards-total\r\n:340\r\n$4\r\nkeys\r\n:1000\r\n"
                  "$5\r\nbytes\r\n:55555\r\n$7\r\nseconds\r\n:2\r\n"));
    cluster.shown.move->replaced = 0;
    EXPECT_THAT(run("TORC.RING"), HasSubstr("$8\r\nreplaced\r\n$0\r\n\r\n"));
}

TEST_F(TorcRing, OnlyTheDeadAreRemovedByForce) {
    const std::string line = "TORC.RING FORCE-REMOVE " + node_name(2);
    EXPECT_THAT(run(line), StartsWith("-ERR The node isn't down"));
    cluster.node(2).liveness = Liveness::suspect;
    EXPECT_THAT(run(line), StartsWith("-ERR The node isn't down"));
    EXPECT_THAT(run("TORC.RING FORCE-REMOVE " + node_name(1)), StartsWith("-ERR A node can't remove itself"));
    EXPECT_EQ(run("TORC.RING FORCE-REMOVE nobody"), "-ERR Unknown node nobody\r\n");
    EXPECT_THAT(cluster.asked, IsEmpty());
    cluster.node(2).liveness = Liveness::down;
    EXPECT_EQ(run(line), kOk);
    EXPECT_THAT(cluster.asked, ElementsAre("force-remove 2"));
    cluster.refusal = "ERR the disk is full";
    EXPECT_EQ(run(line), "-ERR the disk is full\r\n");
    cluster.node(2).in_ring = false;
    EXPECT_THAT(run(line), StartsWith("-ERR The node is no member of the ring"));
}

TEST_F(TorcRing, MembersTellAllThatIsKnown) {
    ClusterNode& second = cluster.node(2);
    second.liveness = Liveness::suspect;
    second.joining = true;
    second.hostname = "two";
    second.unsettled_shards = 5;
    second.clock_offset_ms = -3;
    cluster.node(3).in_ring = false;
    use_resp3();
    const std::string reply = run("TORC.MEMBERS");
    EXPECT_THAT(
        reply,
        StartsWith("*3\r\n%14\r\n$2\r\nid\r\n" + bulk(node_name(1)) +
                   "$4\r\nself\r\n:1\r\n$5\r\nstate\r\n$5\r\nalive\r\n$4\r\nring\r\n$6\r\nmember\r\n"));
    EXPECT_THAT(
        reply,
        HasSubstr(
            "$2\r\nid\r\n" + bulk(node_name(2)) +
            "$4\r\nself\r\n:0\r\n$5\r\nstate\r\n$7\r\nsuspect\r\n$4\r\nring\r\n$7\r\njoining\r\n"
            "$6\r\nclient\r\n$13\r\n10.0.0.2:7000\r\n$3\r\nbus\r\n$14\r\n10.0.0.2:17000\r\n"
            "$8\r\nhostname\r\n$3\r\ntwo\r\n$10\r\ndatacenter\r\n$3\r\ndc1\r\n$4\r\nrack\r\n$2\r\nr2\r\n"
            "$6\r\nvnodes\r\n:16\r\n$5\r\nepoch\r\n:7\r\n$16\r\nunsettled-shards\r\n:5\r\n"
            "$15\r\nclock-offset-ms\r\n:-3\r\n$12\r\nheard-ms-ago\r\n:1000\r\n"));
    EXPECT_THAT(reply, HasSubstr("$4\r\nring\r\n$7\r\noutside\r\n"));
    EXPECT_THAT(reply, HasSubstr("$15\r\nclock-offset-ms\r\n_\r\n$12\r\nheard-ms-ago\r\n_\r\n"));
}

TEST_F(TorcRing, DrainIsBegun) {
    EXPECT_EQ(run("TORC.DRAIN"), kOk);
    EXPECT_THAT(cluster.asked, ElementsAre("drain"));
    cluster.refusal = "ERR the last member can't be drained";
    EXPECT_EQ(run("TORC.DRAIN"), "-ERR the last member can't be drained\r\n");
}

TEST_F(TorcRing, RepairAnswersAtItsEnd) {
    EXPECT_EQ(run("TORC.REPAIR 16 47"), "");
    EXPECT_THAT(cluster.asked, ElementsAre("repair 16 47"));
    EXPECT_EQ(client.block.kind, Block::Kind::repair);
    EXPECT_EQ(client.block.arguments[0], 41);
    EXPECT_EQ(client.block.deadline_ms, 0);
    cluster.report = RepairReport{3, 4, {{1, 0xbeef, true}, {2, 0, false}}};
    EXPECT_EQ(end_wait(false),
              "*8\r\n$9\r\nkeys-sent\r\n:3\r\n$13\r\nkeys-received\r\n:4\r\n"
              "$10\r\nincomplete\r\n:1\r\n$6\r\nshards\r\n*2\r\n"
              "*4\r\n:16\r\n:31\r\n$16\r\n000000000000beef\r\n$8\r\ncomplete\r\n"
              "*4\r\n:32\r\n:47\r\n$16\r\n0000000000000000\r\n$10\r\nincomplete\r\n");
    run("TORC.REPAIR");
    EXPECT_EQ(cluster.asked.back(), "repair 0 16383");
    cluster.report = std::nullopt;
    EXPECT_THAT(end_wait(true), StartsWith("-ERR The repair goes on"));
}

TEST_F(TorcRing, RepairChecksItsRange) {
    EXPECT_EQ(run("TORC.REPAIR 5"), "-ERR wrong number of arguments for 'torc.repair' command\r\n");
    EXPECT_EQ(run("TORC.REPAIR 1 2 3"), "-ERR wrong number of arguments for 'torc.repair' command\r\n");
    for (const char* line : {"TORC.REPAIR x 2", "TORC.REPAIR 1 y", "TORC.REPAIR -1 2", "TORC.REPAIR 1 16384"})
        EXPECT_EQ(run(line), "-ERR Invalid or out of range slot\r\n") << line;
    EXPECT_EQ(run("TORC.REPAIR 5 4"), "-ERR start slot number 5 is greater than end slot number 4\r\n");
    EXPECT_EQ(client.block.kind, Block::Kind::none);
    cluster.refusal = "ERR this node belongs to no ring yet";
    EXPECT_EQ(run("TORC.REPAIR"), "-ERR this node belongs to no ring yet\r\n");
    EXPECT_EQ(client.block.kind, Block::Kind::none);
    EXPECT_THAT(cluster.asked, IsEmpty());
}

}  // namespace
}  // namespace torc::testing
