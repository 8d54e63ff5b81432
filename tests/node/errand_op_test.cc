#include "node/errand_op.h"

#include <gmock/gmock.h>

#include "commands/command_table.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// A key whose first owner is B.
class Errands : public ClusterFixture {
  protected:
    void begin(std::initializer_list<NodeId> others = {kB, kC}, std::vector<std::string> directives = {}) {
        start_cluster(others, std::move(directives));
        client_ = &connect();
        key_ = key_with_owners({kB, kC});
    }
    Sent forward_to(NodeId id) {
        const std::vector<Sent> sent = sent_to(id, BusKind::forward);
        EXPECT_THAT(sent, SizeIs(1)) << id;
        return sent.empty() ? Sent{} : sent[0];
    }
    void reply(NodeId from, uint64_t op, std::string_view bytes, BusStatus status = BusStatus::done) {
        answer(from, ForwardReply{op, status, bytes});
    }

    Connection* client_ = nullptr;
    std::string key_;
};

TEST_F(Errands, ACommandGoesToItsCoordinatorAndItsReplyToTheClient) {
    begin();
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "");
    EXPECT_THAT(sent_to(kC), IsEmpty());
    const Sent sent = forward_to(kB);
    const auto forward = decode_forward(sent.body);
    ASSERT_TRUE(forward);
    EXPECT_THAT(forward->commands, ElementsAre(ElementsAre("SET", key_, "v")));
    EXPECT_NE(forward->session, 0u);
    EXPECT_GT(forward->deadline_ms, clock.wall_ms());
    reply(kC, sent.op(), "+LIE\r\n");  // from somebody else
    EXPECT_EQ(client_->take(), "");
    reply(kB, sent.op(), "+OK\r\n");
    EXPECT_EQ(client_->take(), "+OK\r\n");
    reply(kB, sent.op(), "+OK\r\n");
    EXPECT_EQ(client_->take(), "");
}

TEST_F(Errands, AProtocolErrorComesBehindTheRepliesBeforeIt) {
    begin();
    client_->send_only("SET " + key_ + " v\r\n*1\r\n$x\r\n");
    settle();
    EXPECT_EQ(client_->take(), "");
    reply(kB, forward_to(kB).op(), "+OK\r\n");
    settle();
    EXPECT_THAT(client_->take(), StartsWith("+OK\r\n-ERR Protocol error"));
    EXPECT_TRUE(client_->port.closed);
}

TEST_F(Errands, RepliesThatAClientDoesntWantAreKeptFromIt) {
    begin();
    (*client_)("CLIENT REPLY SKIP");
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "");
    EXPECT_EQ((*client_)("PING"), "");  // behind it
    reply(kB, forward_to(kB).op(), "+OK\r\n");
    EXPECT_EQ(client_->take(), "+PONG\r\n");
    (*client_)("CLIENT REPLY OFF");
    (*client_)("GET " + key_);
    reply(kB, forward_to(kB).op(), "$1\r\nv\r\n");
    EXPECT_EQ(client_->take(), "");
    EXPECT_EQ((*client_)("CLIENT REPLY ON"), "+OK\r\n");
    // Of writes that run here, too, answered at once or in doubt.
    const std::string own = key_with_owners({self}, "own");
    (*client_)("CLIENT REPLY OFF");
    EXPECT_EQ((*client_)("TORC.WITH W one SET " + own + " v"), "");
    EXPECT_EQ((*client_)("SET " + own + " v"), "");
    pass_deadline();
    EXPECT_EQ(client_->take(), "");
    EXPECT_EQ((*client_)("CLIENT REPLY ON"), "+OK\r\n");
}

// Else one that its coordinator turned away would be tried again behind one that it let in.
TEST_F(Errands, AConnectionSendsNoMoreThanACoordinatorTakes) {
    begin();
    const std::string value(1 << 20, 'v');
    std::string all;
    for (int i = 0; i < 10; ++i)
        all += "*3\r\n$3\r\nSET\r\n$" + std::to_string(key_.size()) + "\r\n" + key_ + "\r\n$1048576\r\n" +
               value + "\r\n";
    client_->send_only(all);
    settle();
    std::vector<Sent> sent = sent_to(kB, BusKind::forward);
    EXPECT_GE(sent.size(), 2u);
    EXPECT_LE(sent.size(), 4u);
    size_t answered = 0;
    for (int i = 0; i < 10 && !sent.empty(); ++i, sent = sent_to(kB, BusKind::forward)) {
        for (const Sent& one : sent) reply(kB, one.op(), "+OK\r\n"), ++answered;
        settle();
    }
    EXPECT_EQ(answered, 10u);
}

