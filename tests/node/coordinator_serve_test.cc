// What peers ask of a node, well-meant or not.
#include <gmock/gmock.h>

#include "base/coding.h"
#include "base/rng.h"
#include "node/coordinator_link.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Serving : public ClusterFixture {
  protected:
    void begin(std::initializer_list<NodeId> others = {kB, kC}, std::vector<std::string> directives = {}) {
        start_cluster(others, std::move(directives));
        link(kB, false);
        key_ = key_with_owners({self});
    }
    template <class Message>
    std::vector<Sent> ask(const Message& message) {
        feed(*link_of(kB, false), frame_of(message));
        return sent_to(kB, false);
    }
    BusStatus merge(const std::string& changes, MergeReason reason = MergeReason::write) {
        const std::vector<Sent> sent = ask(MergeMessage{5, reason, changes});
        EXPECT_THAT(sent, SizeIs(1));
        if (sent.empty() || sent[0].kind != BusKind::ack) return BusStatus::refused;
        return decode_ack(sent[0].body)->status;
    }
    ForwardMessage forward(std::vector<std::string_view> words, uint64_t session = 3) {
        ForwardMessage message;
        message.op = 8;
        message.session = session;
        message.deadline_ms = clock.wall_ms() + 1000;
        message.commands = {std::move(words)};
        return message;
    }
    std::string run(const ForwardMessage& message, BusStatus expected = BusStatus::done) {
        const std::vector<Sent> sent = ask(message);
        if (sent.empty()) return "";
        const auto reply = decode_forward_reply(sent[0].body);
        EXPECT_TRUE(reply && reply->op == message.op && reply->status == expected);
        return reply ? std::string(reply->bytes) : "";
    }

    std::string key_;
};

TEST_F(Serving, MergesAreAcknowledgedAndReadBack) {
    begin();
    const std::string cell = cell_of("v", 99, stamp_now());
    EXPECT_EQ(merge(change_of(key_, cell)), BusStatus::done);
    const std::vector<Sent> cells = ask(ReadMessage{6, true, {key_, "{" + key_ + "}absent"}});
    ASSERT_THAT(cells, SizeIs(1));
    const auto reply = decode_read_reply(cells[0].body);
    std::string sent;
    append_replicated(sent, cell);
    EXPECT_EQ(reply->changes, change_of(key_, sent));
    const std::vector<Sent> digests = ask(ReadMessage{6, false, {key_}});
    EXPECT_EQ(decode_read_reply(digests[0].body)->digest, CellView::parse(cell)->digest());
    EXPECT_EQ(ask(ReadMessage{6, false, {}}).size(), 1u);
    // Nobody waits for number 0.
    EXPECT_THAT(ask(MergeMessage{0, MergeReason::repair, change_of(key_, cell)}), IsEmpty());
}

// Whoever sent it has been told that it's in doubt, and what came after must not be covered by it.
TEST_F(Serving, WhatHasWaitedPastItsDeadlineIsNotRun) {
    begin();
    Connection& admin = connect();
    EXPECT_EQ(admin("CLIENT PAUSE 3000 WRITE"), "+OK\r\n");
    EXPECT_EQ(run(forward({"SET", key_, "late"})), "");
    pass_ms(3100);
    const std::vector<Sent> sent = sent_to(kB, false);
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_THAT(std::string(decode_forward_reply(sent[0].body)->bytes), StartsWith("-NOREPLICAS"));
    EXPECT_EQ(core().cells[shard_of(key_slot(key_))].keys.load(), 0);
}

TEST_F(Serving, WhoWaitsForEverIsForgottenWithItsConnection) {
    begin();
    EXPECT_EQ(run(forward({"WAIT", "9", "0"})), "");
    EXPECT_EQ(run(forward({"PING"})), "");  // behind it
    feed(*link_of(kB, false), frame_of(SessionEnd{3}));
    pass_ms(200);
    EXPECT_EQ(run(forward({"PING"})), "+PONG\r\n");
}

