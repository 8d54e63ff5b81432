// CORRECTNESS 18: one node evicts, and says so to the others.
#include "node/evictor.h"

#include <gmock/gmock.h>

#include "base/config.h"
#include "node/internal_commands.h"
#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kValue(1000, 'v');

class Evictions : public ClusterFixture {
  protected:
    static constexpr const char* kPolicy = "allkeys-random";

    void begin(std::initializer_list<NodeId> others, std::vector<std::string> directives = {}) {
        directives.insert(directives.end(), {"--maxmemory-policy", kPolicy});
        start_cluster(others, std::move(directives), static_cast<uint32_t>(others.size() + 1));
    }
    void limit(int64_t bytes_from_now) {
        const auto limit = static_cast<int64_t>(node->core().store->used_bytes()) + bytes_from_now;
        ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    }
    void no_limit() { ASSERT_TRUE(config->set({{"maxmemory", "0"}})); }
    /// So little that all goes that may.
    void want_all() { ASSERT_TRUE(config->set({{"maxmemory", "1"}})); }

    /// Keys whose first owner this is.
    std::vector<std::string> keys_first_at(NodeId first, int count) {
        const RingTable table(ring);
        std::vector<std::string> keys;
        for (int i = 0; static_cast<int>(keys.size()) < count; ++i) {
            std::string key = "k" + std::to_string(i);
            if (table.owners(shard_of_key(key)).front() == first) keys.push_back(std::move(key));
        }
        return keys;
    }
    void write(const std::vector<std::string>& keys) {
        for (const std::string& key : keys)
            feed(*link_of(kB, false),
                 frame_of(
                     MergeMessage{1, MergeReason::write, change_of(key, cell_of(kValue, 99, stamp_now()))}));
        (void)sent_to(kB, false);
    }
    /// Of the keys, those that still exist here.
    size_t existing(const std::vector<std::string>& keys) {
        const Recount all = recount(*node->core().store);
        int64_t sum = 0;
        for (const Recount::Shard& shard : all.shards) sum += shard.keys;
        EXPECT_LE(static_cast<size_t>(sum), keys.size());
        return static_cast<size_t>(sum);
    }
    /// The deletions that this peer has been sent; acknowledged.
    std::vector<std::string> deletions_at(NodeId peer) {
        std::vector<std::string> deleted;
        for (const Sent& sent : sent_to(peer, BusKind::merge)) {
            const auto merge = decode_merge(sent.body);
            std::string_view rest = merge->changes;
            while (const auto change = next_change(rest)) {
                EXPECT_FALSE(CellView::parse(change->cell)->exists()) << change->key;
                deleted.emplace_back(change->key);
            }
            ack(peer, sent.op());
        }
        return deleted;
    }
    uint64_t resident() { return node->core().store->stats().resident_keys; }
    void settle_down() {
        for (int i = 0; i < 30; ++i) pass_ms(100);
    }
    void evict(const std::string& key, const std::string& mark) {
        coordinator().run_here(&kEvictCommand, {"evict", key, mark}, {}, [](std::string_view) {});
        settle();
    }
    std::string mark_of(const std::string& key) {
        return eviction_mark(
            *node->core().store->lookup(0, make_key_ref(key, node->core().store->hash_seed())).record);
    }
};

TEST_F(Evictions, AreDeletionsThatStay) {
    begin({});
    limit(64 * 1024);
    Connection& client = connect();
    for (int i = 0; i < 300; ++i) EXPECT_EQ(client("SET k" + std::to_string(i) + " " + kValue), "+OK\r\n");
    no_limit();
    const Recount all = recount(*node->core().store);
    EXPECT_GT(all.tombstones, 100);
    EXPECT_EQ(client("DBSIZE"), ":" + std::to_string(300 - all.tombstones) + "\r\n");
    EXPECT_THAT(client("INFO stats"), HasSubstr("evicted_keys:" + std::to_string(all.tombstones) + "\r\n"));
    EXPECT_EQ(core().evictions.count(), 0u);
    EXPECT_EQ(core().evictions.promised_bytes(), 0u);
    expect_recount(*node->core().store, core());
}

