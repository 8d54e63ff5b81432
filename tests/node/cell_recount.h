// What a clustered node's counts and Merkle trees have to be, counted anew from its store.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "engine/store.h"
#include "node/cell_store.h"
#include "node/keyspace.h"

namespace torc {

struct Recount {
    struct Shard {
        int64_t keys = 0, tombstones = 0, with_expiry = 0, bytes = 0;
        uint64_t root = 0;
    };
    std::vector<Shard> shards{kShards};
    int64_t tombstones = 0;
    std::map<std::string, uint64_t> entries;  // by key
};

inline Recount recount(Store& store) {
    Recount all;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        Recount::Shard& shard = all.shards[slot / kSlotsPerShard];
        store.walk_slot(0, static_cast<SlotId>(slot), [&](Record* record, LogAddress address) {
            std::string key, cell;
            if (record != nullptr) {
                key = record->key(), cell = record->value();
                EXPECT_EQ(record->type(), ValueType::cell) << key;
            } else {
                const auto stored = store.segments().read(address, 0);
                ASSERT_TRUE(stored) << stored.error().message;
                key = stored->key, cell = stored->value;
                EXPECT_EQ(stored->type, ValueType::cell) << key;
            }
            const CellFacts facts = cell_facts(key, cell);
            (facts.exists ? shard.keys : shard.tombstones) += 1;
            shard.with_expiry += facts.has_expiry ? 1 : 0;
            shard.bytes += static_cast<int64_t>(facts.bytes);
            shard.root ^= facts.entry;
            all.tombstones += facts.exists ? 0 : 1;
            EXPECT_TRUE(all.entries.emplace(key, facts.entry).second) << key << " twice";
        });
    }
    return all;
}

inline void expect_recount(Store& store, const ClusterCore& cluster) {
    const Recount all = recount(store);
    for (unsigned s = 0; s < kShards; ++s) {
        const ShardCells& cells = cluster.cells[s];
        const Recount::Shard& shard = all.shards[s];
        EXPECT_EQ(cells.keys.load(), shard.keys) << s;
        EXPECT_EQ(cells.tombstones.load(), shard.tombstones) << s;
        EXPECT_EQ(cells.with_expiry.load(), shard.with_expiry) << s;
        EXPECT_EQ(cells.bytes.load(), shard.bytes) << s;
        EXPECT_EQ(cluster.forest.root(static_cast<ShardId>(s)), shard.root) << s;
    }
}

}  // namespace torc
