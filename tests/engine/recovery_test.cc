// The whole way from bytes on a disk to keys, under every kind of damage.

#include "engine/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "engine/segment_file.h"
#include "engine/segment_set_writer.h"
#include "tests/engine/log_fixture.h"

namespace torc {
namespace {

const std::string kSegment = "data/0000000000000001.seg";
const std::string kHints = "data/0000000000000001.hint";

/// One of every kind of record, in one segment: versions, an expiry, a tombstone, a batch, a flush, a swap
/// and back, a sync mark, an empty value, another database.
void write_every_kind(LogFixture& f) {
    f.put("twice", "first");
    f.put("gone", "value");
    f.put("flushed", "value", 3);
    f.put("expiring", "soon", 0, 1'900'000'000'000);
    f.erase("gone");
    LogBatch batch;
    batch.add_put(0, f.key("batch-a"), ValueType::string, "1", kNoExpiry);
    batch.add_put(0, f.key("batch-b"), ValueType::string, std::string(50, 'b'), kNoExpiry);
    batch.add_tombstone(0, f.key("never-there"));
    f.append(batch);
    EXPECT_TRUE(f.log->sync());
    batch.clear();
    batch.add_flush(3);
    f.append(batch);
    for (int i = 0; i < 2; ++i) {
        batch.clear();
        batch.add_swap(7, 8);
        f.append(batch);
    }
    f.put("twice", "second");
    f.put("empty", "");
    f.put("other", "database", 5);
    f.put("last", std::string(33, 'z'));
    EXPECT_TRUE(f.log->flush());
}

const Contents kWhole{{"twice", "second"}, {"expiring", "soon"},
                      {"batch-a", "1"},    {"batch-b", std::string(50, 'b')},
                      {"empty", ""},       {"last", std::string(33, 'z')}};

/// What may never be shown: a value that was overwritten, deleted or flushed, unless damage is reported that
/// could have swallowed its successor; and a value nobody wrote.
void expect_nothing_wrong(const LogFixture& f, const RecoveryReport& report, const std::string& where) {
    const bool lost_headers = report.unreadable_ranges != 0 || report.truncated_bytes != 0;
    for (const auto& [name, value] : f.contents()) {
        if (!value) continue;  // detected, not served
        const auto right = kWhole.find(name);
        if (right != kWhole.end() && right->second == value) continue;
        const bool uncovered = lost_headers && ((name == "twice" && value == "first") || name == "gone");
        EXPECT_TRUE(uncovered) << where << ": " << name << " = " << *value;
    }
    for (const auto& [name, value] : f.contents(3)) EXPECT_TRUE(lost_headers) << where << ": " << name;
}

/// How many of the keys are there with their values.
size_t kept(const LogFixture& f) {
    size_t n = 0;
    const Contents found = f.contents();
    for (const auto& [name, value] : kWhole) {
        const auto at = found.find(name);
        n += at != found.end() && at->second == value;
    }
    return n;
}

bool says_something(const LogFixture& f, const RecoveryReport& report) {
    if (!report.messages.empty()) return true;
    for (const FoundKey& key : f.found)
        if (!key.record || key.record->value_damaged) return true;
    return false;
}

TEST(Recovery, EveryKindOfRecord) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    write_every_kind(f);
    const auto report = f.restart();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(f.contents(), kWhole);
    EXPECT_EQ(f.contents(3), Contents());
    EXPECT_EQ(f.contents(5), (Contents{{"other", "database"}}));
    EXPECT_EQ(report->keys, 7u);
    uint64_t live = 0;
    for (const FoundKey& key : f.found) live += key.key.padded_size;
    EXPECT_EQ(f.set->live_bytes(), live);
    uint64_t expected = 0;
    for (const auto& [slot, n] : f.expected) expected += n;
    EXPECT_EQ(expected, 12u);  // every record with a key
}

TEST(Recovery, KeysComeInTheOrderOfSlotAndHash) {
    LogFixture f(2048);
    ASSERT_TRUE(f.start());
    for (int i = 0; i < 300; ++i) f.put("k" + std::to_string(i % 120), "v");
    ASSERT_TRUE(f.log->flush());
    ASSERT_TRUE(f.restart());
    ASSERT_EQ(f.found.size(), 120u);
    for (size_t i = 1; i < f.found.size(); ++i) {
        const auto &a = f.found[i - 1].key, &b = f.found[i].key;
        EXPECT_LT(std::tuple(a.slot, a.hash), std::tuple(b.slot, b.hash));
    }
}

enum class Shape { unsealed, sealed, sealed_without_hints };

void flip_every_byte(Shape shape) {
    LogFixture original(1 << 20);
    ASSERT_TRUE(original.start());
    write_every_kind(original);
    if (shape != Shape::unsealed) {
        ASSERT_TRUE(original.log->close());
    }
    original.close_all();
    if (shape == Shape::sealed_without_hints) {
        ASSERT_TRUE(original.disk.remove(kHints));
    }
    const uint64_t size = *(*original.disk.open(kSegment, false))->size();
    const std::string bytes = *read_file(original.disk, kSegment);
    const std::string manifest = *read_file(original.disk, "data/MANIFEST");
    const auto hints = read_file(original.disk, kHints);
    for (uint64_t at = 0; at < size; ++at) {
        const std::string where = "byte " + std::to_string(at);
        LogFixture f(1 << 20);
        ASSERT_TRUE(f.disk.make_directory("data"));
        ASSERT_TRUE(replace_file(f.disk, "data/MANIFEST", manifest));
        ASSERT_TRUE(replace_file(f.disk, kSegment, bytes));
        if (hints) {
            ASSERT_TRUE(replace_file(f.disk, kHints, *hints));
        }
        f.disk.flip_bit(kSegment, at, at % 8);
        const auto report = f.start();
        ASSERT_TRUE(report) << where << report.error().message;
        expect_nothing_wrong(f, *report, where);
        // One flipped bit costs one record.
        EXPECT_GE(kept(f), kWhole.size() - 1) << where;
        // With hints, only what is read is verified; a record that nobody reads is left to `torc check`.
        if (shape != Shape::sealed) {
            EXPECT_TRUE(says_something(f, *report)) << where;
        }
        if (at % 8 != 0) continue;
        // The log goes on, and what was lost stays lost.
        const size_t before = kept(f);
        f.put("new", "1");
        ASSERT_TRUE(f.log->close()) << where;
        const auto again = f.restart();
        ASSERT_TRUE(again) << where << again.error().message;
        EXPECT_EQ(kept(f), before) << where;
        EXPECT_EQ(f.contents()["new"], "1") << where;
    }
}

TEST(Recovery, ABitFlippedAtEveryByteOfAnUnsealedSegment) {
    flip_every_byte(Shape::unsealed);
}
TEST(Recovery, ABitFlippedAtEveryByteOfASealedSegment) {
    flip_every_byte(Shape::sealed);
}
TEST(Recovery, ABitFlippedAtEveryByteOfASegmentWithoutHints) {
    flip_every_byte(Shape::sealed_without_hints);
}

// CORRECTNESS 11: the newest record's value is damaged; the older one must not come back.
TEST(Recovery, DamagedNewestNeverUncoversAnOlderOne) {
    for (const bool sealed : {false, true}) {
        LogFixture f(1 << 20);
        ASSERT_TRUE(f.start());
        f.put("k", "old");
        ASSERT_TRUE(f.log->roll());
        f.put("k", std::string(100, 'n'));
        f.put("x", "1");
        const uint64_t offset = kSegmentHeaderBytes + sizeof(format::RecordHeader) + 20;
        ASSERT_TRUE(f.log->flush());
        if (sealed) {
            ASSERT_TRUE(f.log->close());
        }
        f.disk.flip_bit("data/0000000000000002.seg", offset, 3);
        const auto report = f.restart();
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_EQ(f.contents(), (Contents{{"k", std::nullopt}, {"x", "1"}}));
        ASSERT_EQ(f.found.size(), 2u);
        if (!sealed) {
            EXPECT_EQ(report->damaged_records, 1u);
        }
        ASSERT_TRUE(f.log->close());
        ASSERT_TRUE(f.restart());
        EXPECT_EQ(f.contents(), (Contents{{"k", std::nullopt}, {"x", "1"}}));
    }
}

TEST(Recovery, AMissingSegmentLeavesItsKeysDamaged) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    f.put("k", "old");
    ASSERT_TRUE(f.log->roll());
    f.put("k", "new");
    ASSERT_TRUE(f.log->close());
    f.close_all();
    ASSERT_TRUE(f.disk.remove("data/0000000000000002.seg"));
    const auto report = f.start();
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(f.found.size(), 1u);
    EXPECT_TRUE(f.found[0].key.damaged);
    EXPECT_FALSE(f.found[0].record);
    EXPECT_FALSE(report->messages.empty());
}

