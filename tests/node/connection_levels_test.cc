// What a connection asks for beside the command itself, on a cluster: levels (TORC.WITH), acknowledgements
// (WAIT), watches at other nodes, the sibling policy.
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ConnectionLevels = ClusterFixture;

std::vector<Sent> forwards(ClusterFixture& fixture, NodeId to) {
    return fixture.sent_to(to, BusKind::forward);
}

TEST_F(ConnectionLevels, WithWaitsForAsManyReplicasAsItSays) {
    start_cluster({kB, kC});
    Connection& client = connect();
    const std::string key = key_with_owners({self});
    EXPECT_EQ(client("TORC.WITH W one SET " + key + " 1"), "+OK\r\n");
    sent_to(kB), sent_to(kC);
    EXPECT_EQ(client("TORC.WITH W all SET " + key + " 2"), "");
    const auto merges = sent_to(kB, BusKind::merge);
    ASSERT_EQ(merges.size(), 1u);
    ack(kB, merges[0].op());
    EXPECT_EQ(client.take(), "");
    ack(kC, sent_to(kC, BusKind::merge).at(0).op());
    EXPECT_EQ(client.take(), "+OK\r\n");
    // The next command is at the connection's own levels again.
    EXPECT_EQ(client("TORC.WITH R one GET " + key), "$1\r\n2\r\n");
    EXPECT_EQ(client("GET " + key), "");
    EXPECT_EQ(sent_to(kB, BusKind::read).size() + sent_to(kC, BusKind::read).size(), 1u);
}

TEST_F(ConnectionLevels, AForwardCarriesTheLevels) {
    start_cluster({kB, kC});
    Connection& client = connect();
    (void)client("TORC.WITH R all W one SET " + key_with_owners({kB}) + " 1");
    const auto sent = forwards(*this, kB);
    ASSERT_EQ(sent.size(), 1u);
    const auto message = decode_forward(sent[0].body);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->read_level, static_cast<uint8_t>(Consistency::all));
    EXPECT_EQ(message->write_level, static_cast<uint8_t>(Consistency::one));
    EXPECT_EQ(message->commands.at(0).at(0), "SET");
}

TEST_F(ConnectionLevels, WithIsRefusedInsideATransaction) {
    start({});
    Connection& client = connect();
    EXPECT_EQ(client("TORC.WITH R all PING"), "+PONG\r\n") << "a node without a cluster meets every level";
    (void)client("MULTI");
    EXPECT_TRUE(
        client("TORC.WITH R all GET a").starts_with("-ERR TORC.WITH is not allowed inside a transaction"));
    EXPECT_TRUE(client("EXEC").starts_with("-EXECABORT"));
    (void)client("MULTI");
    (void)client("SET a 1");
    EXPECT_EQ(client("TORC.WITH W all EXEC"), "*1\r\n+OK\r\n");
    EXPECT_TRUE(client("TORC.WITH R some GET a").starts_with("-ERR unknown consistency level"));
}

TEST_F(ConnectionLevels, WaitEndsWithTheAcknowledgementsItWaitsFor) {
    start_cluster({kB, kC}, {"--write-consistency", "one"});
    Connection& client = connect();
    EXPECT_EQ(client("WAIT 0 0"), ":0\r\n");
    EXPECT_EQ(client("SET " + key_with_owners({self}) + " 1"), "+OK\r\n");
    EXPECT_EQ(client("WAIT 2 0"), "");
    ack(kB, sent_to(kB, BusKind::merge).at(0).op());
    EXPECT_EQ(client.take(), "");
    ack(kC, sent_to(kC, BusKind::merge).at(0).op());
    EXPECT_EQ(client.take(), ":2\r\n");
    EXPECT_EQ(client("WAIT 3 50"), "");
    pass_ms(200);
    EXPECT_EQ(client.take(), ":2\r\n");
}