TEST_F(Errands, RepliesKeepTheirOrder) {
    begin();
    const std::string other = key_with_owners({kC}, "x");
    client_->send_only("INCR " + key_ + "\r\nINCR " + other + "\r\nPING\r\n");
    settle();
    reply(kC, forward_to(kC).op(), ":2\r\n");
    EXPECT_EQ(client_->take(), "");
    reply(kB, forward_to(kB).op(), ":1\r\n");
    EXPECT_EQ(client_->take(), ":1\r\n:2\r\n+PONG\r\n");
}

TEST_F(Errands, NotCarriedOutThereItIsSentAgain) {
    begin();
    for (const BusStatus status : {BusStatus::elsewhere, BusStatus::later, BusStatus::too_late}) {
        EXPECT_EQ((*client_)("INCR " + key_), "");
        reply(kB, forward_to(kB).op(), {}, status);
        EXPECT_EQ(client_->take(), "");
        EXPECT_THAT(sent_to(kB), IsEmpty());
        pass_ms(100);
        reply(kB, forward_to(kB).op(), ":1\r\n");
        EXPECT_EQ(client_->take(), ":1\r\n");
    }
    EXPECT_EQ((*client_)("INCR " + key_), "");
    reply(kB, forward_to(kB).op(), {}, BusStatus::refused);
    EXPECT_THAT(client_->take(), StartsWith("-NOREPLICAS"));
}

TEST_F(Errands, ALostWriteIsInDoubtAndASuspectsReadGoesElsewhere) {
    begin();
    EXPECT_EQ((*client_)("INCR " + key_), "");
    (void)forward_to(kB);
    unlink(kB);
    EXPECT_THAT(client_->take(), StartsWith("-INDOUBT"));
    link(kB);
    EXPECT_EQ((*client_)("GET " + key_), "");
    (void)forward_to(kB);
    alive(kB, Liveness::suspect);
    publish();
    pass_ms(30);
    const std::vector<Sent> again = sent_to(kC, BusKind::forward);
    if (!again.empty()) {
        reply(kC, again[0].op(), "+again\r\n");
        EXPECT_EQ(client_->take(), "+again\r\n");
    } else {
        EXPECT_EQ(core().self, owners_of(key_)[1]);
    }
}

TEST_F(Errands, AnUnansweredWriteIsInDoubtAtTheDeadlineAndAReadIsRefused) {
    begin();
    EXPECT_EQ((*client_)("INCR " + key_), "");
    pass_ms(2100);
    EXPECT_THAT(client_->take(), StartsWith("-INDOUBT"));
    EXPECT_EQ((*client_)("GET " + key_), "");
    pass_ms(2100);
    EXPECT_THAT(client_->take(), StartsWith("-NOREPLICAS"));
}

TEST_F(Errands, WithoutALinkNothingWasSentAndNothingIsInDoubt) {
    begin();
    unlink(kB);
    EXPECT_EQ((*client_)("INCR " + key_), "");
    pass_ms(100);
    link(kB);
    pass_ms(100);
    reply(kB, forward_to(kB).op(), ":1\r\n");
    EXPECT_EQ(client_->take(), ":1\r\n");
    unlink(kB);
    EXPECT_EQ((*client_)("INCR " + key_), "");
    for (int i = 0; i < 30; ++i) pass_ms(100);
    EXPECT_THAT(client_->take(), StartsWith("-NOREPLICAS"));
}

TEST_F(Errands, NothingOvertakesWhatIsTriedAgain) {
    begin();
    client_->send_only("SET " + key_ + " 5\r\n");
    settle();
    reply(kB, forward_to(kB).op(), {}, BusStatus::later);
    client_->send_only("INCR " + key_ + "\r\n");
    settle();
    EXPECT_THAT(sent_to(kB), IsEmpty());
    pass_ms(100);
    const Sent set = forward_to(kB);
    EXPECT_EQ(decode_forward(set.body)->commands.front().front(), "SET");
    reply(kB, set.op(), "+OK\r\n");
    const Sent incr = forward_to(kB);
    EXPECT_EQ(decode_forward(incr.body)->commands.front().front(), "INCR");
    reply(kB, incr.op(), ":6\r\n");
    EXPECT_EQ(client_->take(), "+OK\r\n:6\r\n");
}