TEST_F(Serving, SyncedIsSaidWhenTheDiskHasWhatWasLoggedBefore) {
    begin({kB, kC}, {"--appendfsync", "no"});
    EXPECT_EQ(merge(change_of(key_, cell_of("v", 99, stamp_now()))), BusStatus::done);
    EXPECT_THAT(ask(SyncMessage{8}), IsEmpty());
    settle();
    EXPECT_THAT(sent_to(kB, false), IsEmpty());
    node->sync_step();
    settle();
    const std::vector<Sent> sent = sent_to(kB, false);
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(decode_ack(sent[0].body)->op, 8u);
    EXPECT_EQ(decode_ack(sent[0].body)->status, BusStatus::done);
    // Nothing has come since.
    const std::vector<Sent> again = ask(SyncMessage{9});
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(decode_ack(again[0].body)->status, BusStatus::done);
}

TEST_F(Serving, WithoutALogNothingIsEverOnTheDisk) {
    begin({kB, kC}, {"--appendonly", "no"});
    const std::vector<Sent> sent = ask(SyncMessage{8});
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(decode_ack(sent[0].body)->status, BusStatus::refused);
}

TEST_F(Serving, MalformedMergesAreRefusedAndChangeNothing) {
    begin();
    const std::string good = change_of(key_, cell_of("v", 99, stamp_now()));
    EXPECT_EQ(merge(""), BusStatus::refused);
    EXPECT_EQ(merge(good + "x"), BusStatus::refused);
    EXPECT_EQ(merge(good + change_of(key_, "nonsense")), BusStatus::refused);
    EXPECT_EQ(merge(change_of(key_, cell_of("v", 99, stamp_now(3 * 24 * 3600 * 1000ll)))),
              BusStatus::refused);
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), 0);
    EXPECT_EQ(core().forest.root(shard_of_key(key_)), 0u);
}

/// What a node that is no member of the ring hands over.
class Offers : public Serving {
  protected:
    static constexpr int64_t kTwoDaysMs = 2 * 24 * 3600 * 1000ll;

    void begin_offers(std::vector<std::string> directives = {}) {
        begin({kB, kC}, std::move(directives));
        link(kD, false);
        old_ = cell_of("old", 99, stamp_now(-kTwoDaysMs));
    }
    std::string key(int n) const { return "{" + key_ + "}" + std::to_string(n); }
    std::string bytes_of(int n) {
        const std::vector<Sent> sent = ask(ReadMessage{6, true, {key(n)}});
        return std::string(decode_read_reply(sent.at(0).body)->changes);
    }
    /// The status, and the bits of what was not taken.
    std::pair<BusStatus, std::string> offer(const std::string& changes) {
        feed(*link_of(kD, false), frame_of(MergeMessage{5, MergeReason::repair, changes}));
        const std::vector<Sent> sent = sent_to(kD, BusKind::ack, false);
        EXPECT_THAT(sent, SizeIs(1));
        if (sent.empty()) return {};
        const auto ack = decode_ack(sent[0].body);
        return {ack->status, std::string(ack->refused)};
    }

    std::string old_;
};

TEST_F(Offers, OldValuesAreTakenOnlyWhereTheKeyIsKnown) {
    begin_offers();
    const std::string newer = cell_of("newer", 98, stamp_now(-kTwoDaysMs + 1));
    std::string tombstone;
    write_delete(tombstone, old_, {99, stamp_now(-kTwoDaysMs + 5)});
    EXPECT_EQ(merge(change_of(key(1), newer)), BusStatus::done);
    std::string changes = change_of(key(0), old_) + change_of(key(1), old_) +
                          change_of(key(2), cell_of("young", 99, stamp_now())) + change_of(key(3), tombstone);
    for (int n = 4; n < 10; ++n) changes += change_of(key(n), old_);
    EXPECT_EQ(offer(changes), std::pair(BusStatus::partly, std::string("\xf1\x03")));
    for (const int n : {0, 4, 9}) EXPECT_EQ(bytes_of(n), "") << n;
    for (const int n : {1, 2, 3}) EXPECT_NE(bytes_of(n), "") << n;
    EXPECT_EQ(offer(change_of(key(1), old_)), std::pair(BusStatus::done, std::string()));
    // Of a member the same is taken: it was asked before any tombstone went.
    EXPECT_EQ(merge(change_of(key(0), old_), MergeReason::repair), BusStatus::done);
    EXPECT_EQ(offer(change_of(key(0), old_)).first, BusStatus::done);
    // And where a tombstone would still be here.
    ASSERT_TRUE(config->set({{"tombstone-horizon", "604800"}}));
    EXPECT_EQ(offer(change_of(key(4), old_)).first, BusStatus::done);
    EXPECT_NE(bytes_of(4), "");
}