/// WAITAOF asks each replica that has acknowledged the write, once.
class SyncedReplicas : public ClusterFixture {
  protected:
    Connection& begin(std::vector<std::string> directives = {}) {
        directives.insert(directives.end(), {"--write-consistency", "one", "--appendfsync", "no"});
        start_cluster({kB, kC}, std::move(directives));
        Connection& client = connect();
        EXPECT_EQ(client("SET " + key_with_owners({self}) + " 1"), "+OK\r\n");
        return client;
    }
    void acknowledge(NodeId replica) { ack(replica, sent_to(replica, BusKind::merge).at(0).op()); }
    std::vector<Sent> asked(NodeId replica) { return sent_to(replica, BusKind::sync); }
};

TEST_F(SyncedReplicas, AreCountedWhenTheySaySo) {
    Connection& client = begin();
    acknowledge(kB);
    EXPECT_EQ(client("WAITAOF 0 2 0"), "");
    const std::vector<Sent> to_b = asked(kB);
    ASSERT_EQ(to_b.size(), 1u);
    EXPECT_TRUE(asked(kC).empty()) << "it has acknowledged nothing";
    ack(kB, to_b[0].op());
    EXPECT_EQ(client.take(), "");
    pass_ms(100);
    EXPECT_TRUE(asked(kB).empty()) << "it has said so already";
}

TEST_F(SyncedReplicas, OneThatAcknowledgesLaterIsAskedThen) {
    Connection& client = begin();
    EXPECT_EQ(client("WAITAOF 0 2 0"), "");
    for (const NodeId replica : {kB, kC}) {
        EXPECT_EQ(client.take(), "");
        acknowledge(replica);
        ack(replica, asked(replica).at(0).op());
    }
    EXPECT_EQ(client.take(), "*2\r\n:0\r\n:2\r\n");
    EXPECT_EQ(client("WAITAOF 0 2 0"), "*2\r\n:0\r\n:2\r\n");
}

TEST_F(SyncedReplicas, AndThisNodesDiskIfItIsAskedFor) {
    Connection& client = begin();
    acknowledge(kB);
    EXPECT_EQ(client("WAITAOF 1 1 0"), "");
    ack(kB, asked(kB).at(0).op());
    EXPECT_EQ(client.take(), "");
    node->sync_step();
    settle();
    EXPECT_EQ(client.take(), "*2\r\n:1\r\n:1\r\n");
}

TEST_F(SyncedReplicas, AreCountedAtTheDeadline) {
    Connection& client = begin();
    acknowledge(kB), acknowledge(kC);
    EXPECT_EQ(client("WAITAOF 0 2 1000"), "");
    ack(kB, asked(kB).at(0).op());
    EXPECT_EQ(client.take(), "");
    pass_ms(1100);
    EXPECT_EQ(client.take(), "*2\r\n:0\r\n:1\r\n");
}

/// It may have lost what wasn't on its disk.
TEST_F(SyncedReplicas, WhoseLinkBrokeIsNotAskedAnyMore) {
    for (const bool before : {true, false}) {
        SCOPED_TRACE(before);
        Connection& client = begin();
        acknowledge(kB), acknowledge(kC);
        if (before) unlink(kB), link(kB);
        EXPECT_EQ(client("WAITAOF 0 2 1000"), "");
        if (!before) unlink(kB), link(kB);
        pass_ms(100);
        EXPECT_EQ(asked(kB).size(), 0u);
        ack(kC, asked(kC).at(0).op());
        pass_ms(1000);
        EXPECT_EQ(client.take(), "*2\r\n:0\r\n:1\r\n");
        stop_cluster();
        disk = std::make_unique<SimDisk>(7);
    }
}

TEST_F(SyncedReplicas, OneThatCannotSyncIsAskedAgain) {
    Connection& client = begin();
    acknowledge(kB);
    EXPECT_EQ(client("WAITAOF 0 1 0"), "");
    ack(kB, asked(kB).at(0).op(), BusStatus::refused);
    pass_ms(100);
    EXPECT_EQ(client.take(), "");
    ack(kB, asked(kB).at(0).op());
    EXPECT_EQ(client.take(), "*2\r\n:0\r\n:1\r\n");
}

