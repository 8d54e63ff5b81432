// A cell that rots on disk, on a node whose peers have it.
#include <gmock/gmock.h>

#include "node/cell_copy.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::StartsWith;

class DamagedCells : public ClusterFixture {
  protected:
    /// Leaves one key on disk only.
    void begin(std::initializer_list<NodeId> others = {kB}, const std::string& level = "one") {
        const auto copies = static_cast<uint32_t>(others.size()) + 1;
        start_cluster(others, {"--write-consistency", "one", "--read-consistency", "one"}, copies);
        client_ = &connect();
        tag_ = key_with_owners({self}, "t");
        const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
        ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
        for (int i = 0; i < 200; ++i) (*client_)("SET " + key(i) + " " + value(i));
        for (int i = 100; i < 200 && cold_ < 0; ++i)  // of one length: none is another's beginning
            if (state(key(i)) == Lookup::State::cold) cold_ = i;
        ASSERT_GE(cold_, 0);
        slot_ = key_slot(key(0));
        if (copies == 1) return;
        // What the other replicas have.
        const std::vector<Sent> merges = sent_to(kB, BusKind::merge);
        ASSERT_GT(merges.size(), static_cast<size_t>(cold_));
        theirs_ = decode_merge(merges[static_cast<size_t>(cold_)].body)->changes;
        for (const NodeId id : others) (void)sent_to(id);
        ASSERT_TRUE(config->set({{"write-consistency", level}, {"read-consistency", level}}));
    }
    /// The question that was sent to that one; 0: none.
    uint64_t asked(NodeId id) {
        const std::vector<Sent> reads = sent_to(id, BusKind::read);
        if (reads.empty()) return 0;
        EXPECT_TRUE(decode_read(reads.back().body)->cells);
        return reads.back().op();
    }
    void tell(NodeId from, uint64_t op, std::string_view changes) {
        answer(from, ReadReply{op, BusStatus::done, 0, changes});
    }
    static std::string bulk(const std::string& text) {
        return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
    }
    void nobody_is_settled() {
        core().unsettle(shard_of(slot_));
        for (Peer& each : peers) each.unsettled.set(shard_of(slot_));
        publish();
    }
    void correct_tree() {
        CellCopy copy(workers[0]->core(), core());
        for (int i = 0; i < 3; ++i) {
            workers[0]->begin_turn();
            (void)copy.correct_leaves(slot_);
            workers[0]->end_turn();
            run_blocking(0);
        }
    }
    std::string key(int i) const { return "{" + tag_ + "}" + std::to_string(i); }
    static std::string value(int i) { return "value-" + std::to_string(i) + "-" + std::string(1000, 'v'); }
    Lookup::State state(std::string_view name) {
        Store& store = *node->core().store;
        return store.lookup(0, make_key_ref(name, store.hash_seed())).state;
    }

    Connection* client_ = nullptr;
    std::string tag_;
    int cold_ = -1;
    SlotId slot_ = 0;
    std::string theirs_;
};

TEST_F(DamagedCells, WhoFindsOneGetsWhatTheOthersHave) {
    begin();
    const ShardId shard = shard_of(slot_);
    const uint64_t whole = core().forest.root(shard);
    const int64_t keys = core().cells[shard].keys.load(), bytes = core().cells[shard].bytes.load();
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_EQ((*client_)("GET " + key(cold_)), "");
    EXPECT_EQ(state(key(cold_)), Lookup::State::cold);
    EXPECT_EQ(node->core().store->stats().damaged_reads, 1u);
    tell(kB, asked(kB), theirs_);
    EXPECT_EQ(client_->take(), bulk(value(cold_)));

    // What was lost is back, and the tree tells that there was something until it's looked at.
    EXPECT_TRUE(core().settled(shard));
    EXPECT_NE(core().forest.root(shard), whole);
    EXPECT_EQ(core().cells[shard].keys.load(), keys);
    EXPECT_EQ(core().cells[shard].bytes.load(), bytes);
    correct_tree();
    EXPECT_EQ(core().forest.root(shard), whole);
}

// Its tree still counts the cell: an exchange would find both copies equal, and the key would stay lost here.
TEST_F(DamagedCells, TheTreeTellsThatOneIsMissingUntilItsBack) {
    begin();
    const ShardId shard = shard_of(slot_);
    const uint64_t whole = core().forest.root(shard);
    const int64_t keys = core().cells[shard].keys.load();
    rot("value-" + std::to_string(cold_) + "-");
    node->core().restore_rotten(key(cold_));
    for (int i = 0; i < 3; ++i) settle(), run_blocking(0);
    EXPECT_FALSE(core().settled(shard));
    EXPECT_NE(core().forest.root(shard), whole);
    EXPECT_EQ(core().cells[shard].keys.load(), keys - 1);
    feed(*link_of(kB, false), frame_of(MergeMessage{0, MergeReason::repair, theirs_}));
    EXPECT_EQ(core().cells[shard].keys.load(), keys);
    correct_tree();
    EXPECT_EQ(core().forest.root(shard), whole);
}

