#include "node/digest_op.h"

#include <gmock/gmock.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// A key that this node, settled, has coordinated.
class Digests : public ClusterFixture {
  protected:
    void begin(std::initializer_list<NodeId> others = {kB, kC}, std::vector<std::string> directives = {}) {
        start_cluster(others, std::move(directives));
        client_ = &connect();
        key_ = key_with_owners({self, kB, kC});
        (void)(*client_)("SET " + key_ + " mine");
        const std::vector<Sent> merges = sent_to(kB, BusKind::merge);
        ASSERT_THAT(merges, SizeIs(1));
        std::string_view changes = decode_merge(merges[0].body)->changes;
        cell_ = std::string(next_change(changes)->cell);
        for (const NodeId id : others) ack(id, merges[0].op());
        for (const NodeId id : others) (void)sent_to(id);
        ASSERT_EQ(client_->take(), "+OK\r\n");
    }
    uint64_t digest() const { return CellView::parse(cell_)->digest(); }
    uint64_t asked(NodeId id) {
        const std::vector<Sent> sent = sent_to(id, BusKind::read);
        if (sent.empty()) return 0;
        EXPECT_FALSE(decode_read(sent[0].body)->cells);
        return sent[0].op();
    }
    /// Which one was asked, and by which op.
    std::pair<NodeId, uint64_t> one_asked() {
        const uint64_t b = asked(kB), c = asked(kC);
        EXPECT_TRUE((b == 0) != (c == 0));
        return b != 0 ? std::pair{kB, b} : std::pair{kC, c};
    }
    static NodeId other(NodeId id) { return id == kB ? kC : kB; }

    Connection* client_ = nullptr;
    std::string key_, cell_;
};

TEST_F(Digests, OneThatHasTheSameIsEnough) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [node, op] = one_asked();
    answer(node, ReadReply{op, BusStatus::done, digest(), {}});
    EXPECT_EQ(client_->take(), "$4\r\nmine\r\n");
    answer(node, ReadReply{op, BusStatus::done, digest(), {}});
    EXPECT_EQ(client_->take(), "");
}

TEST_F(Digests, OneThatHasSomethingElseMakesItRunAgainBehindAJoin) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [node, op] = one_asked();
    answer(node, ReadReply{op, BusStatus::done, 12345, {}});
    EXPECT_EQ(client_->take(), "");
    EXPECT_EQ(core().counters.digest_mismatches.load(), 1u);
    const std::vector<Sent> joins = sent_to(node, BusKind::read);
    ASSERT_THAT(joins, SizeIs(1));
    EXPECT_TRUE(decode_read(joins[0].body)->cells);
    std::string newer;
    write_value(newer, cell_, {99, stamp_now(100)}, "theirs", kNoExpiry);
    const std::string change = change_of(key_, newer);
    answer(node, ReadReply{joins[0].op(), BusStatus::done, 0, change});
    EXPECT_EQ(client_->take(), "$6\r\ntheirs\r\n");
}

TEST_F(Digests, SilenceIsHedgedAndALostLinkAsksTheNext) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [first, op] = one_asked();
    pass_ms(100);
    EXPECT_EQ(asked(other(first)), op);
    EXPECT_EQ(core().counters.hedges.load(), 1u);
    answer(other(first), ReadReply{op, BusStatus::done, digest(), {}});
    EXPECT_EQ(client_->take(), "$4\r\nmine\r\n");

    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [second, op2] = one_asked();
    unlink(second);
    EXPECT_EQ(asked(other(second)), op2);
    answer(other(second), ReadReply{op2, BusStatus::refused, 0, {}});
    EXPECT_EQ(client_->take(), "");  // a lost link may come back
    pass_deadline();
    EXPECT_EQ(client_->take(), "-NOREPLICAS 1 of 2 replicas answered the read in time\r\n");
}

