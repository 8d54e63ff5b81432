#include "node/cell_keyspace.h"

#include <gmock/gmock.h>

#include <set>

#include "base/rng.h"
#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

/// Commands through a node that is alone in its ring, or the first of two for some shards.
class CellKeys : public ClusterFixture {
  protected:
    Connection& begin() {
        start_cluster({}, {}, 1);
        return connect();
    }
    /// All names that SCAN shows, from slot to slot.
    std::multiset<std::string> scan(Connection& client) {
        std::multiset<std::string> names;
        std::string cursor = "0";
        do {
            std::string reply = client("SCAN " + cursor + " COUNT 1000");
            std::vector<std::string> lines;
            for (size_t at = 0, end; (end = reply.find("\r\n", at)) != std::string::npos; at = end + 2)
                lines.push_back(reply.substr(at, end - at));
            cursor = lines.size() > 2 ? lines[2] : "0";
            for (size_t i = 5; i < lines.size(); i += 2) names.insert(lines[i]);
        } while (cursor != "0");
        return names;
    }
};

TEST_F(CellKeys, ScanShowsEachKeyOnceAndOnlyLivingOnes) {
    Connection& client = begin();
    std::multiset<std::string> expected;
    for (int i = 0; i < 300; ++i) {
        const std::string key = (i % 3 == 0 ? "{t}" : "k") + std::to_string(i);
        client("SET " + key + " v" + (i % 5 == 0 ? " PX 50" : ""));
        if (i % 7 == 0) client("DEL " + key);
        if (i % 5 != 0 && i % 7 != 0) expected.insert(key);
    }
    clock.advance_ms(100);
    EXPECT_EQ(scan(client), expected);
    const uint64_t limit = node->core().store->used_bytes() - 1024;
    ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    pass_ms(100);
    EXPECT_EQ(scan(client), expected);
}

TEST_F(CellKeys, WhatHasExpiredIsHiddenFromEveryCommand) {
    Connection& client = begin();
    client("SET k v PX 50");
    client("SET n 10 PX 50");
    EXPECT_EQ(client("EXISTS k n"), ":2\r\n");
    clock.advance_ms(51);
    EXPECT_EQ(client("EXISTS k n"), ":0\r\n");
    EXPECT_EQ(client("GET k"), "$-1\r\n");
    EXPECT_EQ(client("TTL k"), ":-2\r\n");
    EXPECT_EQ(client("DEL k"), ":0\r\n");
    EXPECT_EQ(client("PERSIST k"), ":0\r\n");
    EXPECT_EQ(client("STRLEN k"), ":0\r\n");
    // A counter begins anew, not from what has expired.
    EXPECT_EQ(client("INCR n"), ":1\r\n");
    EXPECT_EQ(client("TTL n"), ":-1\r\n");
    EXPECT_EQ(client("SET k w NX"), "+OK\r\n");
    expect_recount(*node->core().store, core());
}

TEST_F(CellKeys, CountersCountAndAreStillStrings) {
    Connection& client = begin();
    EXPECT_EQ(client("INCR n"), ":1\r\n");
    EXPECT_EQ(client("INCRBY n 41"), ":42\r\n");
    EXPECT_EQ(client("GET n"), "$2\r\n42\r\n");
    EXPECT_EQ(client("INCRBYFLOAT n 0.5"), "$4\r\n42.5\r\n");
    EXPECT_EQ(client("APPEND n 1"), ":5\r\n");
    EXPECT_EQ(client("INCRBYFLOAT n 1"), "$5\r\n43.51\r\n");
    client("SET n 9223372036854775806");
    EXPECT_EQ(client("INCR n"), ":9223372036854775807\r\n");
    EXPECT_EQ(client("INCR n").substr(0, 4), "-ERR");
    client("SET e 5 EX 100");
    EXPECT_EQ(client("DECR e"), ":4\r\n");
    EXPECT_EQ(client("TTL e"), ":100\r\n");
    client("DEL n");
    EXPECT_EQ(client("INCR n"), ":1\r\n");
    // Up and down at the edge: totals that could not grow become a value.
    client("SET n 0");
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(client("INCRBY n 9223372036854775807"), ":9223372036854775807\r\n");
        EXPECT_EQ(client("DECRBY n 9223372036854775807"), ":0\r\n");
    }
    expect_recount(*node->core().store, core());
}

