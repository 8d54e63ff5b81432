#include "node/keyspace.h"

#include <gmock/gmock.h>

#include <set>

#include "cluster/slots.h"
#include "node_fixture.h"

namespace torc {
namespace {

using ::testing::IsEmpty;

/// A face of database 0 on its own, beside the workers'.
class SlotWalk : public NodeFixture {
  protected:
    static constexpr size_t kAll = 1000;

    std::set<std::string> walk(SlotId slot, size_t most = kAll) {
        NodeCore& core = node->core();
        WriteBatch batch;
        HeldLocks locks(*core.store);
        KeyspaceCounters counters;
        RunningCommand run(*core.store, core.watches, batch, locks, counters);
        run.now_ms = clock.wall_ms();
        run.cold_names = &known_;
        std::vector<std::unique_ptr<StoreKeyspace>> faces;
        faces.push_back(std::make_unique<StoreKeyspace>(run, faces, 0));
        faces[0]->begin();
        std::set<std::string> keys;
        faces[0]->scan_slot(slot, most, [&keys](std::string_view key, ValueType type) {
            EXPECT_EQ(type, ValueType::string);
            EXPECT_TRUE(keys.emplace(key).second) << key << " twice";
        });
        unfinished_ = faces[0]->unfinished();
        lock_missed_ = run.lock_missed;
        wanted_ = run.wanted;
        return keys;
    }

    ColdNames known_;
    std::vector<LogAddress> wanted_;
    bool unfinished_ = false, lock_missed_ = false;
};

TEST_F(SlotWalk, VisitsTheSlotsKeysAndNoOthers) {
    start();
    Connection& client = connect();
    std::set<std::string> here;
    for (int i = 0; i < 100; ++i) {
        here.insert("{t}" + std::to_string(i));
        client("SET {t}" + std::to_string(i) + " v");
        client("SET other" + std::to_string(i) + " v");
    }
    const SlotId slot = key_slot("{t}");
    EXPECT_EQ(walk(slot), here);
    EXPECT_EQ(walk(slot, 7).size(), 7u);
    EXPECT_THAT(walk(slot, 0), IsEmpty());
    // Around it, where only keys of others may be.
    for (const int next : {-1, 1})
        for (const std::string& key : walk(static_cast<SlotId>((slot + next) % kSlots)))
            EXPECT_EQ(key_slot(key), (slot + next) % kSlots);
    client("PEXPIRE {t}5 1000");
    clock.advance_ms(1001);
    here.erase("{t}5");
    EXPECT_EQ(walk(slot), here);
    EXPECT_FALSE(unfinished_);
}

TEST_F(SlotWalk, AsksForNamesThatAreOnDisk) {
    start();
    const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
    ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    Connection& client = connect();
    const std::string value(1000, 'v');
    for (int i = 0; i < 300; ++i) client("SET {t}" + std::to_string(i) + " " + value);
    const SlotId slot = key_slot("{t}");
    const size_t resident = walk(slot).size();
    ASSERT_LT(resident, 300u);
    EXPECT_TRUE(unfinished_);
    EXPECT_EQ(wanted_.size(), 300 - resident);
    // No more than can be shown.
    walk(slot, 10);
    EXPECT_LE(wanted_.size(), 10u);
    walk(slot);
    for (size_t i = 0; i < wanted_.size(); ++i) {
        ColdName name;
        name.key = "cold" + std::to_string(i);
        known_.emplace(wanted_[i].units, name);
    }
    EXPECT_EQ(walk(slot).size(), 300u);
    EXPECT_FALSE(unfinished_);
}

TEST_F(SlotWalk, WaitsForTheShard) {
    start();
    connect()("SET {t}1 v");
    const SlotId slot = key_slot("{t}");
    ShardLock& lock = node->core().store->shard_lock(shard_of(slot));
    ASSERT_TRUE(lock.try_lock());
    EXPECT_THAT(walk(slot), IsEmpty());
    EXPECT_TRUE(unfinished_ && lock_missed_);
    lock.unlock();
    EXPECT_EQ(walk(slot).size(), 1u);
}

}  // namespace
}  // namespace torc