TEST_F(Evictions, TheOthersAreTold) {
    begin({kB, kC});
    const std::vector<std::string> keys = keys_first_at(self, 200);
    write(keys);
    limit(-100 * 1024);
    pass_ms(100);
    const std::vector<std::string> at_b = deletions_at(kB), at_c = deletions_at(kC);
    EXPECT_THAT(at_b, Not(IsEmpty()));
    EXPECT_EQ(at_b, at_c);
    EXPECT_EQ(existing(keys), keys.size() - at_b.size());
}

TEST_F(Evictions, WhatAnotherNodeDecidesMovesToTheLog) {
    begin({kB, kC});
    const std::vector<std::string> keys = keys_first_at(kB, 200);
    write(keys);
    want_all();
    settle_down();
    EXPECT_THAT(deletions_at(kB), IsEmpty());
    EXPECT_EQ(existing(keys), keys.size());
    EXPECT_EQ(resident(), 0u);
}

TEST_F(Evictions, ACopyInDoubtDeletesNothing) {
    begin({kB, kC});
    const std::vector<std::string> keys = keys_first_at(self, 50);
    write(keys);
    core().unsettle_all();
    want_all();
    for (int i = 0; i < 3; ++i) pass_ms(100);
    EXPECT_EQ(existing(keys), keys.size());
    EXPECT_EQ(resident(), 0u);
}

TEST_F(Evictions, WithoutAMajorityNothingIsDeleted) {
    begin({kB, kC});
    const std::vector<std::string> keys = keys_first_at(self, 50);
    write(keys);
    alive(kB, Liveness::down), alive(kC, Liveness::down);
    publish();
    want_all();
    for (int i = 0; i < 3; ++i) pass_ms(100);
    EXPECT_EQ(existing(keys), keys.size());
    EXPECT_EQ(resident(), 0u);
}

TEST_F(Evictions, TombstonesGoToTheLogAndAreNotChosenAgain) {
    begin({});
    Connection& client = connect();
    for (int i = 0; i < 100; ++i) client("SET k" + std::to_string(i) + " " + kValue);
    want_all();
    settle_down();
    EXPECT_EQ(recount(*node->core().store).tombstones, 100);
    EXPECT_EQ(resident(), 0u);
    EXPECT_THAT(client("INFO stats"), HasSubstr("evicted_keys:100\r\n"));
    no_limit();
    EXPECT_EQ(client("SET k1 w"), "+OK\r\n");
    EXPECT_EQ(client("GET k1"), "$1\r\nw\r\n");
    expect_recount(*node->core().store, core());
}

TEST_F(Evictions, NoMoreThanAFewWaitForTheOthers) {
    begin({kB, kC});
    const std::vector<std::string> keys = keys_first_at(self, 1500);
    write(keys);
    want_all();
    for (int i = 0; i < 5; ++i) pass_ms(100);
    EXPECT_EQ(core().evictions.count(), EvictionsUnderWay::kMost);
    EXPECT_EQ(existing(keys), keys.size() - EvictionsUnderWay::kMost);
    EXPECT_EQ(core().evictions.promised_bytes(), 0u);
    while (!deletions_at(kB).empty()) pass_ms(100);
    EXPECT_EQ(core().evictions.count(), 0u);
    EXPECT_EQ(existing(keys), 0u);
}

TEST_F(Evictions, WhatWasUsedOrWrittenMeanwhileStays) {
    begin({});
    Connection& client = connect();
    client("SET k v");
    const std::string before = mark_of("k");
    client("SET k w");
    evict("k", before);
    EXPECT_EQ(client("GET k"), "$1\r\nw\r\n");
    const std::string written = mark_of("k");
    clock.advance_ms(2000);
    client("GET k");
    evict("k", written);
    EXPECT_EQ(client("GET k"), "$1\r\nw\r\n");
    evict("k", mark_of("k"));
    EXPECT_EQ(client("GET k"), "$-1\r\n");
}

TEST_F(Evictions, CoverAllSiblingsThatAreKnown) {
    begin({kB, kC});
    const std::string key = keys_first_at(self, 1).front();
    const std::vector<std::string> siblings = {cell_of(kValue, 98, stamp_now()),
                                               cell_of(kValue, 99, stamp_now())};
    for (const std::string& cell : siblings)
        feed(*link_of(kB, false), frame_of(MergeMessage{1, MergeReason::write, change_of(key, cell)}));
    want_all();
    pass_ms(100);
    const std::vector<Sent> merges = sent_to(kC, BusKind::merge);
    ASSERT_EQ(merges.size(), 1u);
    std::string_view rest = decode_merge(merges[0].body)->changes;
    const auto deletion = next_change(rest);
    std::string out;
    for (const std::string& cell : siblings)
        EXPECT_EQ(merge_cells(out, deletion->cell, cell, 10), Merged::unchanged);
}