TEST_F(Offers, WhoCantTellYetAsksForThemAgain) {
    begin_offers();
    epoch_of_peers = ring.epoch + 1;
    EXPECT_EQ(offer(change_of(key(0), old_)).first, BusStatus::later);
    epoch_of_peers = 0;
    core().unsettle(shard_of_key(key_));
    EXPECT_EQ(offer(change_of(key(0), old_)).first, BusStatus::later);
    core().settle(shard_of_key(key_));
    EXPECT_EQ(offer(change_of(key(0), old_)).first, BusStatus::partly);
    EXPECT_EQ(offer(change_of(key(0), old_) + "x").first, BusStatus::refused);
    EXPECT_EQ(offer(change_of(key(0), "nonsense")).first, BusStatus::refused);
}

/// Found by seed 42 of the simulator: a drained node was never rid of its data, since an owner whose index
/// alone was above maxmemory refused it, though it took any write.
TEST_F(Offers, AreRefusedForMemoryOnlyWhereMergesAre) {
    begin_offers({"--appendonly", "no", "--maxmemory-policy", "volatile-lru"});
    const std::string young = cell_of("young", 99, stamp_now());
    EXPECT_EQ(merge(change_of(key(0), young)), BusStatus::done);
    ASSERT_TRUE(config->set({{"maxmemory", "1"}}));
    EXPECT_EQ(offer(change_of(key(1), young)).first, BusStatus::done);
    EXPECT_NE(bytes_of(1), "");
    EXPECT_EQ(offer(change_of(key(2), old_)).first, BusStatus::partly);
    ASSERT_TRUE(config->set({{"maxmemory-policy", "noeviction"}}));
    EXPECT_EQ(offer(change_of(key(2), young)).first, BusStatus::refused);
    std::string deletion;
    write_delete(deletion, young, {98, stamp_now(1)});
    EXPECT_EQ(offer(change_of(key(0), deletion)).first, BusStatus::done);
}

TEST_F(Offers, AnOutsiderComparesNoShards) {
    begin_offers();
    feed(*link_of(kD, false), frame_of(ExchangeMessage{7, BusStatus::done, "any"}, false));
    const std::vector<Sent> sent = sent_to(kD, BusKind::exchange_reply, false);
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(decode_exchange(sent[0].body)->status, BusStatus::refused);
}

TEST_F(Serving, WhatIsNotOursIsKeptUpToTheHintLimit) {
    begin({kB, kC, kD, 0xe}, {"--hint-limit", "1mb"});
    const RingTable table(ring);
    std::string foreign;
    for (int i = 0; foreign.empty(); ++i)
        if (!table.owns(self, shard_of_key("f" + std::to_string(i)))) foreign = "f" + std::to_string(i);
    const std::string big = cell_of(std::string(700'000, 'v'), 99, stamp_now());
    EXPECT_EQ(merge(change_of(foreign, big), MergeReason::stand_in), BusStatus::done);
    EXPECT_EQ(merge(change_of("{" + foreign + "}2", big), MergeReason::stand_in), BusStatus::refused);
    EXPECT_EQ(core().counters.hints_refused.load(), 1u);
    // Ours is no hint.
    EXPECT_EQ(merge(change_of(key_, big)), BusStatus::done);
    // By an older ring it was ours; who sent it has to look again.
    epoch_of_peers = ring.epoch - 1;
    EXPECT_EQ(merge(change_of(foreign, cell_of("v", 99, stamp_now()))), BusStatus::elsewhere);
    // Still ours: it's kept, and acknowledged only to who counts by the present ring.
    const int64_t keys = core().cells[shard_of_key(key_)].keys.load();
    const std::string second = "{" + key_ + "}2";
    EXPECT_EQ(merge(change_of(second, cell_of("v", 99, stamp_now()))), BusStatus::elsewhere);
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), keys + 1);
    epoch_of_peers = 0;
    EXPECT_EQ(merge(change_of(second, cell_of("v", 99, stamp_now()))), BusStatus::done);
}

