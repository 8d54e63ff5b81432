#include "engine/hash_index.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/rng.h"
#include "engine/reclaimer.h"

namespace torc {
namespace {

constexpr uint64_t kSeed = 99;

class Table {
  public:
    ~Table() {
        for (auto& [hash, record] : records_)
            if (record != nullptr) Record::destroy(record);
        HashIndex::Context c = context();
        index.clear(c);
        bytes += c.bytes_delta;
        EXPECT_EQ(bytes, 0);
        EXPECT_EQ(index.size(), 0u);
    }

    HashIndex::Context context() { return {reclaimer, kSeed}; }

    /// In RAM, or cold when `address` is given.
    uint64_t insert(uint64_t id, LogAddress address = {}) {
        const std::string key = "key:" + std::to_string(id);
        const uint64_t hash = hash64(key, kSeed);
        Record* record = address ? nullptr : Record::create(key, ValueType::string, "", kNoExpiry);
        HashIndex::Context c = context();
        index.insert(hash, record != nullptr ? IndexEntry::resident(record) : IndexEntry::cold(address), c);
        bytes += c.bytes_delta;
        records_[hash] = record;
        return hash;
    }
    HashIndex::Place find(uint64_t hash, LogAddress address = {}) {
        HashIndex::Place found = nullptr;
        index.match(hash, [&](IndexEntry entry, HashIndex::Place place) {
            if (entry.is_cold() ? entry.address() != address : entry.record() != records_[hash]) return false;
            found = place;
            return true;
        });
        return found;
    }
    void erase(uint64_t hash, LogAddress address = {}) {
        HashIndex::Place place = find(hash, address);
        ASSERT_NE(place, nullptr);
        HashIndex::Context c = context();
        index.erase(hash, place, c);
        bytes += c.bytes_delta;
        if (records_[hash] != nullptr) Record::destroy(records_[hash]);
        records_.erase(hash);
    }

    Reclaimer reclaimer;
    HashIndex index;
    int64_t bytes = 0;

  private:
    std::map<uint64_t, Record*> records_;
};

TEST(HashIndex, IsEmptyAtFirst) {
    Table table;
    EXPECT_EQ(table.index.size(), 0u);
    EXPECT_FALSE(table.index.match(123, [](IndexEntry, HashIndex::Place) { return true; }));
    EXPECT_EQ(table.index.walk(0, [](IndexEntry, HashIndex::Place) { FAIL(); }), HashIndex::kEndPosition);
    table.index.prefetch_bucket(5);
    table.index.prefetch_record(5);
}

TEST(HashIndex, RandomOperationsAgainstAModel) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        Rng rng(seed);
        Table table;
        std::map<uint64_t, std::pair<uint64_t, LogAddress>> model;  // id -> hash, address
        for (int phase = 0; phase < 6; ++phase) {
            const bool growing = phase % 2 == 0;
            for (int i = 0; i < 4000; ++i) {
                const uint64_t id = rng.below(20000);
                auto found = model.find(id);
                if (found == model.end()) {
                    if (!growing && rng.below(4) != 0) continue;
                    const LogAddress address{rng.below(3) == 0 ? id + 1 : 0};
                    model[id] = {table.insert(id, address), address};
                } else if (!growing || rng.below(4) == 0) {
                    table.erase(found->second.first, found->second.second);
                    model.erase(found);
                }
            }
            while (!growing && phase == 5 && !model.empty()) {
                table.erase(model.begin()->second.first, model.begin()->second.second);
                model.erase(model.begin());
            }
            ASSERT_EQ(table.index.size(), model.size()) << "seed " << seed;
            for (const auto& [id, where] : model)
                ASSERT_NE(table.find(where.first, where.second), nullptr) << "seed " << seed << " id " << id;
        }
        EXPECT_EQ(table.bytes, 0) << "an empty table keeps nothing";
    }
}