TEST_F(CellKeys, ChangesInPlaceAreWholeValues) {
    Connection& client = begin();
    client("SET k Hello EX 100");
    EXPECT_EQ(client("SETRANGE k 1 a"), ":5\r\n");
    EXPECT_EQ(client("GET k"), "$5\r\nHallo\r\n");
    EXPECT_EQ(client("SETBIT k 7 1"), ":0\r\n");
    EXPECT_EQ(client("BITFIELD k SET u8 0 65 SET u8 8 66"), "*2\r\n:73\r\n:97\r\n");
    EXPECT_EQ(client("GET k"), "$5\r\nABllo\r\n");
    EXPECT_EQ(client("TTL k"), ":100\r\n");
    EXPECT_EQ(client("MULTI\nSETRANGE k 0 x\nSETRANGE k 1 y\nGET k\nDEL k\nEXISTS k\nEXEC"),
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
              "*5\r\n:5\r\n:5\r\n$5\r\nxyllo\r\n:1\r\n:0\r\n");
    expect_recount(*node->core().store, core());
}

TEST_F(CellKeys, SiblingsShowTheirWinnerAndAreCovered) {
    Connection& client = begin();
    link(kB, false);
    const auto merge = [&](const std::string& cell) {
        feed(*link_of(kB, false), frame_of(MergeMessage{1, MergeReason::write, change_of("k", cell)}));
    };
    client("SET k mine");
    merge(cell_of("first", 98, stamp_now(100)));
    merge(cell_of("second", 99, stamp_now(200)));
    EXPECT_EQ(client("GET k"), "$6\r\nsecond\r\n");
    EXPECT_EQ(core().counters.most_siblings.load(), 3u);
    client("SET k all");
    EXPECT_EQ(core().counters.siblings_overwritten_unread.load(), 1u);
    merge(cell_of("first", 98, stamp_now(100)));
    EXPECT_EQ(client("GET k"), "$3\r\nall\r\n");
    expect_recount(*node->core().store, core());
}

TEST_F(CellKeys, AWalkCoversWhatThisNodeAnswersFor) {
    start_cluster({kB}, {"--write-consistency", "one", "--read-consistency", "one"}, 2);
    Connection& client = connect();
    std::set<std::string> mine;
    for (int i = 0; i < 200; ++i) {
        const std::string key = "k" + std::to_string(i);
        if (owners_of(key).front() == self) {
            EXPECT_EQ(client("SET " + key + " v"), "+OK\r\n");
            mine.insert(key);
        }
    }
    ASSERT_LT(mine.size(), 200u);
    EXPECT_TRUE(answers_for(*core().topology(), self, shard_of_key(*mine.begin())));
    // The other's part is asked for.
    EXPECT_EQ(client("DBSIZE"), "");
    const std::vector<Sent> asked = sent_to(kB, BusKind::forward);
    ASSERT_EQ(asked.size(), 1u);
    answer(kB, ForwardReply{asked[0].op(), BusStatus::done, ":1000\r\n"});
    EXPECT_EQ(client.take(), ":" + std::to_string(1000 + mine.size()) + "\r\n");
    alive(kB, Liveness::down);
    publish();
    EXPECT_EQ(client("DBSIZE"), ":" + std::to_string(mine.size()) + "\r\n");
}

/// A node that is the first owner of some of its keys and the second one of the others.
class ScopedKeys : public CellKeys {
  protected:
    static constexpr int kKeys = 300;

    Connection& begin_scoped() {
        start_cluster({kB}, {"--write-consistency", "one", "--cluster-keyspace-scope", "node"}, 2);
        link(kB, false);
        for (int i = 0; i < kKeys; ++i) {
            const std::string key = "k" + std::to_string(i);
            const std::string cell = cell_of("v", 99, stamp_now());
            feed(*link_of(kB, false), frame_of(MergeMessage{1, MergeReason::write, change_of(key, cell)}));
            if (owners_of(key).front() == self) mine.insert(key);
        }
        (void)sent_to(kB);
        return connect();
    }
    std::set<std::string> names_in(const std::string& reply) {
        std::set<std::string> names;
        for (size_t at = reply.find("\r\nk"); at != std::string::npos; at = reply.find("\r\nk", at + 2))
            names.insert(reply.substr(at + 2, reply.find("\r\n", at + 2) - at - 2));
        return names;
    }

    std::set<std::string> mine;
};