TEST(Recovery, ASealedSegmentCutShortLeavesTheRestOfItsKeysDamaged) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    f.put("b", "2");
    ASSERT_TRUE(f.log->close());
    f.close_all();
    ASSERT_TRUE((*f.disk.open(kSegment, true))->truncate(kSegmentHeaderBytes + 48 + 8));
    const auto report = f.start();
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(f.found.size(), 2u);
    EXPECT_EQ(f.contents()["a"], "1");
    EXPECT_EQ(std::count_if(f.found.begin(), f.found.end(), [](const auto& k) { return k.key.damaged; }), 1);
    EXPECT_FALSE(report->messages.empty());
}

/// Cuts the only segment at every byte; `whole_frames` are the ends of its frames.
TEST(Recovery, TornAtEveryByte) {
    LogFixture original(1 << 20);
    ASSERT_TRUE(original.start());
    std::vector<std::pair<uint64_t, size_t>> frames;  // end, keys that are there then
    const auto end_of = [&] { return original.set->list().back().bytes; };
    for (size_t i = 0; i < 6; ++i) {
        LogBatch batch;
        const std::string name = "k" + std::to_string(i), twin = name + "'";
        batch.add_put(0, original.key(name), ValueType::string, std::string(i * 7, 'v'),
                      i == 3 ? 77 : kNoExpiry);
        if (i % 2 == 1) batch.add_put(0, original.key(twin), ValueType::string, "x", kNoExpiry);
        original.append(batch);
        ASSERT_TRUE(original.log->flush());
        frames.emplace_back(end_of(), (frames.empty() ? 0 : frames.back().second) + batch.size());
    }
    original.close_all();
    const std::string bytes = *read_file(original.disk, kSegment);
    const std::string manifest = *read_file(original.disk, "data/MANIFEST");
    for (size_t size = 0; size <= bytes.size(); ++size) {
        LogFixture f(1 << 20);
        ASSERT_TRUE(f.disk.make_directory("data"));
        ASSERT_TRUE(replace_file(f.disk, "data/MANIFEST", manifest));
        ASSERT_TRUE(replace_file(f.disk, kSegment, std::string_view(bytes).substr(0, size)));
        const auto report = f.start();
        ASSERT_TRUE(report) << size << report.error().message;
        size_t keys = 0;
        uint64_t end = kSegmentHeaderBytes;
        for (const auto& [frame_end, n] : frames) {
            if (frame_end > size) break;
            keys = n;
            end = frame_end;
        }
        EXPECT_EQ(f.found.size(), keys) << size;
        for (const FoundKey& key : f.found) EXPECT_TRUE(key.record && !key.record->value_damaged) << size;
        EXPECT_EQ(report->damaged_records + report->unreadable_ranges, 0u) << size;
        if (size >= kSegmentHeaderBytes) {
            EXPECT_EQ(report->truncated_bytes, size - end) << size;
        }
        ASSERT_TRUE(f.restart());
        EXPECT_EQ(f.found.size(), keys) << size;
    }
}