TEST_F(Errands, WhatIsTriedAgainKeepsItsOrder) {
    begin();
    client_->send_only("SET " + key_ + " 5\r\nINCR " + key_ + "\r\n");
    settle();
    const std::vector<Sent> first = sent_to(kB, BusKind::forward);
    ASSERT_THAT(first, SizeIs(2));
    reply(kB, first[1].op(), {}, BusStatus::later);
    pass_ms(10);
    reply(kB, first[0].op(), {}, BusStatus::later);
    std::vector<std::string> names;
    for (int i = 0; i < 6; ++i) {
        pass_ms(10);
        for (const Sent& sent : sent_to(kB, BusKind::forward))
            names.emplace_back(decode_forward(sent.body)->commands.front().front());
    }
    EXPECT_THAT(names, ElementsAre("SET", "INCR"));
}

TEST_F(Errands, WhatComesHomeRunsInItsOrder) {
    begin();
    client_->send_only("SET " + key_ + " 5\r\nINCR " + key_ + "\r\nDEL " + key_ + "\r\n");
    settle();
    const std::vector<Sent> sent = sent_to(kB, BusKind::forward);
    ASSERT_THAT(sent, SizeIs(3));
    alive(kB, Liveness::suspect), alive(kC, Liveness::suspect);
    publish();
    for (const Sent& each : sent) reply(kB, each.op(), {}, BusStatus::elsewhere);
    pass_ms(100);
    // A substitute asks before it decides; one after the other, for the second's answer lies with the first.
    for (int i = 0; i < 10; ++i) {
        for (const Sent& each : sent_to(kC)) {
            if (each.kind == BusKind::read) answer(kC, ReadReply{each.op(), BusStatus::done, 0, {}});
            if (each.kind == BusKind::merge) ack(kC, each.op());
        }
    }
    EXPECT_EQ(client_->take(), "+OK\r\n:6\r\n:1\r\n");
}

// The coordinator gave it back, and by then it's this node: the whole transaction runs, not its first
// command.
TEST_F(Errands, ATransactionThatComesHomeRunsWhole) {
    begin();
    EXPECT_EQ((*client_)("MULTI\nSET " + key_ + " 1\nINCR " + key_ + "\nEXEC"),
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    const Sent sent = forward_to(kB);
    EXPECT_TRUE(decode_forward(sent.body)->transaction);
    alive(kB, Liveness::suspect), alive(kC, Liveness::suspect);
    publish();
    reply(kB, sent.op(), {}, BusStatus::elsewhere);
    pass_ms(100);
    // A substitute asks before it decides.
    const std::vector<Sent> reads = sent_to(kC, BusKind::read);
    ASSERT_THAT(reads, SizeIs(1));
    answer(kC, ReadReply{reads[0].op(), BusStatus::done, 0, {}});
    const std::vector<Sent> merges = sent_to(kC, BusKind::merge);
    ASSERT_THAT(merges, SizeIs(1));
    ack(kC, merges[0].op());
    EXPECT_EQ(client_->take(), "*2\r\n+OK\r\n:2\r\n");
}

TEST_F(Errands, TheClientMayBeGone) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const Sent sent = forward_to(kB);
    connections.clear();
    settle();
    EXPECT_THAT(sent_to(kB, BusKind::session_end), SizeIs(1));
    reply(kB, sent.op(), "$-1\r\n");
    pass_ms(3000);
}

TEST_F(Errands, NothingIsTriedAgainForAClientThatIsGone) {
    begin();
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "");
    reply(kB, forward_to(kB).op(), {}, BusStatus::later);
    connections.clear();
    settle();
    (void)sent_to(kB);
    pass_ms(100);
    EXPECT_THAT(sent_to(kB, BusKind::forward), IsEmpty());
}