TEST_F(ScopedKeys, ANodeSpeaksForItsOwnPart) {
    Connection& client = begin_scoped();
    ASSERT_GT(mine.size(), 0u);
    ASSERT_LT(mine.size(), static_cast<size_t>(kKeys));
    EXPECT_EQ(client("DBSIZE"), ":" + std::to_string(mine.size()) + "\r\n");
    EXPECT_EQ(names_in(client("KEYS *")), mine);
    for (int i = 0; i < 20; ++i) {
        const std::string reply = client("RANDOMKEY");
        EXPECT_TRUE(mine.contains(reply.substr(4, reply.size() - 6))) << reply;
    }
    EXPECT_TRUE(sent_to(kB, BusKind::forward).empty());
    // The other's part becomes its own when it's gone.
    alive(kB, Liveness::down);
    publish();
    EXPECT_EQ(client("DBSIZE"), ":" + std::to_string(kKeys) + "\r\n");
}

TEST_F(ScopedKeys, ScanGoesOnBehindTheSlotsOfOthers) {
    Connection& client = begin_scoped();
    const std::string whole = client("SCAN 0 COUNT 100000");
    EXPECT_TRUE(whole.starts_with("*2\r\n$1\r\n0\r\n")) << whole.substr(0, 40);
    EXPECT_EQ(names_in(whole), mine);
    std::multiset<std::string> names;
    std::string cursor = "0";
    do {
        const std::string reply = client("SCAN " + cursor + " COUNT 7");
        const size_t at = reply.find("\r\n", 4) + 2;
        cursor = reply.substr(at, reply.find("\r\n", at) - at);
        for (const std::string& name : names_in(reply)) names.insert(name);
    } while (cursor != "0");
    EXPECT_EQ(names, std::multiset<std::string>(mine.begin(), mine.end()));
    // From the middle of another's slots it begins with the next of its own.
    const RingTable table(ring);
    unsigned foreign = 0;
    while (table.owners(static_cast<ShardId>(foreign)).front() == self) ++foreign;
    std::set<std::string> behind;
    for (const std::string& key : mine)
        if (shard_of_key(key) > foreign) behind.insert(key);
    EXPECT_EQ(names_in(client("SCAN " + std::to_string(foreign * kSlotsPerShard + 5) + " COUNT 100000")),
              behind);
    EXPECT_TRUE(sent_to(kB, BusKind::forward).empty());
}

TEST_F(ScopedKeys, WhatAnotherNodeAsksForIsItsAnswerForTheWholeCluster) {
    (void)begin_scoped();
    const RingTable table(ring);
    unsigned last = 0;  // of this node's shards, from the first on
    while (table.owners(static_cast<ShardId>(last)).front() != self) ++last;
    const unsigned first = last;
    while (table.owners(static_cast<ShardId>(last)).front() == self) ++last;
    ForwardMessage message;
    message.op = 8;
    message.session = 3;
    message.deadline_ms = clock.wall_ms() + 2000;
    const std::string from = std::to_string(first * kSlotsPerShard),
                      end = std::to_string(last * kSlotsPerShard);
    message.commands = {{"SCAN", from, "COUNT", "100000"}};
    feed(*link_of(kB, false), frame_of(message));
    const std::vector<Sent> sent = sent_to(kB, BusKind::forward_reply, false);
    ASSERT_EQ(sent.size(), 1u);
    const std::string reply(decode_forward_reply(sent[0].body)->bytes);
    EXPECT_TRUE(reply.starts_with("*2\r\n$" + std::to_string(end.size()) + "\r\n" + end + "\r\n"))
        << reply.substr(0, 40);
}

TEST_F(CellKeys, AnEmptyNodeIsScannedAtOnce) {
    EXPECT_EQ(begin()("SCAN 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
}

TEST_F(CellKeys, FlushingAShardTakesItsColdKeysToo) {
    Connection& client = begin();
    const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
    ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    for (int i = 0; i < 150; ++i) client("SET {t}" + std::to_string(i) + " " + std::string(1000, 'v'));
    EXPECT_EQ(client("FLUSHALL"), "+OK\r\n");
    EXPECT_EQ(client("DBSIZE"), ":0\r\n");
    EXPECT_EQ(recount(*node->core().store).tombstones, 150);
    expect_recount(*node->core().store, core());
    EXPECT_EQ(client("SWAPDB 0 1").substr(0, 1), "-");
}

}  // namespace
}  // namespace torc