// hint_file_test flips every byte; here a part of them goes the whole way.
TEST(Recovery, ADamagedHintFileIsMadeAgain) {
    LogFixture original(1 << 20);
    ASSERT_TRUE(original.start());
    write_every_kind(original);
    ASSERT_TRUE(original.log->close());
    original.close_all();
    const std::string bytes = *read_file(original.disk, kSegment);
    const std::string manifest = *read_file(original.disk, "data/MANIFEST");
    const std::string hints = *read_file(original.disk, kHints);
    ASSERT_EQ(hints.size(), 8192u);
    for (size_t at = 0; at < hints.size(); at += 61) {
        LogFixture f(1 << 20);
        ASSERT_TRUE(f.disk.make_directory("data"));
        ASSERT_TRUE(replace_file(f.disk, "data/MANIFEST", manifest));
        ASSERT_TRUE(replace_file(f.disk, kSegment, bytes));
        ASSERT_TRUE(replace_file(f.disk, kHints, hints));
        f.disk.flip_bit(kHints, at, at % 8);
        const auto report = f.start();
        ASSERT_TRUE(report) << at;
        EXPECT_EQ(f.contents(), kWhole) << at;
        EXPECT_EQ(report->messages.size(), 1u) << at;
        f.close_all();
        EXPECT_EQ(*read_file(f.disk, kHints), hints) << at;  // made again
    }
}