TEST_F(Serving, ForwardsRunHereAndTheirSessionRemembers) {
    begin({kB, kC, kD}, {"--write-consistency", "one", "--read-consistency", "one"});
    EXPECT_EQ(run(forward({"SET", key_, "v"})), "+OK\r\n");
    EXPECT_EQ(run(forward({"WATCH", key_})), "+OK\r\n");
    EXPECT_EQ(run(forward({"SET", key_, "v2"}, 4)), "+OK\r\n");
    ForwardMessage transaction = forward({"GET", key_});
    transaction.transaction = true;
    EXPECT_EQ(run(transaction), "*-1\r\n");
    EXPECT_EQ(run(transaction), "*1\r\n$2\r\nv2\r\n");
    ForwardMessage late = forward({"SET", key_, "late"});
    late.deadline_ms = clock.wall_ms() - 1;
    EXPECT_EQ(run(late, BusStatus::too_late), "");
    const RingTable table(ring);
    int other = 0;
    while (table.owns(self, shard_of_key("o" + std::to_string(other)))) ++other;
    const std::string theirs = "o" + std::to_string(other);
    EXPECT_EQ(run(forward({"SET", theirs, "v"}), BusStatus::elsewhere), "");
    ForwardMessage moved = forward({"GET", theirs});
    moved.transaction = true;
    EXPECT_EQ(run(moved, BusStatus::elsewhere), "");
}

TEST_F(Serving, ForwardsToANodeThatKnowsOfNobodyYetAreTriedAgain) {
    begin();
    alive(kB, Liveness::down), alive(kC, Liveness::down);
    publish();
    EXPECT_EQ(run(forward({"SET", key_, "v"}), BusStatus::later), "");
    alive(kB);
    publish();
    (void)ask(forward({"SET", key_, "v"}));
    EXPECT_THAT(sent_to(kB, BusKind::merge), SizeIs(1));
}

TEST_F(Serving, HostileCommandsDontHurt) {
    begin({kB, kC}, {"--write-consistency", "one", "--read-consistency", "one"});
    for (const std::vector<std::string_view>& words :
         std::vector<std::vector<std::string_view>>{{"QUIT"},
                                                    {"MULTI"},
                                                    {"EXEC"},
                                                    {"DISCARD"},
                                                    {"RESET"},
                                                    {"SUBSCRIBE", "c"},
                                                    {"MONITOR"},
                                                    {"WAIT", "1", "0"},
                                                    {"CLIENT", "REPLY", "OFF"},
                                                    {"CLIENT", "ID"},
                                                    {"SELECT", "5"},
                                                    {"HELLO", "3"},
                                                    {"AUTH", "x"},
                                                    {"SWAPDB", "0", "1"},
                                                    {"merge", "a", "b"},
                                                    {"forget", "a", "b"},
                                                    {"flushshard", "99999"},
                                                    {"flushshard", "x"},
                                                    {""},
                                                    {"GET"},
                                                    {"MGET", "a", "b", "c"},
                                                    {"DEBUG", "SLEEP"},
                                                    {"CLIENT", "NOSUCH"},
                                                    {"MSET", "a"}}) {
        SCOPED_TRACE(std::string(words[0]));
        (void)run(forward(words));
        pass_ms(2100);
        (void)sent_to(kB, false);
        // The same session goes on, or is made anew.
        for (int i = 0; i < 3 && run(forward({"PING"})) != "+PONG\r\n"; ++i) {
            (void)run(forward({"CLIENT", "REPLY", "ON"}));
            (void)run(forward({"RESET"}));
        }
        ForwardMessage transaction = forward(words);
        transaction.transaction = true;
        (void)run(transaction);
        pass_ms(2100);
        (void)sent_to(kB, false);
    }
    EXPECT_EQ(connect()("PING"), "+PONG\r\n");
}

TEST_F(Serving, SessionsEndWithTheirConnectionAndWhenTheyAreQuiet) {
    begin({kB, kC}, {"--read-consistency", "one"});
    const auto executors = [&] { return workers[0]->core().clients.size(); };
    const size_t before = executors();
    for (uint64_t session = 1; session <= 50; ++session) (void)run(forward({"GET", key_}, session));
    EXPECT_EQ(executors(), before + 50);
    for (uint64_t session = 1; session <= 20; ++session) (void)ask(SessionEnd{session});
    (void)ask(SessionEnd{999});
    pass_ms(100);
    EXPECT_EQ(executors(), before + 30);
    (void)run(forward({"WATCH", key_}, 30));
    pass_ms(kSessionIdleMs + 1);
    EXPECT_EQ(executors(), before + 1);  // it still watches
    unlink(kB, false);
    EXPECT_EQ(executors(), before);
}