// Past kMaxArray buckets, into chunks, over several directories and back.
TEST(HashIndex, OneTableGrowsAndShrinksWithoutEnd) {
    Table table;
    constexpr uint64_t kKeys = 120'000;
    std::vector<uint64_t> hashes;
    for (uint64_t i = 0; i < kKeys; ++i) hashes.push_back(table.insert(i));
    EXPECT_GT(table.index.buckets(), 16'000u);
    EXPECT_LT(table.bytes, static_cast<int64_t>(14 * kKeys));
    for (const uint64_t hash : hashes) ASSERT_NE(table.find(hash), nullptr);
    for (uint64_t i = 0; i < kKeys - 100; ++i) table.erase(hashes[i]);
    EXPECT_LT(table.index.buckets(), 64u);
    for (uint64_t i = kKeys - 100; i < kKeys; ++i) ASSERT_NE(table.find(hashes[i]), nullptr);
}

// Tags are refilled from the keys of records in RAM: a miss rarely meets an entry, however deep the table is.
TEST(HashIndex, ADeepTableStillFilters) {
    Table table;
    for (uint64_t i = 0; i < 100'000; ++i) table.insert(i);
    uint64_t met = 0;
    for (uint64_t i = 0; i < 10'000; ++i)
        table.index.match(hash64("absent:" + std::to_string(i), kSeed), [&](IndexEntry, HashIndex::Place) {
            ++met;
            return false;
        });
    EXPECT_LT(met, 100u);
}

TEST(HashIndex, AReservedTableHasFullTagsForColdEntries) {
    Table table;
    HashIndex::Context c = table.context();
    table.index.reserve(50'000, c);
    table.bytes += c.bytes_delta;
    const uint64_t buckets = table.index.buckets();
    std::vector<uint64_t> hashes;
    for (uint64_t i = 0; i < 50'000; ++i) hashes.push_back(table.insert(i, LogAddress{i + 1}));
    EXPECT_EQ(table.index.buckets(), buckets);
    uint64_t met = 0;
    for (uint64_t i = 0; i < 10'000; ++i)
        table.index.match(hash64("absent:" + std::to_string(i), kSeed), [&](IndexEntry, HashIndex::Place) {
            ++met;
            return false;
        });
    EXPECT_LT(met, 5u);
    for (uint64_t i = 0; i < 50'000; ++i) ASSERT_NE(table.find(hashes[i], LogAddress{i + 1}), nullptr);
    // Shrinking below the size the tags were made for.
    for (uint64_t i = 0; i < 49'990; ++i) table.erase(hashes[i], LogAddress{i + 1});
    for (uint64_t i = 49'990; i < 50'000; ++i) ASSERT_NE(table.find(hashes[i], LogAddress{i + 1}), nullptr);
}

TEST(HashIndex, ReplaceKeepsTheTag) {
    Table table;
    const uint64_t hash = table.insert(1, LogAddress{77});
    HashIndex::replace(table.find(hash, LogAddress{77}), IndexEntry::cold({88}));
    EXPECT_EQ(table.find(hash, LogAddress{77}), nullptr);
    EXPECT_NE(table.find(hash, LogAddress{88}), nullptr);
}

TEST(HashIndex, EqualHashesShareABucketWithoutBound) {
    Table table;
    HashIndex::Context c = table.context();
    for (uint64_t i = 1; i <= 500; ++i) table.index.insert(0xabc, IndexEntry::cold({i}), c);
    std::set<uint64_t> seen;
    table.index.match(0xabc, [&](IndexEntry entry, HashIndex::Place) {
        seen.insert(entry.address().units);
        return false;
    });
    EXPECT_EQ(seen.size(), 500u);
    table.bytes += c.bytes_delta;
}

// A key that's there from the first step of a walk to the last is visited, whatever happens in between.
TEST(HashIndex, AWalkMissesNothingThatStays) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        Rng rng(seed);
        Table table;
        std::set<uint64_t> staying;
        for (uint64_t i = 1; i <= 300; ++i) {
            table.insert(i, LogAddress{i});
            staying.insert(i);
        }
        std::map<uint64_t, uint64_t> others;  // id -> hash
        uint64_t next = 1000;
        for (uint64_t i = rng.below(3000); i > 0; --i, ++next)
            others[next] = table.insert(next, LogAddress{next});
        std::set<uint64_t> seen;
        const bool growing = seed % 2 == 0;
        for (uint64_t position = 0; position != HashIndex::kEndPosition;) {
            position = table.index.walk(
                position, [&](IndexEntry entry, HashIndex::Place) { seen.insert(entry.address().units); });
            for (uint64_t i = rng.below(40); i > 0; --i) {
                if (growing ? rng.below(10) > 0 : rng.below(10) == 0) {
                    others[next] = table.insert(next, LogAddress{next});
                    ++next;
                } else if (!others.empty()) {
                    table.erase(others.begin()->second, LogAddress{others.begin()->first});
                    others.erase(others.begin());
                }
            }
        }
        for (const uint64_t id : staying) ASSERT_TRUE(seen.contains(id)) << "seed " << seed << " id " << id;
    }
}

TEST(HashIndex, AWalkOfAQuietTableVisitsEachOnce) {
    Table table;
    for (uint64_t i = 1; i <= 1234; ++i) table.insert(i, LogAddress{i});
    std::map<uint64_t, int> seen;
    uint64_t last = 0;
    for (uint64_t position = 0; position != HashIndex::kEndPosition; last = position) {
        position = table.index.walk(
            position, [&](IndexEntry entry, HashIndex::Place) { ++seen[entry.address().units]; });
        ASSERT_GT(position, last);
    }
    EXPECT_EQ(seen.size(), 1234u);
    for (const auto& [id, count] : seen) EXPECT_EQ(count, 1);
}

TEST(HashIndex, PositionsAreReversedHashes) {
    EXPECT_EQ(position_of(0), 0u);
    EXPECT_EQ(position_of(1), 1ULL << (HashIndex::kPositionBits - 1));
    Rng rng(5);
    for (int i = 0; i < 1000; ++i) {
        const uint64_t hash = rng.next();
        EXPECT_EQ(hash_at(position_of(hash)), hash & (HashIndex::kEndPosition - 1));
    }
}

// The design's memory figure: 10 M keys over all slots are 610 keys per table.
TEST(HashIndex, BytesPerKeyStayInTheBudget) {
    for (const unsigned per_table : {61U, 305U, 610U, 1220U}) {
        int64_t bytes = 0;
        uint64_t keys = 0;
        Reclaimer reclaimer;
        Rng rng(per_table);
        constexpr int kTables = 300;
        std::vector<std::unique_ptr<HashIndex>> tables;
        HashIndex::Context c{reclaimer, kSeed};
        for (int t = 0; t < kTables; ++t) tables.push_back(std::make_unique<HashIndex>());
        for (; keys < uint64_t{kTables} * per_table; ++keys)
            tables[rng.below(kTables)]->insert(rng.next(), IndexEntry::cold({keys + 1}), c);
        bytes = c.bytes_delta + kTables * static_cast<int64_t>(sizeof(HashIndex));
        const double per_key = static_cast<double>(bytes) / static_cast<double>(keys);
        RecordProperty("bytes_per_key_" + std::to_string(per_table), std::to_string(per_key));
        std::printf("%u keys per table: %.2f bytes per key\n", per_table, per_key);
        EXPECT_LE(per_key, per_table == 610 ? 13.5 : 14.5);
        for (auto& table : tables) table->clear(c);
    }
}

// Prefetching threads read tables without a lock while they grow and shrink: a matter for TSan and ASan.
TEST(HashIndex, PrefetchingBesideGrowthIsSafe) {
    Table table;
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (unsigned t = 0; t < 2; ++t)
        readers.emplace_back([&, t] {
            Rng rng(t);
            while (!stop) {
                table.reclaimer.quiescent(t);
                for (int i = 0; i < 100; ++i) {
                    const uint64_t hash = rng.next();
                    table.index.prefetch_bucket(hash);
                    table.index.prefetch_record(hash);
                }
            }
            table.reclaimer.offline(t);
        });
    std::vector<uint64_t> hashes;
    for (int round = 0; round < 3; ++round) {
        for (uint64_t i = 0; i < 12'000; ++i) hashes.push_back(table.insert(i));
        while (!hashes.empty()) {
            table.erase(hashes.back());
            hashes.pop_back();
        }
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    table.reclaimer.drain();
    EXPECT_EQ(table.reclaimer.waiting(), 0u);
}

}  // namespace
}  // namespace torc
