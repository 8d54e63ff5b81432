// A cell that rots on disk, on a node whose peers have it.
#include <gmock/gmock.h>

#include "node/cell_copy.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class DamagedCells : public ClusterFixture {
  protected:
    /// Leaves one key on disk only.
    void begin() {
        start_cluster({kB}, {"--write-consistency", "one", "--read-consistency", "one"}, 2);
        client_ = &connect();
        const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
        ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
        for (int i = 0; i < 200; ++i) (*client_)("SET " + key(i) + " " + value(i));
        for (int i = 0; i < 200 && cold_ < 0; ++i)
            if (state(key(i)) == Lookup::State::cold) cold_ = i;
        ASSERT_GE(cold_, 0);
        slot_ = key_slot(key(0));
    }
    static std::string key(int i) { return "{t}" + std::to_string(i); }
    static std::string value(int i) { return "value-" + std::to_string(i) + "-" + std::string(1000, 'v'); }
    Lookup::State state(std::string_view name) {
        Store& store = *node->core().store;
        return store.lookup(0, make_key_ref(name, store.hash_seed())).state;
    }
    void rot(const std::string& needle) {
        node->sync_step();
        const auto names = disk->list(config->text("dir"));
        ASSERT_TRUE(names);
        for (const std::string& name : *names) {
            const std::string path = config->text("dir") + "/" + name;
            auto file = disk->open(path, false);
            if (!file) continue;
            std::string bytes(*(*file)->size(), '\0');
            if (!(*file)->read_at(0, std::span(bytes.data(), bytes.size()))) continue;
            if (const size_t at = bytes.find(needle); at != std::string::npos)
                return disk->flip_bit(path, at + 3, 2);
        }
        FAIL() << needle << " is nowhere";
    }

    Connection* client_ = nullptr;
    int cold_ = -1;
    SlotId slot_ = 0;
};

// Its tree still counts the cell: an exchange would find both copies equal, and the key would stay lost here.
TEST_F(DamagedCells, TheTreeTellsThatOneIsMissingUntilItsBack) {
    begin();
    const std::string name = key(cold_);
    const ShardId shard = shard_of(slot_);
    const uint64_t whole = core().forest.root(shard);
    const int64_t keys = core().cells[shard].keys.load(), bytes = core().cells[shard].bytes.load();
    // What the other replica has.
    const std::vector<Sent> merges = sent_to(kB, BusKind::merge);
    ASSERT_GT(merges.size(), static_cast<size_t>(cold_));
    const auto merge = decode_merge(merges[static_cast<size_t>(cold_)].body);
    ASSERT_TRUE(merge);
    const std::string theirs(merge->changes);

    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_THAT((*client_)("GET " + name), StartsWith("-CORRUPT this node's copy"));
    EXPECT_FALSE(core().settled(shard));
    EXPECT_NE(core().forest.root(shard), whole);
    EXPECT_EQ(core().cells[shard].keys.load(), keys - 1);

    feed(*link_of(kB, false), frame_of(MergeMessage{0, MergeReason::repair, theirs}));
    EXPECT_EQ(core().cells[shard].keys.load(), keys);
    EXPECT_EQ(core().cells[shard].bytes.load(), bytes);
    CellCopy copy(workers[0]->core(), core());
    for (int i = 0; i < 3; ++i) {
        workers[0]->begin_turn();
        (void)copy.correct_leaves(slot_);
        workers[0]->end_turn();
        run_blocking(0);
    }
    EXPECT_EQ(core().forest.root(shard), whole);
}

// Spoiling the tree twice would leave it as if nothing had been lost.
TEST_F(DamagedCells, WhatTwoFindAtOnceIsLostOnce) {
    begin();
    const std::string name = key(cold_);
    const ShardId shard = shard_of(slot_);
    const uint64_t whole = core().forest.root(shard);
    const int64_t keys = core().cells[shard].keys.load();
    rot("value-" + std::to_string(cold_) + "-");
    Connection& other = connect();
    client_->send_only("GET " + name + "\r\n");
    other.send_only("GET " + name + "\r\n");
    for (int i = 0; i < 3; ++i) settle(), run_blocking(0);
    EXPECT_THAT(client_->take() + other.take(), HasSubstr("-CORRUPT this node's copy"));
    EXPECT_NE(core().forest.root(shard), whole);
    EXPECT_EQ(core().cells[shard].keys.load(), keys - 1);
}

TEST_F(DamagedCells, NobodyDecidesOnWhatIsLeft) {
    begin();
    rot("value-" + std::to_string(cold_) + "-");
    EXPECT_THAT((*client_)("SET " + key(cold_) + " mine NX"), StartsWith("-CORRUPT this node's copy"));
    EXPECT_EQ(state(key(cold_)), Lookup::State::absent);
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