// What all replicas take isn't silence.
TEST_F(Digests, WhereAnswersTakeLongHedgesWaitAsLong) {
    begin();
    for (uint64_t i = 0; i < 2 * Hedging::kEnough; ++i) {
        EXPECT_EQ((*client_)("GET " + key_), "");
        const auto [node, op] = one_asked();
        clock.advance_ms(150);
        answer(node, ReadReply{op, BusStatus::done, digest(), {}});
        EXPECT_EQ(client_->take(), "$4\r\nmine\r\n");
    }
    pass_ms(1);
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [first, op] = one_asked();
    pass_ms(140);
    EXPECT_EQ(asked(other(first)), 0u);
    pass_ms(60);
    EXPECT_EQ(asked(other(first)), op);
}

TEST_F(Digests, OnlyAShareOfReadsIsHedged) {
    begin();
    std::string reads;
    for (int64_t i = 0; i < 3 * Hedging::kBurst; ++i) reads += "GET " + key_ + "\r\n";
    client_->send_only(reads);
    settle();
    for (int i = 0; i < 3; ++i) pass_ms(100);
    EXPECT_EQ(core().counters.hedges.load(), static_cast<uint64_t>(Hedging::kBurst));
    // Who asks for want of a link isn't hedging.
    unlink(kB);
    unlink(kC);
    link(kB);
    pass_ms(100);
    EXPECT_THAT(sent_to(kB, BusKind::read), SizeIs(3 * Hedging::kBurst));
    EXPECT_EQ(core().counters.hedges.load(), static_cast<uint64_t>(Hedging::kBurst));
}

TEST_F(Digests, AtTheDeadlineTheReadIsRefused) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    pass_ms(5100);
    EXPECT_EQ(client_->take(), "-NOREPLICAS 1 of 2 replicas answered the read in time\r\n");
}

TEST_F(Digests, AWriteOfTheSameShardWaitsForTheRead) {
    begin();
    client_->send_only("GET " + key_ + "\r\nSET " + key_ + " later\r\n");
    settle();
    const std::vector<Sent> to_b = sent_to(kB), to_c = sent_to(kC);
    ASSERT_EQ(to_b.size() + to_c.size(), 1u);
    const NodeId node = to_b.empty() ? kC : kB;
    const Sent& read = to_b.empty() ? to_c[0] : to_b[0];
    ASSERT_EQ(read.kind, BusKind::read);
    answer(node, ReadReply{read.op(), BusStatus::done, digest(), {}});
    EXPECT_EQ(client_->take(), "$4\r\nmine\r\n");
    EXPECT_THAT(sent_to(kB, BusKind::merge), SizeIs(1));
}

TEST_F(Digests, AWriteThatComesWhileTheReadRunsAgainWaitsForIt) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [node, op] = one_asked();
    answer(node, ReadReply{op, BusStatus::done, 12345, {}});
    const std::vector<Sent> joins = sent_to(node, BusKind::read);
    ASSERT_THAT(joins, SizeIs(1));
    EXPECT_EQ((*client_)("DEL " + key_), "");
    EXPECT_THAT(sent_to(kB, BusKind::merge), IsEmpty());
    answer(node, ReadReply{joins[0].op(), BusStatus::done, 0, change_of(key_, cell_)});
    EXPECT_EQ(client_->take(), "$4\r\nmine\r\n");
    EXPECT_THAT(sent_to(kB, BusKind::merge), SizeIs(1));
}

TEST_F(Digests, SeveralKeysAreOneDigestAndAnAbsentOneCounts) {
    begin();
    const std::string absent = "{" + key_ + "}nosuch";
    EXPECT_EQ((*client_)("MGET " + key_ + " " + absent), "");
    const auto [node, op] = one_asked();
    EXPECT_NE(op, 0u);
    answer(node, ReadReply{op, BusStatus::done, digest(), {}});  // of one of them only
    EXPECT_EQ(core().counters.digest_mismatches.load(), 1u);
}

TEST_F(Digests, TheClientMayBeGone) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    const auto [node, op] = one_asked();
    connections.clear();
    answer(node, ReadReply{op, BusStatus::done, 1, {}});
    pass_ms(6000);
}

TEST_F(Digests, TheNodeMayEndWhileItWaits) {
    begin();
    EXPECT_EQ((*client_)("GET " + key_), "");
    stop_cluster();
}

}  // namespace
}  // namespace torc
