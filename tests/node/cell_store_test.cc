// Merkle trees and counts agree with what is there, whatever happened: in memory, on disk, after a restart.
#include "node/cell_store.h"

#include <gmock/gmock.h>

#include "base/rng.h"
#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

class Cells : public ClusterFixture {
  protected:
    /// Alone: every command ends here.
    void begin(bool small = false) {
        start_cluster({}, {}, 1);
        if (small) {
            const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
            ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
        }
    }
    uint64_t cold() { return node->core().store->stats().keys - node->core().store->stats().resident_keys; }
    void run_random(Rng& rng, int steps, size_t value_size) {
        Connection& client = connect();
        const std::string value(value_size, 'v');
        for (int step = 0; step < steps; ++step) {
            const std::string key = (rng.below(3) == 0 ? "{t}" : "k") + std::to_string(rng.below(200));
            const std::string number = "n" + std::to_string(rng.below(20));
            switch (rng.below(14)) {
                case 0:
                case 1:
                case 2:
                case 3:
                    client("SET " + key + " " + value + std::to_string(step));
                    break;
                case 4:
                    client("SET " + key + " v PX " + std::to_string(1 + rng.below(5000)));
                    break;
                case 5:
                    client("DEL " + key);
                    break;
                case 6:
                    client("APPEND " + key + " more");
                    break;
                case 7:
                    client("INCRBY " + number + " " + std::to_string(rng.below(1000)));
                    break;
                case 8:
                    client("INCRBYFLOAT " + number + " 0.25");
                    break;
                case 9:
                    client("PEXPIRE " + key + " " + std::to_string(rng.below(3000)));
                    break;
                case 10:
                    client("SETRANGE " + key + " 1 x");
                    break;
                case 11:
                    client("MULTI\nSET {t}1 a\nDEL {t}2\nGETDEL {t}3\nEXEC");
                    break;
                case 12:
                    pass_ms(static_cast<int64_t>(rng.below(400)));
                    break;
                default:
                    client("GET " + key);
            }
        }
    }
};

TEST_F(Cells, CountsAndTreesAgreeAfterRandomCommands) {
    const uint64_t seed = 31;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    begin();
    for (int round = 0; round < 5; ++round) {
        run_random(rng, 300, 10);
        expect_recount(*node->core().store, core());
    }
}

TEST_F(Cells, TheyAgreeWhileKeysAreOnDiskAndAfterARestart) {
    const uint64_t seed = 32;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    begin(true);
    for (int round = 0; round < 4; ++round) {
        run_random(rng, 300, 900);
        EXPECT_GT(cold(), 0u);
        expect_recount(*node->core().store, core());
    }
    const Recount before = recount(*node->core().store);
    stop_cluster();
    start_node();
    expect_recount(*node->core().store, core());
    const Recount after = recount(*node->core().store);
    EXPECT_EQ(before.entries, after.entries);
}

TEST_F(Cells, FlushLeavesTombstonesThatAreCounted) {
    const uint64_t seed = 33;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    begin(true);
    run_random(rng, 400, 900);
    Connection& client = connect();
    EXPECT_EQ(client("FLUSHALL"), "+OK\r\n");
    expect_recount(*node->core().store, core());
    EXPECT_EQ(client("DBSIZE"), ":0\r\n");
    EXPECT_GT(recount(*node->core().store).tombstones, 0);
}

TEST_F(Cells, ForgettingTakesOnlyWhatIsStillTheSame) {
    begin();
    Connection& client = connect();
    client("SET a 1");
    client("SET b 1");
    const auto digest_of = [&](std::string_view key) {
        const Lookup found =
            node->core().store->lookup(0, make_key_ref(key, node->core().store->hash_seed()));
        const uint64_t digest = CellView::parse(found.record->value())->digest();
        return digest;
    };
    const uint64_t a = digest_of("a"), b = digest_of("b");
    client("SET b 2");
    link(kB, false);
    feed(*[&] { return link_of(kB, false); }(), frame_of(ReapMessage{1, {{"a", a}}}));
    feed(*link_of(kB, false), frame_of(ReapMessage{2, {{"b", b}}}));
    feed(*link_of(kB, false), frame_of(ReapMessage{3, {{"nosuch", b}}}));
    EXPECT_EQ(client("EXISTS a"), ":0\r\n");
    EXPECT_EQ(client("GET b"), "$1\r\n2\r\n");
    expect_recount(*node->core().store, core());
    EXPECT_EQ(recount(*node->core().store).tombstones, 0);
}

TEST(CellFactsTest, OfEachKindOfCell) {
    std::string cell;
    write_value(cell, {}, {7, 1000}, "v", 5000);
    const CellFacts live = cell_facts("k", cell);
    EXPECT_TRUE(live.exists && live.has_expiry);
    EXPECT_EQ(live.bytes, 1 + cell.size());
    EXPECT_EQ(live.entry, entry_hash("k", CellView::parse(cell)->digest()));
    std::string tombstone;
    write_delete(tombstone, cell, {7, 1001});
    const CellFacts dead = cell_facts("k", tombstone);
    EXPECT_FALSE(dead.exists || dead.has_expiry);
    EXPECT_NE(dead.entry, 0u);
    EXPECT_NE(dead.entry, live.entry);
}

}  // namespace
}  // namespace torc