TEST(Recovery, ABitFlippedAtEveryByteOfTheManifestStopsTheStart) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    write_every_kind(f);
    ASSERT_TRUE(f.log->close());
    f.close_all();
    const size_t size = read_file(f.disk, "data/MANIFEST")->size();
    for (size_t at = 0; at < size; ++at) {
        f.disk.flip_bit("data/MANIFEST", at, at % 8);
        const auto report = f.start();
        ASSERT_FALSE(report) << at;
        EXPECT_EQ(report.error().kind, ErrorKind::corrupt) << at;
        EXPECT_THAT(report.error().message, testing::HasSubstr("MANIFEST"));
        f.disk.flip_bit("data/MANIFEST", at, at % 8);
    }
    EXPECT_TRUE(f.start());
}

// What a client stored is never taken for a record of the log, not even where the record around it is
// damaged.
TEST(Recovery, ARecordInsideAValueIsNotARecord) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    f.put("victim", "right");
    ASSERT_TRUE(f.log->flush());
    const std::string stolen = read_file(f.disk, kSegment)->substr(kSegmentHeaderBytes);
    f.put("victim", "newer");
    ASSERT_TRUE(f.log->flush());
    const uint64_t offset = f.set->list().back().bytes;
    // The key's length puts the stolen record on a multiple of 16.
    f.put("0123456789abcdef", stolen + stolen);
    f.put("after", "1");
    ASSERT_TRUE(f.log->flush());
    f.disk.flip_bit(kSegment, offset + 9, 1);
    const auto report = f.restart();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->unreadable_ranges, 1u);
    EXPECT_EQ(f.contents(), (Contents{{"victim", "newer"}, {"after", "1"}}));
}

// Every operation of the disk may fail, at any time of a life with rolls, seals and restarts. What was
// acknowledged is there afterwards, and nothing else but what was on its way.
void fail_every_operation(ErrorKind kind, bool sticky, bool power_loss) {
    for (uint64_t n = 1;; ++n) {
        LogFixture f(700);
        Contents acknowledged, synced, attempted;
        bool started = false;
        f.disk.fail_at(n, kind, sticky);
        if (f.start()) {
            started = true;
            for (int i = 0; i < 24; ++i) {
                const std::string name = "k" + std::to_string(i % 10), value = std::to_string(i);
                const Lsn lsn = f.put(name, value);
                attempted[name] = value;
                f.log->flush();
                if (i % 5 == 4) (void)f.log->sync();
                if (i % 3 == 2) f.log->background_step();
                if (f.log->written_lsn() >= lsn) acknowledged = attempted;
                if (f.log->synced_lsn() >= lsn) synced = attempted;
            }
        }
        const bool struck = f.disk.operations() >= n;
        // A failed sync may have taken what was only written; the log knows it, and says nothing more is
        // safe.
        const bool doubtful = started && f.log->state() == Log::State::sync_failed;
        if (power_loss || doubtful) acknowledged = synced;
        f.disk.clear_faults();
        if (power_loss)
            f.disk.power_loss(n);
        else
            f.disk.crash();
        f.close_all();
        const auto report = f.start();
        ASSERT_TRUE(report) << n << ": " << report.error().message;
        if (!doubtful) {
            EXPECT_EQ(report->damaged_records + report->unreadable_ranges, 0u)
                << n << testing::PrintToString(report->messages);
        }
        const Contents found = f.contents();
        for (const auto& [name, value] : acknowledged) {
            ASSERT_TRUE(found.contains(name)) << n;
            EXPECT_GE(std::stoi(*found.at(name)), std::stoi(*value)) << n << " " << name;
        }
        for (const auto& [name, value] : found) EXPECT_TRUE(attempted.contains(name)) << n;
        // And it works again.
        const Lsn lsn = f.put("after", "1");
        EXPECT_TRUE(f.log->sync()) << n;
        EXPECT_GE(f.log->synced_lsn(), lsn) << n;
        if (!struck && started) break;  // the life has fewer operations than n
    }
}

