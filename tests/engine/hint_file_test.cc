#include "engine/hint_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/sim_disk.h"

namespace torc {
namespace {

using format::HintEntry;

constexpr uint64_t kDirectoryId = 77;
const std::string kPath = "hint";

std::vector<HintEntry> some_entries(size_t n, uint64_t seed, SlotId slots = kSlots) {
    Rng rng(seed);
    std::vector<HintEntry> entries(n);
    for (HintEntry& entry : entries) {
        entry.slot = static_cast<SlotId>(rng.below(slots));
        entry.hash = rng.next();
        entry.hash2 = rng.next();
        entry.lsn = rng.next() >> 8;
        entry.offset = static_cast<uint32_t>(rng.below(1 << 20));
        entry.size = 3;
        entry.kind = 1;
    }
    sort_hints(entries);
    return entries;
}

HintSummary summary_of(const std::vector<HintEntry>& entries) {
    return {5, entries.size(), 10, 20, 4096};
}

std::unique_ptr<HintFile> written(SimDisk& disk, const std::vector<HintEntry>& entries) {
    EXPECT_TRUE(write_hint_file(disk, kPath, summary_of(entries), kDirectoryId, entries));
    auto file = HintFile::open(disk, kPath, 5, kDirectoryId);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
}

bool same(const HintEntry& a, const HintEntry& b) {
    return a.slot == b.slot && a.hash == b.hash && a.hash2 == b.hash2 && a.lsn == b.lsn &&
           a.offset == b.offset;
}

TEST(HintFile, GivesBackItsEntriesInOrder) {
    for (const size_t n : {0, 1, 84, 85, 86, 170, 5000}) {
        SimDisk disk;
        const auto entries = some_entries(n, n);
        const auto file = written(disk, entries);
        EXPECT_EQ(file->summary().entries, n);
        EXPECT_EQ(file->summary().lowest_lsn, 10u);
        EXPECT_EQ(file->summary().highest_lsn, 20u);
        EXPECT_EQ(file->summary().segment_bytes, 4096u);
        for (const size_t buffer : {size_t{1}, size_t{3 * 4096}, size_t{1 << 20}}) {
            HintReader reader(*file, buffer);
            std::vector<HintEntry> read;
            for (;;) {
                const auto some = reader.next();
                ASSERT_TRUE(some) << some.error().message;
                if (some->empty()) break;
                read.insert(read.end(), some->begin(), some->end());
            }
            ASSERT_EQ(read.size(), n);
            EXPECT_TRUE(std::equal(read.begin(), read.end(), entries.begin(), same));
        }
    }
}

TEST(HintFile, SortsLikeAPlainSort) {
    for (const SlotId slots : {SlotId{1}, SlotId{3}, SlotId{kSlots}}) {
        auto entries = some_entries(3000, slots, slots);
        EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(), hint_less));
        HintEntry keyless{};
        keyless.slot = kNoSlot;
        entries.insert(entries.begin(), keyless);
        std::reverse(entries.begin() + 1, entries.end());
        for (size_t i = 1; i < entries.size(); i += 2) entries[i].hash %= 50;  // some share it
        auto plain = entries;
        std::sort(plain.begin(), plain.end(), hint_less);
        sort_hints(entries);
        EXPECT_TRUE(std::equal(entries.begin(), entries.end(), plain.begin(), plain.end(), same));
        EXPECT_EQ(entries.back().slot, kNoSlot);
    }
}

TEST(HintFile, FindsEveryKeyAndNoOther) {
    for (const SlotId slots : {SlotId{1}, SlotId{16}, SlotId{kSlots}}) {
        SimDisk disk;
        const auto entries = some_entries(4000, 9, slots);
        const auto file = written(disk, entries);
        for (const HintEntry& entry : entries) {
            const auto found = file->contains(entry.slot, entry.hash, entry.hash2);
            ASSERT_TRUE(found);
            EXPECT_TRUE(*found);
            EXPECT_FALSE(*file->contains(entry.slot, entry.hash, entry.hash2 + 1));
        }
        for (const HintEntry& entry : some_entries(500, 10, slots))
            EXPECT_FALSE(*file->contains(entry.slot, entry.hash, entry.hash2));
    }
}

TEST(HintFile, FindsKeysWhoseVersionsFillManyBlocks) {
    SimDisk disk;
    std::vector<HintEntry> entries(1000);
    for (size_t i = 0; i < entries.size(); ++i) {
        entries[i].slot = i < 20 ? 1 : 2;
        entries[i].lsn = i;
    }
    const auto file = written(disk, entries);
    EXPECT_TRUE(*file->contains(1, 0, 0));
    EXPECT_TRUE(*file->contains(2, 0, 0));
    EXPECT_FALSE(*file->contains(0, 0, 0));
    EXPECT_FALSE(*file->contains(3, 0, 0));
    EXPECT_FALSE(*file->contains(1, 0, 1));
}

TEST(HintFile, LookupsReadFewBlocks) {
    SimDisk disk;
    const auto entries = some_entries(85 * 200, 3);
    const auto file = written(disk, entries);
    const uint64_t before = disk.read_operations();
    for (size_t i = 0; i < entries.size(); i += 50)
        EXPECT_TRUE(*file->contains(entries[i].slot, entries[i].hash, entries[i].hash2));
    EXPECT_LT(disk.read_operations() - before, 4 * entries.size() / 50);
}