TEST_F(Serving, AReplicaThatCantKeepUpSaysSo) {
    begin();
    ShardLock& lock = node->core().store->shard_lock(shard_of_key(key_));
    ASSERT_TRUE(lock.try_lock());
    const std::string change = change_of(key_, cell_of(std::string(1 << 20, 'v'), 99, stamp_now()));
    size_t later = 0;
    for (uint64_t op = 1; op <= 40; ++op)
        for (const Sent& sent : ask(MergeMessage{op, MergeReason::write, change}))
            later += decode_ack(sent.body)->status == BusStatus::later ? 1 : 0;
    EXPECT_GT(later, 15u);
    EXPECT_LT(later, 30u);
    lock.unlock();
    settle();
    EXPECT_EQ(sent_to(kB, false).size(), 40 - later);
    EXPECT_EQ(merge(change), BusStatus::done);
}

TEST_F(Serving, ForeignClustersAreNotHeardAndMalformedFramesBreakTheLink) {
    begin();
    std::string frame;
    append_frame_head(frame, {ring.cluster_id + 1, ring.epoch});
    append_message(frame, ReadMessage{6, false, {key_}});
    feed(*link_of(kB, false), frame);
    EXPECT_THAT(sent_to(kB, false), IsEmpty());
    EXPECT_FALSE(link_of(kB, false)->was_reset);
    feed(*link_of(kB, false), "short");
    EXPECT_TRUE(link_of(kB, false)->was_reset);
}

TEST_F(Serving, RandomFramesNeverEndTheNode) {
    begin({kB, kC}, {"--write-consistency", "one", "--read-consistency", "one"});
    const uint64_t seed = 4711;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const std::string change = change_of(key_, cell_of("v", 99, stamp_now()));
    std::string seedling = frame_of(MergeMessage{1, MergeReason::write, change});
    append_message(seedling, ReadMessage{2, true, {key_, "x"}});
    append_message(seedling, forward({"SET", key_, "v"}));
    append_message(seedling, AckMessage{1, BusStatus::done});
    append_message(seedling, ReadReply{1, BusStatus::done, 1, change});
    append_message(seedling, ForwardReply{1, BusStatus::done, "+OK\r\n"});
    append_message(seedling, ExchangeMessage{1, BusStatus::done, std::string_view("\x01\x02\x03", 3)}, false);
    append_message(seedling, ExchangeMessage{1, BusStatus::done, std::string_view("\x01\x02\x03", 3)}, true);
    append_message(seedling, SessionEnd{3});
    append_message(seedling, ReapMessage{1, {{key_, 5}}});
    for (int round = 0; round < 3000; ++round) {
        std::string frame = seedling;
        for (uint64_t n = rng.below(4); n-- > 0;) {
            const size_t at = BusFrameHead::kSize + rng.below(frame.size() - BusFrameHead::kSize);
            frame[at] = static_cast<char>(rng.next());
        }
        if (rng.below(3) == 0)
            frame.resize(BusFrameHead::kSize + rng.below(frame.size() - BusFrameHead::kSize));
        feed(*link_of(kB, false), frame);
        link_of(kB, false)->frames.clear();
    }
    EXPECT_EQ(connect()("PING"), "+PONG\r\n");
}

TEST_F(Serving, ALinkMayBreakWhileItsRequestsWait) {
    begin();
    ShardLock& lock = node->core().store->shard_lock(shard_of_key(key_));
    ASSERT_TRUE(lock.try_lock());
    (void)ask(MergeMessage{1, MergeReason::write, change_of(key_, cell_of("v", 99, stamp_now()))});
    (void)ask(forward({"GET", key_}));
    unlink(kB, false);
    lock.unlock();
    settle();
    EXPECT_EQ(connect()("PING"), "+PONG\r\n");
}

TEST_F(Serving, ASlowPeersLinkIsReset) {
    begin();
    link_of(kB)->queued = (64u << 20) + 1;
    connect()("SET " + key_ + " v");
    EXPECT_TRUE(link_of(kB)->was_reset);
    EXPECT_FALSE(link_of(kC)->was_reset);
}

}  // namespace
}  // namespace torc