TEST(Recovery, TheNthOperationFailsOnce) {
    fail_every_operation(ErrorKind::io, false, false);
}
TEST(Recovery, TheNthOperationAndAllAfterItFail) {
    fail_every_operation(ErrorKind::io, true, false);
}
TEST(Recovery, TheDiskIsFullOnceAtTheNthOperation) {
    fail_every_operation(ErrorKind::no_space, false, false);
}
TEST(Recovery, TheDiskIsFullFromTheNthOperationOn) {
    fail_every_operation(ErrorKind::no_space, true, false);
}
TEST(Recovery, TheNthOperationFailsBeforeAPowerLoss) {
    fail_every_operation(ErrorKind::io, false, true);
}
TEST(Recovery, TheDeviceFailsForGoodBeforeAPowerLoss) {
    fail_every_operation(ErrorKind::io, true, true);
}

/// The process or the machine stops at every operation, also during the restart after an earlier stop.
void stop_at_every_operation(bool power_loss) {
    const auto die = [&](LogFixture& f, uint64_t seed) {
        if (power_loss)
            f.disk.power_loss(seed);
        else
            f.disk.crash();
        f.close_all();
    };
    for (uint64_t n = 1;; ++n) {
        LogFixture f(700);
        Contents acknowledged, attempted;
        f.disk.stop_at(n);
        if (f.start()) {
            for (int i = 0; i < 20 && !f.disk.stopped(); ++i) {
                const std::string name = "k" + std::to_string(i % 7), value = std::to_string(i);
                const Lsn lsn = f.put(name, value);
                attempted[name] = value;
                f.log->flush();
                if (i % 5 == 4) (void)f.log->sync();
                if (i % 3 == 2) f.log->background_step();
                if ((power_loss ? f.log->synced_lsn() : f.log->written_lsn()) >= lsn)
                    acknowledged = attempted;
            }
        }
        const bool stopped = f.disk.stopped();
        die(f, n);
        for (uint64_t later = 1; later <= 4; ++later) {  // dies again while it recovers
            f.disk.stop_at(f.disk.operations() + later);
            (void)f.start();
            die(f, n + later);
        }
        f.disk.clear_faults();
        const auto report = f.start();
        ASSERT_TRUE(report) << n << ": " << report.error().message;
        EXPECT_EQ(report->damaged_records + report->unreadable_ranges, 0u)
            << n << testing::PrintToString(report->messages);
        const Contents found = f.contents();
        for (const auto& [name, value] : acknowledged) {
            ASSERT_TRUE(found.contains(name)) << n << " " << name;
            EXPECT_GE(std::stoi(*found.at(name)), std::stoi(*value)) << n << " " << name;
        }
        if (!stopped) break;
    }
}

TEST(Recovery, TheProcessDiesAtEveryOperation) {
    stop_at_every_operation(false);
}
TEST(Recovery, ThePowerGoesAtEveryOperation) {
    stop_at_every_operation(true);
}

}  // namespace
}  // namespace torc
