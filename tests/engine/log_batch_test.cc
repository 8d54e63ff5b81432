#include "engine/log_batch.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/record_codec.h"
#include "engine/segment_set_writer.h"
#include "tests/engine/log_fixture.h"

namespace torc {
namespace {

constexpr uint64_t kDirectory = 0x1234567;

std::string stamped(format::RecordKind kind, std::string_view key, std::string_view value, int64_t expire,
                    Lsn lsn = 99) {
    std::string bytes;
    encode_record(bytes,
                  {.kind = kind, .db = 3, .slot = 1234, .key = key, .value = value, .expire_at_ms = expire});
    stamp_record(bytes.data(), record_pre_hash(bytes.data()), kDirectory, lsn);
    return bytes;
}

TEST(RecordCodec, ReadsWhatItWrote) {
    for (const size_t key : {0, 1, 16, 17, 300}) {
        for (const size_t value : {0, 1, 100, 5000}) {
            for (const int64_t expire : {kNoExpiry, int64_t{0}, int64_t{1} << 60}) {
                const std::string k(key, 'k'), v(value, 'v');
                const std::string bytes = stamped(format::RecordKind::put, k, v, expire);
                EXPECT_EQ(bytes.size() % 16, 0u);
                EXPECT_EQ(announced_size(bytes.data()), bytes.size());
                const auto record = parse_record(bytes, kDirectory);
                ASSERT_TRUE(record);
                EXPECT_EQ(record->key, k);
                EXPECT_EQ(record->value, v);
                EXPECT_EQ(record->expire_at_ms, expire);
                EXPECT_EQ(record->lsn, 99u);
                EXPECT_EQ(record->slot, 1234);
                EXPECT_EQ(record->db, 3);
                EXPECT_EQ(record->padded_size, bytes.size());
                EXPECT_FALSE(record->value_damaged);
                EXPECT_FALSE(parse_record(bytes, kDirectory + 1)) << "of another directory";
            }
        }
    }
}

// Header and key damaged: no record. Value or padding: the key is still named.
TEST(RecordCodec, EveryBitOfEveryByteIsCovered) {
    for (const int64_t expire : {kNoExpiry, int64_t{1234567}}) {
        const std::string bytes =
            stamped(format::RecordKind::put, "some key", "a value of some length", expire);
        const size_t head = 32 + (expire == kNoExpiry ? 0 : 8) + 8;
        for (size_t at = 0; at < bytes.size(); ++at) {
            for (int bit = 0; bit < 8; ++bit) {
                std::string flipped = bytes;
                flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
                const auto record = parse_record(flipped, kDirectory);
                if (at < head) {
                    EXPECT_FALSE(record) << at << "/" << bit;
                } else {
                    ASSERT_TRUE(record) << at;
                    EXPECT_TRUE(record->value_damaged) << at;
                    EXPECT_TRUE(record->value.empty());
                    EXPECT_EQ(record->key, "some key");
                }
            }
        }
    }
}

TEST(RecordCodec, CutAtEveryByte) {
    const std::string bytes = stamped(format::RecordKind::put, "some key", "a value of some length", 5);
    for (size_t size = 0; size < bytes.size(); ++size) {
        const auto record = parse_record(std::string_view(bytes).substr(0, size), kDirectory);
        EXPECT_EQ(record.has_value(), size >= 48) << size;
        if (record) {
            EXPECT_TRUE(record->cut);
            EXPECT_TRUE(record->value_damaged);
        }
    }
}

TEST(RecordCodec, ImplausibleHeadersAnnounceNothing) {
    const std::string good = stamped(format::RecordKind::tombstone, "key", "", kNoExpiry);
    EXPECT_NE(announced_size(good.data()), 0u);
    for (const auto& [at, value] : std::initializer_list<std::pair<size_t, char>>{
             {27, 0}, {27, 8}, {29, 8}, {30, 1}, {31, 1}, {20, 1}}) {
        std::string bad = good;
        bad[at] = value;
        EXPECT_EQ(announced_size(bad.data()), 0u) << at;
    }
    EXPECT_EQ(announced_size(std::string(32, '\0').data()), 0u);
}

TEST(LogBatch, OneChangeIsAPlainRecord) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    LogBatch batch;
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.add_put(0, f.key("key"), ValueType::string, "value", kNoExpiry), 0u);
    EXPECT_EQ(batch.size(), 1u);
    EXPECT_EQ(batch.byte_size(), 48u);
    EXPECT_EQ(batch.change(0).size, 48u);
    f.append(batch);
    ASSERT_TRUE(f.log->flush());
    EXPECT_EQ(f.set->list()[0].bytes, 64u + 48u);
}

TEST(LogBatch, SeveralChangesAreMarkedAndFramed) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    LogBatch batch;
    batch.add_put(0, f.key("a"), ValueType::string, "1", kNoExpiry);
    batch.add_put(0, f.key("b"), ValueType::string, "2", kNoExpiry);
    f.append(batch);
    ASSERT_TRUE(f.log->flush());
    const std::string bytes = read_file(f.disk, "data/0000000000000001.seg")->substr(64);
    const uint64_t id = SegmentSetWriter::of(*f.set).directory_id();
    const auto opener = parse_record(bytes, id);
    ASSERT_TRUE(opener);
    EXPECT_EQ(opener->kind, format::RecordKind::batch);
    EXPECT_EQ(opener->batch_count, 2u);
    EXPECT_EQ(opener->batch_bytes, 96u);
    EXPECT_EQ(opener->lsn, batch.change(1).lsn);
    for (size_t i = 0; i < 2; ++i) {
        const auto member = parse_record(std::string_view(bytes).substr(32 + 48 * i), id);
        ASSERT_TRUE(member);
        EXPECT_EQ(member->flags, format::kInBatch);
        EXPECT_EQ(member->lsn, batch.change(i).lsn);
    }
}

TEST(LogBatch, IsUsedAgain) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    LogBatch batch;
    batch.add_put(0, f.key("a"), ValueType::string, std::string(1 << 20, 'x'), kNoExpiry);
    f.append(batch);
    batch.clear();
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.byte_size(), 0u);
    batch.add_tombstone(1, f.key("b"));
    f.append(batch);
    batch.clear();
    batch.add_flush(2);
    batch.add_swap(3, 4);
    EXPECT_EQ(batch.size(), 2u);
    f.append(batch);
    ASSERT_TRUE(f.log->flush());
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents().size(), 1u);
}

}  // namespace
}  // namespace torc