TEST_F(SyncedReplicas, AnOlderPeerIsNotAsked) {
    Connection& client = begin();
    link_of(kB)->speaks = 1;
    acknowledge(kB);
    EXPECT_EQ(client("WAITAOF 0 1 300"), "");
    EXPECT_TRUE(asked(kB).empty());
    pass_ms(400);
    EXPECT_EQ(client.take(), "*2\r\n:0\r\n:0\r\n");
}

TEST_F(SyncedReplicas, WaitaofFollowsTheWriteToItsNode) {
    start_cluster({kB, kC});
    Connection& client = connect();
    (void)client("SET " + key_with_owners({kB}) + " 1");
    answer(kB, ForwardReply{forwards(*this, kB).at(0).op(), BusStatus::done, "+OK\r\n"});
    EXPECT_EQ(client.take(), "+OK\r\n");
    EXPECT_EQ(client("WAITAOF 0 2 1000"), "");
    const auto wait = forwards(*this, kB);
    ASSERT_EQ(wait.size(), 1u);
    EXPECT_EQ(decode_forward(wait[0].body)->commands.at(0).at(0), "WAITAOF");
    answer(kB, ForwardReply{wait[0].op(), BusStatus::done, "*2\r\n:1\r\n:2\r\n"});
    EXPECT_EQ(client.take(), "*2\r\n:1\r\n:2\r\n");
}

TEST_F(ConnectionLevels, WaitFollowsTheWriteToItsNode) {
    start_cluster({kB, kC});
    Connection& client = connect();
    (void)client("SET " + key_with_owners({kB}) + " 1");
    const auto write = forwards(*this, kB);
    ASSERT_EQ(write.size(), 1u);
    answer(kB, ForwardReply{write[0].op(), BusStatus::done, "+OK\r\n"});
    EXPECT_EQ(client.take(), "+OK\r\n");
    EXPECT_EQ(client("WAIT 2 1000"), "");
    const auto wait = forwards(*this, kB);
    ASSERT_EQ(wait.size(), 1u);
    const auto asked = decode_forward(wait[0].body), wrote = decode_forward(write[0].body);
    EXPECT_EQ(asked->commands.at(0).at(0), "WAIT");
    EXPECT_EQ(asked->session, wrote->session);
    answer(kB, ForwardReply{wait[0].op(), BusStatus::done, ":2\r\n"});
    EXPECT_EQ(client.take(), ":2\r\n");
}

TEST_F(ConnectionLevels, AWatchElsewhereIsAskedForByItsExec) {
    start_cluster({kB, kC});
    Connection& client = connect();
    const std::string key = key_with_owners({kB});
    (void)client("WATCH " + key);
    const auto watch = forwards(*this, kB);
    ASSERT_EQ(watch.size(), 1u);
    answer(kB, ForwardReply{watch[0].op(), BusStatus::done, "+OK\r\n"});
    EXPECT_EQ(client.take(), "+OK\r\n");
    (void)client("MULTI");
    (void)client("SET " + key + " 1");
    (void)client("EXEC");
    const auto exec = forwards(*this, kB);
    ASSERT_EQ(exec.size(), 1u);
    const auto message = decode_forward(exec[0].body);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->transaction);
    EXPECT_TRUE(message->watches);
}