TEST(HintFile, ABitFlippedAtEveryByteIsFound) {
    SimDisk disk;
    const auto entries = some_entries(100, 4);
    written(disk, entries).reset();
    const uint64_t size = *(*disk.open(kPath, false))->size();
    for (uint64_t at = 0; at < size; ++at) {
        disk.flip_bit(kPath, at, at % 8);
        const auto file = HintFile::open(disk, kPath, 5, kDirectoryId);
        if (file) {
            EXPECT_GE(at, format::kHintBlock);
            HintReader reader(**file, 1 << 20);
            auto some = reader.next();
            while (some && !some->empty()) some = reader.next();
            ASSERT_FALSE(some) << at;
            EXPECT_EQ(some.error().kind, ErrorKind::corrupt) << at;
        } else {
            EXPECT_EQ(file.error().kind, ErrorKind::corrupt) << at;
        }
        disk.flip_bit(kPath, at, at % 8);
    }
}

TEST(HintFile, BlocksInTheWrongPlaceAreFound) {
    SimDisk disk;
    written(disk, some_entries(85 * 3, 4)).reset();
    const auto file = *disk.open(kPath, true);
    std::string first(4096, 0), second(4096, 0);
    ASSERT_TRUE(file->read_at(4096, first));
    ASSERT_TRUE(file->read_at(8192, second));
    const std::string_view a = second, b = first;
    ASSERT_TRUE(file->write_at(4096, {&a, 1}));
    ASSERT_TRUE(file->write_at(8192, {&b, 1}));
    const auto opened = HintFile::open(disk, kPath, 5, kDirectoryId);
    ASSERT_TRUE(opened);
    EXPECT_FALSE(HintReader(**opened, 1 << 20).next());
    EXPECT_FALSE((*opened)->contains(1, 2, 3));
}

TEST(HintFile, RefusesForeignMissingAndCutFiles) {
    SimDisk disk;
    EXPECT_EQ(HintFile::open(disk, kPath, 5, kDirectoryId).error().kind, ErrorKind::not_found);
    written(disk, some_entries(100, 4)).reset();
    EXPECT_EQ(HintFile::open(disk, kPath, 6, kDirectoryId).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(HintFile::open(disk, kPath, 5, kDirectoryId + 1).error().kind, ErrorKind::refused);
    ASSERT_TRUE((*disk.open(kPath, true))->truncate(3 * 4096 - 1));
    EXPECT_EQ(HintFile::open(disk, kPath, 5, kDirectoryId).error().kind, ErrorKind::corrupt);
    ASSERT_TRUE((*disk.open(kPath, true))->truncate(100));
    EXPECT_EQ(HintFile::open(disk, kPath, 5, kDirectoryId).error().kind, ErrorKind::corrupt);
}

TEST(HintFile, EveryOperationOfWritingMayFail) {
    const auto entries = some_entries(300, 4);
    for (uint64_t n = 1;; ++n) {
        SimDisk disk;
        disk.fail_at(n, ErrorKind::no_space, false);
        const auto result = write_hint_file(disk, kPath, summary_of(entries), kDirectoryId, entries);
        if (disk.operations() < n) {
            EXPECT_TRUE(result);
            break;
        }
        ASSERT_FALSE(result) << n;
        EXPECT_EQ(result.error().kind, ErrorKind::no_space);
        // Written again, over what the failed attempt left.
        written(disk, entries);
    }
}

TEST(HintFile, EntriesOfRecords) {
    RecordView record;
    record.kind = format::RecordKind::put;
    record.key = "key";
    record.slot = 12;
    record.db = 3;
    record.lsn = 99;
    record.expire_at_ms = 5;
    record.padded_size = 64;
    HintEntry entry = hint_entry_for(record, 4096, 1);
    EXPECT_EQ(entry.slot, 12);
    EXPECT_EQ(entry.db, 3);
    EXPECT_EQ(entry.lsn, 99u);
    EXPECT_EQ(entry.expire_at_ms, 5);
    EXPECT_EQ(entry.offset, 256u);
    EXPECT_EQ(entry.size, 4u);
    EXPECT_EQ(entry.flags, 0);
    EXPECT_NE(entry.hash, entry.hash2);
    EXPECT_NE(entry.hash, hint_entry_for(record, 4096, 2).hash);
    record.value_damaged = true;
    EXPECT_EQ(hint_entry_for(record, 4096, 1).flags, format::kHintDamagedValue);
    record = {};
    record.kind = format::RecordKind::swap;
    record.value = "\x02\x07";
    entry = hint_entry_for(record, 64, 1);
    EXPECT_EQ(entry.slot, kNoSlot);
    EXPECT_EQ(entry.db, 2);
    EXPECT_EQ(entry.type, 7);
    EXPECT_FALSE(has_hint_entry(format::RecordKind::batch));
    EXPECT_FALSE(has_hint_entry(format::RecordKind::sync_mark));
    EXPECT_TRUE(has_hint_entry(format::RecordKind::flush));
}

}  // namespace
}  // namespace torc
