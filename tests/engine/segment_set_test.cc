#include "engine/segment_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/coding.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"
#include "engine/segment_set_writer.h"
#include "tests/engine/log_fixture.h"

namespace torc {
namespace {

std::vector<uint64_t> ids(const LogFixture& f) {
    std::vector<uint64_t> all;
    for (const SegmentInfo& info : f.set->list()) all.push_back(info.id);
    return all;
}

/// Writes one segment per call and seals it.
void seal_segment(LogFixture& f, const std::vector<std::pair<std::string, std::string>>& pairs) {
    for (const auto& [name, value] : pairs) f.put(name, value);
    ASSERT_TRUE(f.log->roll());
    while (f.log->background_step()) {
    }
}

/// What compaction does: copies these records into an output.
uint64_t copy_records(LogFixture& f, const std::vector<LogAddress>& addresses) {
    SegmentSetWriter& set = SegmentSetWriter::of(*f.set);
    const SegmentTicket ticket = set.reserve(1 << 20, format::SegmentOrigin::compaction);
    std::shared_ptr<File> file = std::move(*f.disk.create(set.segment_path(ticket.id)));
    set.adopt(ticket, file);
    std::string bytes =
        encode_segment_header(ticket.id, set.directory_id(), format::SegmentOrigin::compaction, 0);
    for (const LogAddress address : addresses) {
        const auto record = f.set->read(address, 0);
        bytes += record->bytes.substr(0, record->padded_size);
    }
    const std::string_view piece = bytes;
    EXPECT_TRUE(file->write_at(0, {&piece, 1}));
    return ticket.id;
}

TEST(SegmentSet, LocksItsDirectory) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const auto second = SegmentSet::open(f.disk, "data", 1, 16);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
    f.close_all();
    EXPECT_TRUE(SegmentSet::open(f.disk, "data", 1, 16));
}

TEST(SegmentSet, SeedAndDatabasesAreFixedWithTheDirectory) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const uint64_t seed = f.set->hash_seed();
    f.close_all();
    auto set = SegmentSet::open(f.disk, "data", 4711, 20);
    ASSERT_TRUE(set);
    EXPECT_EQ((*set)->hash_seed(), seed);
    const auto report =
        (*set)->recover([](SlotId, DbId, uint64_t) {}, [](const RecoveredKey&) {}, [](double) {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->databases.size(), 20u);
}

TEST(SegmentSet, SegmentsWithoutAManifestAreRefused) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    seal_segment(f, {{"a", "1"}});
    f.close_all();
    ASSERT_TRUE(f.disk.remove("data/MANIFEST"));
    const auto report = f.start();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(report.error().message, testing::HasSubstr("torc check --repair"));
}

TEST(SegmentSet, ForeignAndNewerSegmentsAreRefused) {
    for (const bool newer : {false, true}) {
        LogFixture f;
        ASSERT_TRUE(f.start());
        const std::string path = SegmentSetWriter::of(*f.set).segment_path(9);
        std::string header = encode_segment_header(9, SegmentSetWriter::of(*f.set).directory_id() + !newer,
                                                   format::SegmentOrigin::log, 1000);
        f.close_all();
        if (newer) {
            store_le<uint32_t>(header.data() + 8, format::kVersion + 1);
            store_le<uint32_t>(header.data() + 60, checksum32(std::string_view(header).substr(0, 60)));
        }
        ASSERT_TRUE(replace_file(f.disk, path, header));
        const auto report = f.start();
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error().kind, ErrorKind::refused);
        EXPECT_THAT(report.error().message, testing::HasSubstr(path));
    }
}

TEST(SegmentSet, LeftoversAreRemoved) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    ASSERT_TRUE(f.log->flush());
    const std::string output = SegmentSetWriter::of(*f.set).segment_path(50);
    const uint64_t directory_id = SegmentSetWriter::of(*f.set).directory_id();
    f.close_all();
    ASSERT_TRUE(replace_file(f.disk, output,
                             encode_segment_header(50, directory_id, format::SegmentOrigin::compaction, 0)));
    ASSERT_TRUE(replace_file(f.disk, "data/0000000000000007.hint", "x"));
    ASSERT_TRUE(replace_file(f.disk, "data/x.tmp", "x"));
    ASSERT_TRUE(replace_file(f.disk, "data/notes.txt", "mine"));
    ASSERT_TRUE(f.start());
    EXPECT_FALSE(f.disk.exists(output));
    EXPECT_FALSE(f.disk.exists("data/0000000000000007.hint"));
    EXPECT_FALSE(f.disk.exists("data/x.tmp"));
    EXPECT_TRUE(f.disk.exists("data/notes.txt"));
    EXPECT_EQ(f.contents(), (Contents{{"a", "1"}}));
    // Ids of removed files aren't used again.
    EXPECT_GT(SegmentSetWriter::of(*f.set).reserve(1, format::SegmentOrigin::log).id, 50u);
}