TEST_F(ConnectionLevels, AGivenUpWatchIsGivenUpElsewhere) {
    start_cluster({kB, kC});
    const std::string key = key_with_owners({kB});
    for (const std::string end : {"UNWATCH", "RESET", "MULTI\r\nDISCARD", "MULTI\r\nNOSUCH\r\nEXEC"}) {
        Connection& client = connect();
        (void)client("WATCH " + key);
        answer(kB, ForwardReply{forwards(*this, kB).at(0).op(), BusStatus::done, "+OK\r\n"});
        (void)client(end);
        const auto sent = forwards(*this, kB);
        ASSERT_EQ(sent.size(), 1u) << end;
        EXPECT_EQ(decode_forward(sent[0].body)->commands.at(0).at(0), "unwatch") << end;
        (void)client("MULTI");
        (void)client("GET " + key);
        (void)client("EXEC");
        EXPECT_FALSE(decode_forward(forwards(*this, kB).at(0).body)->watches) << end;
    }
}

TEST_F(ConnectionLevels, AnExecFailsWhenAnotherNodeThanTheWatchingOneDecides) {
    start_cluster({kB, kC});
    Connection& client = connect();
    const std::string key = key_with_owners({kB});
    (void)client("WATCH " + key);
    answer(kB, ForwardReply{forwards(*this, kB).at(0).op(), BusStatus::done, "+OK\r\n"});
    (void)client.take();
    alive(kB, Liveness::down);
    publish();
    (void)client("MULTI");
    (void)client("SET " + key + " 1");
    EXPECT_EQ(client("EXEC"), "*-1\r\n");
}

TEST_F(ConnectionLevels, ASessionThatForgotItsWatchesRefusesTheExec) {
    start_cluster({kB, kC});
    FakeBusLink& from = link(kB, false);
    const std::string key = key_with_owners({self});
    ForwardMessage exec;
    exec.op = 5;
    exec.session = 9;
    exec.deadline_ms = clock.wall_ms() + 1000;
    exec.transaction = exec.watches = true;
    exec.commands = {{"GET", key}};
    feed(from, frame_of(exec));
    auto replies = sent_to(kB, BusKind::forward_reply, false);
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(decode_forward_reply(replies[0].body)->bytes, "*-1\r\n");
    // The same after its WATCH runs.
    ForwardMessage watch = exec;
    watch.op = 6;
    watch.transaction = watch.watches = false;
    watch.commands = {{"WATCH", key}};
    feed(from, frame_of(watch));
    exec.op = 7;
    exec.commands.clear();
    feed(from, frame_of(exec));
    replies = sent_to(kB, BusKind::forward_reply, false);
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(decode_forward_reply(replies[1].body)->bytes, "*0\r\n");
}

TEST_F(ConnectionLevels, WatchesAreOfOneSlot) {
    start_cluster({kB, kC});
    Connection& client = connect();
    EXPECT_EQ(client("WATCH " + key_with_owners({self}, "a")), "+OK\r\n");
    EXPECT_TRUE(client("WATCH " + key_with_owners({self}, "b")).starts_with("-CROSSSLOT"));
    EXPECT_EQ(client("UNWATCH"), "+OK\r\n");
    EXPECT_EQ(client("WATCH " + key_with_owners({self}, "b")), "+OK\r\n");
}

TEST_F(ConnectionLevels, ReadersOfSiblingsAreToldUnderThePolicyAsk) {
    start_cluster({kB, kC}, {"--sibling-policy", "ask", "--read-consistency", "one"});
    FakeBusLink& from = link(kB, false);
    const std::string key = key_with_owners({self});
    feed(from, frame_of(MergeMessage{1, MergeReason::write, change_of(key, cell_of("x", 1, stamp_now()))}));
    feed(from, frame_of(MergeMessage{2, MergeReason::write, change_of(key, cell_of("y", 2, stamp_now()))}));
    Connection& client = connect();
    const std::string told = "-SIBLINGS this key has 2 values; use TORC.GET\r\n";
    EXPECT_EQ(client("GET " + key), told);
    EXPECT_EQ(client("GETRANGE " + key + " 0 0"), told);
    EXPECT_EQ(client("TORC.SIBLINGS " + key), ":2\r\n");
    EXPECT_EQ(client("EXISTS " + key), ":1\r\n");
    (void)client("MULTI");
    (void)client("GET " + key);
    EXPECT_EQ(client("EXEC"), "*1\r\n" + told);
    (void)client("TORC.WITH W one SET " + key + " z");
    EXPECT_EQ(client("GET " + key), "$1\r\nz\r\n");
}