TEST_F(Evictions, VolatilePoliciesDeleteOnlyWhatHasATimeToLive) {
    for (const std::string policy : {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"}) {
        SCOPED_TRACE(policy);
        disk = std::make_unique<SimDisk>(7);
        start_cluster({}, {"--maxmemory-policy", policy}, 1);
        Connection& client = connect();
        for (int i = 0; i < 100; ++i) {
            client("SET stays" + std::to_string(i) + " " + kValue);
            client("SET goes" + std::to_string(i) + " " + kValue + " EX 1000");
        }
        want_all();
        settle_down();
        no_limit();
        EXPECT_EQ(client("DBSIZE"), ":100\r\n");
        for (int i = 0; i < 100; ++i) EXPECT_EQ(client("EXISTS stays" + std::to_string(i)), ":1\r\n");
        EXPECT_EQ(resident(), 100u);
        stop_cluster();
    }
}

TEST_F(Evictions, AbortATransactionThatWatches) {
    begin({});
    Connection& client = connect();
    client("SET k v");
    client("WATCH k");
    want_all();
    pass_ms(100);
    no_limit();
    EXPECT_EQ(client("MULTI\nPING\nEXEC"), "+OK\r\n+QUEUED\r\n*-1\r\n");
}

// ---- without a log

TEST_F(Evictions, WithoutALogWhatIsNotOursStaysAndAWriteIsRefusedOnlyWhereItRuns) {
    begin({kB, kC}, {"--appendonly", "no"});
    const std::vector<std::string> keys = keys_first_at(kB, 100);
    write(keys);
    want_all();
    settle_down();
    EXPECT_EQ(resident(), keys.size());
    Connection& client = connect();
    const std::string oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    EXPECT_EQ(client("SET " + keys_first_at(self, 1).front() + " v"), oom);
    (void)sent_to(kB);
    EXPECT_EQ(client("SET " + keys.front() + " v"), "");
    EXPECT_EQ(sent_to(kB, BusKind::forward).size(), 1u);
}

TEST_F(Evictions, WithoutALogMemoryIsKeptByDeleting) {
    begin({}, {"--appendonly", "no"});
    limit(64 * 1024);
    Connection& client = connect();
    for (int i = 0; i < 300; ++i) EXPECT_EQ(client("SET k" + std::to_string(i) + " " + kValue), "+OK\r\n");
    EXPECT_GT(recount(*node->core().store).tombstones, 100);
    pass_ms(100);
    EXPECT_FALSE(workers[0]->core().is_above_maxmemory());
}

/// Whoever decides about the keys keeps to its own limit; and a deletion frees memory, whatever the policy.
TEST_F(Evictions, MergesAreRefusedForMemoryOnlyWhereNothingIsEvicted) {
    begin({kB, kC}, {"--appendonly", "no"});
    const std::string key = keys_first_at(kB, 1).front();
    write({key});
    want_all();
    const auto status_of = [&](const std::string& cell) {
        feed(*link_of(kB, false), frame_of(MergeMessage{7, MergeReason::write, change_of(key, cell)}));
        const std::vector<Sent> acks = sent_to(kB, BusKind::ack, false);
        EXPECT_EQ(acks.size(), 1u);
        return decode_ack(acks.at(0).body)->status;
    };
    EXPECT_EQ(status_of(cell_of(kValue, 98, stamp_now())), BusStatus::done);
    ASSERT_TRUE(config->set({{"maxmemory-policy", "noeviction"}}));
    EXPECT_EQ(status_of(cell_of(kValue, 97, stamp_now())), BusStatus::refused);
    std::string deletion;
    write_delete(deletion, cell_of(kValue, 98, stamp_now()), {96, stamp_now(1)});
    EXPECT_EQ(status_of(deletion), BusStatus::done);
}

}  // namespace
}  // namespace torc
