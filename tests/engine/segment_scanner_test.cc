#include "engine/segment_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/disk.h"
#include "engine/segment_file.h"
#include "sim/sim_disk.h"

namespace torc {
namespace {

constexpr uint64_t kDirectory = 7;

std::string record(Lsn lsn, std::string_view key, std::string_view value) {
    std::string bytes;
    encode_record(bytes, {.kind = format::RecordKind::put, .slot = 1, .key = key, .value = value});
    stamp_record(bytes.data(), record_pre_hash(bytes.data()), kDirectory, lsn);
    return bytes;
}

/// Steps as text: "r<key>", "d<key>" damaged, "c<key>" cut, "g<offset>+<size>".
std::string walk(const std::string& records, bool ascending = true) {
    SimDisk disk;
    const std::string header = encode_segment_header(1, kDirectory, format::SegmentOrigin::log, 0);
    EXPECT_TRUE(replace_file(disk, "s", header + records));
    const auto file = *disk.open("s", false);
    SegmentScanner scanner(*file, kDirectory, kSegmentHeaderBytes, *file->size(), ascending);
    std::string text;
    for (;;) {
        const auto step = scanner.next();
        EXPECT_TRUE(step);
        if (!step || step->kind == SegmentScanner::Kind::end) return text;
        if (!text.empty()) text += ' ';
        if (step->kind == SegmentScanner::Kind::gap) {
            text += "g" + std::to_string(step->offset) + "+" + std::to_string(step->size);
        } else {
            text += step->record.cut ? "c" : step->record.value_damaged ? "d" : "r";
            text += step->record.key;
        }
    }
}

TEST(SegmentScanner, WalksRecordsOfAllSizes) {
    EXPECT_EQ(walk(""), "");
    EXPECT_EQ(walk(record(1, "a", "") + record(2, "b", std::string(3'000'000, 'x')) + record(3, "c", "1")),
              "ra rb rc");
    std::string many, expected;
    for (int i = 0; i < 30'000; ++i) {  // more than one block
        many += record(static_cast<Lsn>(i + 1), "k", std::string(static_cast<size_t>(i % 97), 'v'));
        expected += expected.empty() ? "rk" : " rk";
    }
    EXPECT_EQ(walk(many), expected);
}

TEST(SegmentScanner, FindsTheNextRecordAfterDamage) {
    std::string bytes = record(1, "a", "1") + record(2, "b", std::string(100, 'b')) + record(3, "c", "3");
    bytes[48 + 5] ^= 1;  // b's header
    EXPECT_EQ(walk(bytes), "ra g112+144 rc");
    bytes[48 + 5] ^= 1;
    bytes[48 + 60] ^= 1;  // b's value
    EXPECT_EQ(walk(bytes), "ra db rc");
    EXPECT_EQ(walk(std::string(48, '\0') + record(3, "c", "3")), "g64+48 rc");
    EXPECT_EQ(walk(record(3, "c", "3") + std::string(100, '\xff')), "rc g112+100");
    EXPECT_EQ(walk(std::string(5, 'x')), "g64+5");
}

TEST(SegmentScanner, SaysWhereTheFileEnds) {
    const std::string bytes = record(1, "a", "1") + record(2, "b", std::string(100, 'b'));
    EXPECT_EQ(walk(bytes.substr(0, bytes.size() - 1)), "ra cb");
    EXPECT_EQ(walk(bytes.substr(0, 48 + 33)), "ra cb");
    EXPECT_EQ(walk(bytes.substr(0, 48 + 32)), "ra g112+32");
}

TEST(SegmentScanner, TakesNoOldRecordForANewOneAfterDamage) {
    const std::string inner = record(1, "a", "1");
    std::string bytes = inner + record(2, "0123456789abcdef", inner) + record(3, "c", "3");
    bytes[48 + 5] ^= 1;
    EXPECT_EQ(walk(bytes), "ra g112+96 rc");
    EXPECT_EQ(walk(bytes, false), "ra g112+48 ra rc");  // outputs of compaction aren't in order
}

TEST(SegmentScanner, RecordsOfAnotherDirectoryAreNone) {
    std::string foreign;
    encode_record(foreign, {.kind = format::RecordKind::put, .slot = 1, .key = "a", .value = "1"});
    stamp_record(foreign.data(), record_pre_hash(foreign.data()), kDirectory + 1, 5);
    EXPECT_EQ(walk(foreign + record(6, "b", "1")), "g64+48 rb");
}

TEST(SegmentScanner, PassesTheDisksErrorsOn) {
    SimDisk disk;
    const std::string header = encode_segment_header(1, kDirectory, format::SegmentOrigin::log, 0);
    ASSERT_TRUE(replace_file(disk, "s", header + record(1, "a", std::string(2'000'000, 'x'))));
    const auto file = *disk.open("s", false);
    const uint64_t size = *file->size();
    for (uint64_t n = 1; n <= 2; ++n) {
        SegmentScanner scanner(*file, kDirectory, kSegmentHeaderBytes, size, true);
        disk.fail_read_at(disk.read_operations() + n, ErrorKind::io, false);
        const auto step = scanner.next();
        ASSERT_FALSE(step) << n;
        EXPECT_EQ(step.error().kind, ErrorKind::io);
    }
}

}  // namespace
}  // namespace torc