TEST_F(Errands, AClientThatPipelinesWithoutEndWaits) {
    begin();
    std::string commands;
    for (size_t i = 0; i < ReplyQueue::kMost + 500; ++i) commands += "GET " + key_ + "\r\n";
    client_->send_only(commands);
    settle();
    const std::vector<Sent> first = sent_to(kB, BusKind::forward);
    EXPECT_EQ(first.size(), ReplyQueue::kMost);
    std::string frame;
    append_frame_head(frame, {ring.cluster_id, ring.epoch});
    for (const Sent& sent : first) append_message(frame, ForwardReply{sent.op(), BusStatus::done, "$-1\r\n"});
    feed(*link_of(kB), frame);
    EXPECT_EQ(client_->take().size(), first.size() * 5);
    EXPECT_THAT(sent_to(kB, BusKind::forward), SizeIs(500));
}

TEST_F(Errands, SpreadCommandsAreTakenApartAndPutTogether) {
    begin();
    const std::string mine = key_with_owners({self}, "m"), c = key_with_owners({kC}, "c");
    ASSERT_TRUE(config->set({{"read-consistency", "one"}}));
    EXPECT_EQ((*client_)("MGET " + c + " " + mine + " " + key_), "");
    reply(kB, forward_to(kB).op(), "*1\r\n$1\r\nb\r\n");
    EXPECT_EQ(client_->take(), "");
    reply(kC, forward_to(kC).op(), "*1\r\n$1\r\nc\r\n");
    EXPECT_EQ(client_->take(), "*3\r\n$1\r\nc\r\n$-1\r\n$1\r\nb\r\n");
    EXPECT_EQ((*client_)("DEL " + c + " " + key_), "");
    reply(kB, forward_to(kB).op(), "-INDOUBT maybe\r\n");
    reply(kC, forward_to(kC).op(), ":1\r\n");
    EXPECT_EQ(client_->take(), "-INDOUBT maybe\r\n");
    EXPECT_THAT((*client_)("RENAME " + c + " " + key_), StartsWith("-CROSSSLOT"));
}

TEST_F(Errands, WhatFollowsASpreadWriteSeesIt) {
    begin();
    ASSERT_TRUE(config->set({{"write-consistency", "one"}, {"read-consistency", "one"}}));
    const std::string mine = key_with_owners({self}, "m");
    client_->send_only("MSET " + key_ + " 1 " + mine + " 1\r\nGET " + mine + "\r\nINCR " + key_ + "\r\n");
    settle();
    const Sent mset = forward_to(kB);
    EXPECT_EQ(decode_forward(mset.body)->commands.front().front(), "MSET");
    reply(kB, mset.op(), "+OK\r\n");
    reply(kB, forward_to(kB).op(), ":2\r\n");
    EXPECT_EQ(client_->take(), "+OK\r\n$1\r\n1\r\n:2\r\n");
}

TEST_F(Errands, SpreadReadsWaitForNoOtherReadAndWritesForThem) {
    begin();
    ASSERT_TRUE(config->set({{"read-consistency", "one"}}));
    const std::string c = key_with_owners({kC}, "c");
    const std::string mget = "MGET " + key_ + " " + c + "\r\n";
    client_->send_only(mget + mget + "SET " + key_ + " v\r\n");
    settle();
    const std::vector<Sent> b = sent_to(kB, BusKind::forward), at_c = sent_to(kC, BusKind::forward);
    ASSERT_THAT(b, SizeIs(2));
    ASSERT_THAT(at_c, SizeIs(2));
    for (const Sent& sent : b) reply(kB, sent.op(), "*1\r\n$-1\r\n");
    EXPECT_THAT(sent_to(kB), IsEmpty());
    for (const Sent& sent : at_c) reply(kC, sent.op(), "*1\r\n$-1\r\n");
    EXPECT_EQ(decode_forward(forward_to(kB).body)->commands.front().front(), "SET");
}

TEST(IsResendable, OnlyReads) {
    const auto is = [](std::string_view name) { return is_resendable(*CommandTable::instance().find(name)); };
    EXPECT_TRUE(is("get"));
    EXPECT_TRUE(is("exists"));
    EXPECT_FALSE(is("set"));
    EXPECT_FALSE(is("del"));
    EXPECT_FALSE(is("incr"));
}

}  // namespace
}  // namespace torc
