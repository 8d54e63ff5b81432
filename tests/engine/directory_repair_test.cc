#include "engine/directory_repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "test_directory.h"

namespace torc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct DirectoryRepairTest : ::testing::Test {
    Result<RepairReport> try_repair() {
        data.close();
        const auto files = read_directory(data.disk, TestDirectory::kPath);
        if (!files) return fail(files.error());
        const auto report = check_directory(data.disk, *files, {});
        if (!report) return fail(report.error());
        return repair_directory(data.disk, TestDirectory::kPath, *files, *report, 99);
    }
    RepairReport repair() {
        auto repaired = try_repair();
        EXPECT_TRUE(repaired) << repaired.error().message;
        return *repaired;
    }
    bool clean() {
        data.close();
        const auto files = read_directory(data.disk, TestDirectory::kPath).value();
        return check_directory(data.disk, files, {})->clean();
    }
    void damage_value(uint64_t id, const TestDirectory::Placed& record, size_t key_size) {
        data.disk.flip_bit(data.segment_path(id), record.offset + sizeof(format::RecordHeader) + key_size, 0);
    }
    void damage_header(uint64_t id, const TestDirectory::Placed& record) {
        data.disk.flip_bit(data.segment_path(id), record.offset, 0);
    }

    TestDirectory data;
};

TEST_F(DirectoryRepairTest, AGoodDirectoryStaysAsItIs) {
    data.put("a", "1");
    data.seal();
    const auto before = read_file(data.disk, "data/MANIFEST").value();
    EXPECT_EQ(repair().set_aside, "");
    EXPECT_EQ(read_file(data.disk, "data/MANIFEST").value(), before);
}

TEST_F(DirectoryRepairTest, KeepsEveryGoodRecordAndTheDamagedOriginal) {
    data.put("a", "1");
    const auto hit = data.put("b", "2");
    data.put("c", "3");
    const uint64_t id = data.seal();
    damage_value(id, hit, 1);
    const std::string original = read_file(data.disk, data.segment_path(id)).value();

    const auto report = repair();
    EXPECT_EQ(report.kept_records, 2u);
    EXPECT_EQ(report.lost_records, 1u);
    EXPECT_THAT(report.lines, Contains(HasSubstr("key \"b\" of database 0")));
    EXPECT_EQ(read_file(data.disk, report.set_aside + "/" + segment_file_name(id)).value(), original);
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/a", "1"), Pair("0/c", "3")));
}

// CORRECTNESS 11, with the damage made final by a repair.
TEST_F(DirectoryRepairTest, ADamagedNewestRecordDoesNotUncoverTheOlderOne) {
    data.put("k", "old");
    data.put("other", "x");
    data.seal();
    const auto newest = data.put("k", "new");
    const uint64_t id = data.seal();
    damage_value(id, newest, 1);
    repair();
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/other", "x")));
}

TEST_F(DirectoryRepairTest, AnUnreadableNewestRecordDoesNotUncoverTheOlderOne) {
    data.put("k", "old");
    data.put("other", "x");
    data.seal();
    const auto newest = data.put("k", "new");
    const auto unknown = data.put("only here", "y");
    const uint64_t id = data.seal();
    damage_header(id, newest);
    damage_header(id, unknown);
    const auto report = repair();
    EXPECT_EQ(report.lost_records, 2u);
    EXPECT_THAT(report.lines, Contains(HasSubstr("key \"k\"")));
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/other", "x")));
}

TEST_F(DirectoryRepairTest, ADamagedTombstoneStaysATombstone) {
    data.put("k", "old");
    data.seal();
    const auto gone = data.erase("k");
    data.put("a", "1");
    const uint64_t id = data.seal();
    damage_header(id, gone);
    repair();
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/a", "1")));
}

TEST_F(DirectoryRepairTest, ADamagedHintFileIsMadeAgain) {
    data.put("a", "1");
    const uint64_t id = data.seal();
    data.disk.flip_bit(data.hint_path(id), 5000, 0);
    const auto report = repair();
    EXPECT_TRUE(data.disk.exists(report.set_aside + "/" + hint_file_name(id)));
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/a", "1")));
    EXPECT_TRUE(data.disk.exists(data.hint_path(id)));
}

TEST_F(DirectoryRepairTest, ALostManifestIsMadeFromTheSegments) {
    data.put("a", "1");
    data.put("b", "2");
    data.seal();
    data.erase("a");
    data.put("c", "3", 5);
    data.leave_open();
    data.disk.flip_bit("data/MANIFEST", 20, 0);
    const auto report = repair();
    EXPECT_TRUE(data.disk.exists(report.set_aside + "/MANIFEST"));
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/b", "2"), Pair("5/c", "3")));
}

TEST_F(DirectoryRepairTest, DamageInTheOpenEndIsRepairedAndItsTornTailIsNotKept) {
    const auto first = data.put("a", "1");
    data.put("b", "2");
    const auto torn = data.put("c", "33333333333333333333333333");
    const uint64_t id = data.leave_open();
    damage_value(id, first, 1);
    ASSERT_TRUE(data.disk.open(data.segment_path(id), true).value()->truncate(torn.offset + torn.size - 5));
    repair();
    EXPECT_TRUE(clean());
    EXPECT_THAT(data.contents(), UnorderedElementsAre(Pair("0/b", "2")));
}

TEST_F(DirectoryRepairTest, AForeignSegmentIsRefused) {
    data.put("a", "1");
    data.seal();
    TestDirectory other(2);
    other.close();
    ASSERT_TRUE(other.disk.remove("data/MANIFEST"));
    auto set = SegmentSet::open(other.disk, "data", 4711, 16).value();
    auto& writer = SegmentSetWriter::of(*set);
    const std::string header =
        encode_segment_header(50, writer.directory_id(), format::SegmentOrigin::log, 5000, 0);
    auto file = data.disk.create(data.segment_path(50)).value();
    const std::string_view piece = header;
    ASSERT_TRUE(file->write_at(0, std::span(&piece, 1)));
    EXPECT_EQ(try_repair().error().kind, ErrorKind::refused);
}

TEST_F(DirectoryRepairTest, DyingAnywhereLeavesItReparable) {
    for (uint64_t step = 1;; ++step) {
        TestDirectory one(step);
        one.put("k", "old");
        one.put("a", "1");
        one.seal();
        const auto newest = one.put("k", "new");
        one.put("b", "2");
        const uint64_t id = one.seal();
        one.close();
        one.disk.flip_bit(one.segment_path(id), newest.offset + sizeof(format::RecordHeader) + 1, 0);
        const auto attempt = [&]() -> Result<RepairReport> {
            const auto files = read_directory(one.disk, TestDirectory::kPath);
            if (!files) return fail(files.error());
            const auto report = check_directory(one.disk, *files, {});
            if (!report) return fail(report.error());
            return repair_directory(one.disk, TestDirectory::kPath, *files, *report, 99);
        };
        one.disk.stop_at(one.disk.operations() + step);
        const bool done = attempt().has_value();
        if (step % 2 == 0)
            one.disk.crash();
        else
            one.disk.power_loss(step);
        const auto second = attempt();
        ASSERT_TRUE(second) << second.error().message;
        const auto files = read_directory(one.disk, TestDirectory::kPath).value();
        ASSERT_TRUE(check_directory(one.disk, files, {})->clean()) << "step " << step;
        ASSERT_THAT(one.contents(), UnorderedElementsAre(Pair("0/a", "1"), Pair("0/b", "2"))) << step;
        if (done) break;
    }
}

}  // namespace
}  // namespace torc