TEST_F(ConnectionLevels, ARedirectNamesThePeer) {
    start_cluster({kB, kC}, {"--cluster-redirect", "yes"}, 1);
    Connection& client = connect();
    const std::string key = key_with_owners({kB});
    EXPECT_EQ(client("GET " + key), "-MOVED " + std::to_string(key_slot(key)) + " 127.0.0.1:7011\r\n");
    EXPECT_EQ(client("OBJECT ENCODING " + key),
              "-MOVED " + std::to_string(key_slot(key)) + " 127.0.0.1:7011\r\n");
    peer(kB).client.host = peer(kB).bus.host = "";
    publish();
    (void)client("GET " + key);
    EXPECT_EQ(forwards(*this, kB).size(), 1u) << "sent on when nobody knows where it is";
    EXPECT_EQ(client("ASKING"), "") << "behind the GET";
}

TEST_F(ConnectionLevels, AnOwnerRedirectsWritesAndForwardsReads) {
    start_cluster({kB, kC}, {"--cluster-redirect", "yes"});
    Connection& client = connect();
    const std::string key = key_with_owners({kB});
    const std::string moved = "-MOVED " + std::to_string(key_slot(key)) + " 127.0.0.1:7011\r\n";
    EXPECT_EQ(client("SET " + key + " v"), moved);
    EXPECT_EQ(client("GET " + key), "");
    const auto sent = forwards(*this, kB);
    ASSERT_EQ(sent.size(), 1u);
    answer(kB, ForwardReply{sent[0].op(), BusStatus::done, "$1\r\nv\r\n"});
    EXPECT_EQ(client.take(), "$1\r\nv\r\n");
    EXPECT_EQ(client("READONLY"), "+OK\r\n");
    EXPECT_EQ(client("GET " + key), "$-1\r\n") << "from its own copy";
    EXPECT_EQ(client("SET " + key + " v"), moved);
}

TEST_F(ConnectionLevels, AClusterOfOneIsWhole) {
    start_cluster({}, {});
    Connection& client = connect();
    EXPECT_EQ(client("MSET a 1 b 2 c 3"), "+OK\r\n");
    EXPECT_EQ(client("DEL a b"), ":2\r\n");
    EXPECT_EQ(client("DBSIZE"), ":1\r\n");
    EXPECT_EQ(client("SELECT 1"), "-ERR SELECT is not allowed in cluster mode\r\n");
    EXPECT_EQ(client("MOVE c 1"), "-ERR MOVE is not allowed in cluster mode\r\n");
    EXPECT_EQ(client("SET e 1 PX 5"), "+OK\r\n");
    clock.advance_ms(10);
    EXPECT_EQ(client("EXISTS e"), ":0\r\n");
    EXPECT_EQ(client("DBSIZE"), ":1\r\n") << "what has expired is counted";
    EXPECT_EQ(client("MULTI\r\nKEYS *\r\nFLUSHALL\r\nDBSIZE\r\nEXEC"),
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n*1\r\n$1\r\nc\r\n+OK\r\n:0\r\n");
}

TEST_F(ConnectionLevels, ARepairOfOneNodeIsOverAtOnce) {
    start_cluster({}, {});
    Connection& client = connect();
    (void)client("SET {a} 1");
    (void)client("TORC.REPAIR 0 31");
    pass_ms(150);
    const std::string report = client.take();
    EXPECT_NE(report.find("complete"), std::string::npos) << report;
    EXPECT_EQ(report.find("incomplete\r\n$"), std::string::npos) << report;
}

}  // namespace
}  // namespace torc