// Spoiling the tree twice would leave it as if nothing had been lost.
TEST_F(DamagedCells, WhatTwoFindAtOnceIsLostOnce) {
    begin();
    const ShardId shard = shard_of(slot_);
    const uint64_t whole = core().forest.root(shard);
    const int64_t keys = core().cells[shard].keys.load();
    rot("value-" + std::to_string(cold_) + "-");
    Connection& other = connect();
    client_->send_only("GET " + key(cold_) + "\r\n");
    other.send_only("GET " + key(cold_) + "\r\n");
    for (int i = 0; i < 3; ++i) settle(), run_blocking(0);
    const std::vector<Sent> reads = sent_to(kB, BusKind::read);
    ASSERT_EQ(reads.size(), 2u);
    for (const Sent& read : reads) tell(kB, read.op(), theirs_);
    EXPECT_EQ(client_->take(), bulk(value(cold_)));
    EXPECT_EQ(other.take(), bulk(value(cold_)));
    EXPECT_NE(core().forest.root(shard), whole);
    EXPECT_EQ(core().cells[shard].keys.load(), keys);
    correct_tree();
    EXPECT_EQ(core().forest.root(shard), whole);
}

TEST_F(DamagedCells, NobodyDecidesOnWhatIsLeft) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    for (const char* const words : {" mine NX", " mine"}) {
        EXPECT_EQ((*client_)("SET " + key(cold_) + words), "");
        (void)asked(kB);
        pass_deadline();
        EXPECT_THAT(client_->take(), StartsWith("-CORRUPT this node's copy"));
        EXPECT_EQ(state(key(cold_)), Lookup::State::cold);
    }
    EXPECT_EQ((*client_)("SET " + key(cold_) + " mine NX"), "");
    tell(kB, asked(kB), theirs_);
    EXPECT_EQ(client_->take(), "$-1\r\n");
}

TEST_F(DamagedCells, AWriteGoesOnFromWhatTheOthersHave) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_EQ((*client_)("APPEND " + key(cold_) + " more"), "");
    tell(kB, asked(kB), theirs_);
    EXPECT_EQ(client_->take(), ":" + std::to_string(value(cold_).size() + 4) + "\r\n");
    EXPECT_EQ((*client_)("GET " + key(cold_)), bulk(value(cold_) + "more"));
}

TEST_F(DamagedCells, WhatNobodyElseHasIsGone) {
    begin();
    const int64_t keys = core().cells[shard_of(slot_)].keys.load();
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_EQ((*client_)("GET " + key(cold_)), "");
    tell(kB, asked(kB), {});
    EXPECT_EQ(client_->take(), "$-1\r\n");
    EXPECT_EQ(state(key(cold_)), Lookup::State::absent);
    EXPECT_EQ(core().cells[shard_of(slot_)].keys.load(), keys - 1);
}

TEST_F(DamagedCells, AloneItCanBeDeletedAndTheCountsStayRight) {
    begin({});
    const int64_t keys = core().cells[shard_of(slot_)].keys.load();
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_THAT((*client_)("GET " + key(cold_)), StartsWith("-CORRUPT"));
    EXPECT_EQ(core().cells[shard_of(slot_)].keys.load(), keys);
    (void)(*client_)("DEL " + key(cold_));
    EXPECT_EQ(core().cells[shard_of(slot_)].keys.load(), keys - 1);
    EXPECT_EQ((*client_)("SET " + key(cold_) + " new"), "+OK\r\n");
    EXPECT_EQ(core().cells[shard_of(slot_)].keys.load(), keys);
    EXPECT_EQ((*client_)("GET " + key(cold_)), bulk("new"));
}

// This node may have acknowledged a write with one of the others alone: its own copy is none of the quorum.
TEST_F(DamagedCells, OneOfTwoOthersIsNotEnough) {
    begin({kB, kC}, "quorum");
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_EQ((*client_)("GET " + key(cold_)), "");
    const uint64_t op = asked(kB);
    EXPECT_EQ(asked(kC), op);
    tell(kC, op, {});
    EXPECT_EQ(client_->take(), "");
    tell(kB, op, theirs_);
    const std::vector<Sent> repairs = sent_to(kC, BusKind::merge);
    ASSERT_EQ(repairs.size(), 1u);
    EXPECT_EQ(decode_merge(repairs[0].body)->reason, MergeReason::repair);
    ack(kC, op);
    EXPECT_EQ(client_->take(), bulk(value(cold_)));
}