TEST(SegmentSet, ReadsOnlyRecords) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("key", std::string(10'000, 'v'), 2, 77);
    const LogAddress address = f.last_address;
    ASSERT_TRUE(f.log->flush());
    for (const uint32_t hint : {0u, 32u, 100u, 10'080u, 50'000u}) {
        const auto record = f.set->read(address, hint);
        ASSERT_TRUE(record) << record.error().message;
        EXPECT_EQ(record->key, "key");
        EXPECT_EQ(record->value, std::string(10'000, 'v'));
        EXPECT_EQ(record->db, 2);
        EXPECT_EQ(record->expire_at_ms, 77);
        EXPECT_EQ(record->padded_size, 10'048u);
        EXPECT_FALSE(record->value_damaged);
    }
    EXPECT_EQ(f.set->read({address.units + 1}, 0).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(f.set->read({address.units + 1'000'000}, 0).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(f.set->read(LogAddress::of(400'000, 64), 0).error().kind, ErrorKind::corrupt);
    f.disk.fail_read_at(f.disk.read_operations() + 1, ErrorKind::io, false);
    EXPECT_EQ(f.set->read(address, 0).error().kind, ErrorKind::io);
    f.disk.flip_bit(SegmentSetWriter::of(*f.set).segment_path(ids(f).back()), address.byte_offset() + 5000,
                    0);
    const auto damaged = f.set->read(address, 0);
    ASSERT_TRUE(damaged);
    EXPECT_TRUE(damaged->value_damaged);
    EXPECT_EQ(damaged->key, "key");
    EXPECT_TRUE(damaged->value.empty());
}

TEST(SegmentSet, AccountsLiveBytesBySegment) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    const LogAddress a = f.last_address;
    ASSERT_TRUE(f.log->roll());
    f.put("b", "1");
    const LogAddress b = f.last_address;
    ASSERT_TRUE(f.log->flush());
    f.set->add_live(a, 48);
    f.set->add_live(b, 48);
    f.set->add_live(b, 48);
    f.set->remove_live(b, 48);
    const auto list = f.set->list();
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].live_bytes, 48u);
    EXPECT_EQ(list[1].live_bytes, 48u);
    EXPECT_EQ(f.set->live_bytes(), 96u);
    EXPECT_EQ(f.set->total_bytes(), 2 * (kSegmentHeaderBytes + 48));
    EXPECT_LE(list[0].highest_lsn, list[1].lowest_lsn);
}

TEST(SegmentSet, ReplacesSourcesByOutputsAtOnce) {
    for (uint64_t n = 0;; ++n) {  // 0: no fault; then the n-th operation of the replacement is the last
        LogFixture f;
        ASSERT_TRUE(f.start());
        f.put("a", "1");
        const LogAddress a = f.last_address;
        seal_segment(f, {{"b", "2"}});
        f.put("c", "3");
        const LogAddress c = f.last_address;
        seal_segment(f, {{"a", "newer"}, {"b", "newer"}});
        seal_segment(f, {{"d", "4"}});
        SegmentSetWriter& set = SegmentSetWriter::of(*f.set);
        const uint64_t output = copy_records(f, {a, c});
        const auto info = set.finish(output);
        ASSERT_TRUE(info) << info.error().message;
        EXPECT_TRUE(info->sealed);
        const auto record = f.set->read(set.address_of(output, kSegmentHeaderBytes), 0);
        ASSERT_TRUE(record);
        EXPECT_EQ(record->key, "a");
        const auto reader = set.segment(1);
        if (n != 0) f.disk.stop_at(f.disk.operations() + n);
        const uint64_t sources[] = {1, 2}, outputs[] = {output};
        const auto replaced = set.replace(sources, outputs);
        const bool stopped = f.disk.stopped();
        if (!stopped) {
            ASSERT_TRUE(replaced) << replaced.error().message;
            EXPECT_EQ(ids(f), (std::vector<uint64_t>{3, output}));
            EXPECT_FALSE(f.disk.exists(set.segment_path(1)));
            EXPECT_TRUE(read_segment_header(**reader, "open", set.directory_id()));  // readers finish
        }
        f.disk.power_loss(n);
        f.close_all();
        const auto report = f.start();
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_TRUE(report->messages.empty()) << testing::PrintToString(report->messages);
        const Contents contents = f.contents();
        // Segment 2 held newer versions of a and b; the output kept the old a, as its source does.
        const Contents all{{"a", "newer"}, {"b", "newer"}, {"c", "3"}, {"d", "4"}};
        const Contents after{{"a", "1"}, {"c", "3"}, {"d", "4"}};
        EXPECT_TRUE(contents == all || contents == after) << n << testing::PrintToString(contents);
        if (n == 0 || !stopped) {
            EXPECT_EQ(contents, after);
        }
        if (n != 0 && !stopped) break;
    }
}

// The new manifest may be on disk although replacing it failed: its files must not go before that's settled.
TEST(SegmentSet, AnOutputThatMayBeListedIsNotDiscarded) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    const LogAddress a = f.last_address;
    seal_segment(f, {{"b", "2"}});
    SegmentSetWriter& set = SegmentSetWriter::of(*f.set);
    const uint64_t output = copy_records(f, {a});
    ASSERT_TRUE(set.finish(output));
    f.disk.clear_operation_log();
    const uint64_t start = f.disk.operations();
    const uint64_t sources[] = {1}, outputs[] = {output};
    f.disk.fail_at(start + 5, ErrorKind::io, true);  // create, write, sync, rename, then the directory's sync
    EXPECT_FALSE(set.replace(sources, outputs));
    EXPECT_FALSE(set.discard(output));
    EXPECT_TRUE(f.disk.exists(set.segment_path(output)));
    f.disk.clear_faults();
    EXPECT_TRUE(set.discard(output));
    EXPECT_FALSE(f.disk.exists(set.segment_path(output)));
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), (Contents{{"a", "1"}, {"b", "2"}}));
}

// CORRECTNESS 9
TEST(SegmentSet, KnowsWhetherAnOlderRecordOfAKeyMayExist) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const Lsn a1 = f.put("a", "1");
    seal_segment(f, {{"x", "1"}});
    f.put("b", "2");
    const Lsn tombstone = f.erase("a");
    seal_segment(f, {});
    f.put("a", "3");
    ASSERT_TRUE(f.log->flush());
    SegmentSetWriter& set = SegmentSetWriter::of(*f.set);
    const auto older = [&](const char* name, Lsn lsn, std::vector<uint64_t> except) {
        const KeyRef key = f.key(name);
        return set.may_hold_older(key.slot, key.hash, second_hash(name, set.hash_seed()), lsn, except);
    };
    EXPECT_TRUE(older("a", tombstone, {2}));      // segment 1 has it
    EXPECT_FALSE(older("a", tombstone, {1, 2}));  // the active one is newer
    EXPECT_FALSE(older("a", a1, {}));
    EXPECT_FALSE(older("b", tombstone, {2}));
    EXPECT_TRUE(set.may_hold_older(tombstone, std::vector<uint64_t>{2}));
    EXPECT_FALSE(set.may_hold_older(tombstone, std::vector<uint64_t>{1, 2}));
    // Hints that can't be read exclude nothing.
    f.disk.flip_bit(set.hint_path(1), format::kHintBlock + 5, 1);
    EXPECT_TRUE(older("zzz", tombstone, {2}));
}

TEST(SegmentSet, HoldKeepsManifestAndFiles) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    seal_segment(f, {{"a", "1"}});
    SegmentSetWriter& set = SegmentSetWriter::of(*f.set);
    std::atomic<bool> removed{false};
    std::shared_ptr<void> hold = set.hold();
    const std::string manifest = *read_file(f.disk, "data/MANIFEST");
    std::thread compaction([&] {
        const uint64_t sources[] = {1};
        EXPECT_TRUE(set.replace(sources, {}));
        removed.store(true);
    });
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(f.disk.exists(set.segment_path(1)));
        std::this_thread::yield();
    }
    EXPECT_FALSE(removed.load());
    EXPECT_EQ(*read_file(f.disk, "data/MANIFEST"), manifest);
    hold.reset();
    compaction.join();
    EXPECT_FALSE(f.disk.exists(set.segment_path(1)));
}

TEST(SegmentSet, AnEmptySegmentIsNotKept) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    ASSERT_TRUE(f.log->close());
    EXPECT_TRUE(f.set->list().empty());
    f.put("a", "1");
    ASSERT_TRUE(f.log->close());
    EXPECT_EQ(f.set->list().size(), 1u);
}

}  // namespace
}  // namespace torc