// Nor is it one where the others are asked for another reason, and the damage is found on the way.
TEST_F(DamagedCells, AJoinThatFindsOneWaitsForAllOthers) {
    begin({kB, kC}, "quorum");
    rot("value-" + std::to_string(cold_) + "-");
    nobody_is_settled();
    EXPECT_EQ((*client_)("GET " + key(cold_)), "");
    const uint64_t op = asked(kB);
    EXPECT_EQ(asked(kC), op);
    tell(kB, op, theirs_);
    EXPECT_EQ(client_->take(), "");
    EXPECT_EQ(asked(kC), op);
    tell(kC, op, theirs_);
    EXPECT_EQ(client_->take(), bulk(value(cold_)));
}

TEST_F(DamagedCells, AWriteThatJoinsWaitsForThemToo) {
    begin({kB, kC}, "quorum");
    rot("value-" + std::to_string(cold_) + "-");
    nobody_is_settled();
    EXPECT_EQ((*client_)("SET " + key(cold_) + " mine NX"), "");
    const uint64_t op = asked(kB);
    (void)asked(kC);
    tell(kB, op, {});
    EXPECT_EQ(client_->take(), "");
    tell(kC, op, theirs_);
    ack(kB, op);
    EXPECT_EQ(client_->take(), "$-1\r\n");
}

// Whose record it is can't be read any more: perhaps the key's.
TEST_F(DamagedCells, ADamagedHeadIsAskedOfTheOthersToo) {
    begin();
    rot(key(cold_));
    EXPECT_EQ((*client_)("SET " + key(cold_) + " mine NX"), "");
    (void)asked(kB);
    pass_deadline();
    EXPECT_THAT(client_->take(), StartsWith("-CORRUPT"));
    EXPECT_EQ((*client_)("GET " + key(cold_)), "");
    tell(kB, asked(kB), theirs_);
    EXPECT_EQ(client_->take(), bulk(value(cold_)));
}

// A transaction, and a command of several keys, one of them damaged.
TEST_F(DamagedCells, TransactionsAskTheOthersToo) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    const std::string none = "{" + tag_ + "}none";
    EXPECT_EQ((*client_)("MGET " + none + " " + key(cold_)), "");
    pass_deadline();
    (void)sent_to(kB);
    EXPECT_THAT(client_->take(), StartsWith("-CORRUPT this node's copy"));
    EXPECT_EQ((*client_)("MULTI"), "+OK\r\n");
    EXPECT_EQ((*client_)("STRLEN " + key(cold_)), "+QUEUED\r\n");
    EXPECT_EQ((*client_)("EXISTS " + none), "+QUEUED\r\n");
    EXPECT_EQ((*client_)("EXEC"), "");
    tell(kB, asked(kB), theirs_);
    EXPECT_EQ(client_->take(), "*2\r\n:" + std::to_string(value(cold_).size()) + "\r\n:0\r\n");
}

// Else a peer would count it as one that doesn't have the key.
TEST_F(DamagedCells, APeerIsToldThatItCantBeReadAndItsRestored) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    for (const bool cells : {true, false}) {
        const std::string name = key(cold_);
        feed(*link_of(kB, false), frame_of(ReadMessage{7, cells, {name}}));
        for (int i = 0; i < 3; ++i) settle(), run_blocking(0);
        const std::vector<Sent> answers = sent_to(kB, BusKind::read_reply, false);
        ASSERT_EQ(answers.size(), 1u);
        EXPECT_EQ(decode_read_reply(answers[0].body)->status, BusStatus::refused);
        EXPECT_EQ(state(name), Lookup::State::cold);
    }
    const std::vector<Sent> reads = sent_to(kB, BusKind::read);
    ASSERT_EQ(reads.size(), 1u);  // once is enough
    tell(kB, reads[0].op(), theirs_);
    EXPECT_EQ((*client_)("GET " + key(cold_)), bulk(value(cold_)));
}

// What the scrubber does with a find: here the value is still in RAM.
TEST_F(DamagedCells, WhatIsInMemoryIsWrittenAnew) {
    begin();
    int warm = 0;
    while (warm < 200 && state(key(warm)) != Lookup::State::resident) ++warm;
    ASSERT_LT(warm, 200);
    const uint64_t root = core().forest.root(shard_of(slot_));
    const Lsn before = node->core().store->log().last_lsn();
    node->core().restore_rotten(key(warm));
    settle();
    EXPECT_GT(node->core().store->log().last_lsn(), before);
    EXPECT_EQ((*client_)("GET " + key(warm)),
              "$" + std::to_string(value(warm).size()) + "\r\n" + value(warm) + "\r\n");
    EXPECT_EQ(core().forest.root(shard_of(slot_)), root);
}

TEST_F(DamagedCells, WhatIsOnDiskOnlyIsFetched) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    node->core().restore_rotten(key(cold_));
    for (int i = 0; i < 3; ++i) settle(), run_blocking(0);
    EXPECT_FALSE(core().settled(shard_of(slot_)));
    EXPECT_EQ(state(key(cold_)), Lookup::State::absent);
    node->core().restore_rotten("nobody has it");
    settle();
}

}  // namespace
}  // namespace torc
