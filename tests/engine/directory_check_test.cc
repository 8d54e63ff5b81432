#include "engine/directory_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_directory.h"

namespace torc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct DirectoryCheckTest : ::testing::Test {
    CheckReport check() {
        data.close();
        const auto files = read_directory(data.disk, TestDirectory::kPath);
        EXPECT_TRUE(files) << files.error().message;
        const auto report =
            check_directory(data.disk, *files, [&](double part) { progress.push_back(part); });
        EXPECT_TRUE(report) << report.error().message;
        return *report;
    }
    static std::vector<std::string> damages(const CheckReport& report) {
        std::vector<std::string> texts;
        for (const auto& finding : report.findings)
            if (finding.damage) texts.push_back(finding.text);
        return texts;
    }
    static std::vector<std::string> notes(const CheckReport& report) {
        std::vector<std::string> texts;
        for (const auto& finding : report.findings)
            if (!finding.damage) texts.push_back(finding.text);
        return texts;
    }

    TestDirectory data;
    std::vector<double> progress;
};

TEST_F(DirectoryCheckTest, AGoodDirectoryIsClean) {
    data.put("a", "1");
    data.seal();
    data.erase("a");
    data.put("b", std::string(5000, 'x'));
    data.flush(3);
    data.seal();
    data.put("c", "3");
    data.leave_open();
    const auto report = check();
    EXPECT_TRUE(report.clean());
    EXPECT_THAT(report.findings, IsEmpty());
    EXPECT_EQ(report.segments, 3u);
    EXPECT_EQ(report.records, 5u);
    EXPECT_DOUBLE_EQ(progress.back(), 1.0);
}

TEST_F(DirectoryCheckTest, WhatIsNoDataDirectoryIsSaid) {
    ASSERT_TRUE(data.disk.make_directory("other"));
    EXPECT_EQ(read_directory(data.disk, "other").error().kind, ErrorKind::not_found);
    EXPECT_EQ(read_directory(data.disk, "nowhere").error().kind, ErrorKind::not_found);
}

TEST_F(DirectoryCheckTest, EveryFlippedBitOfASegmentIsFoundInItsFile) {
    data.put("key", "a value of some length");
    data.erase("gone");
    data.add(format::RecordKind::put, 2, "ttl", "v", 5'000'000);
    data.flush(1);
    const uint64_t id = data.seal();
    const uint64_t size = read_file(data.disk, data.segment_path(id))->size();
    for (uint64_t offset = 0; offset < size; ++offset) {
        data.disk.flip_bit(data.segment_path(id), offset, offset % 8);
        const auto report = check();
        ASSERT_FALSE(report.clean()) << "byte " << offset;
        ASSERT_THAT(report.damaged_segments, ElementsAre(id)) << "byte " << offset;
        ASSERT_THAT(damages(report).front(), HasSubstr(data.segment_path(id)));
        data.disk.flip_bit(data.segment_path(id), offset, offset % 8);
    }
    EXPECT_TRUE(check().clean());
}

TEST_F(DirectoryCheckTest, EveryFlippedBitOfAHintFileIsFound) {
    for (int i = 0; i < 100; ++i) data.put("key" + std::to_string(i), "v");
    const uint64_t id = data.seal();
    const uint64_t size = read_file(data.disk, data.hint_path(id))->size();
    ASSERT_EQ(size, 3 * format::kHintBlock);
    for (uint64_t offset = 0; offset < size; offset += 7) {
        data.disk.flip_bit(data.hint_path(id), offset, offset % 8);
        const auto report = check();
        ASSERT_THAT(report.damaged_hints, ElementsAre(id)) << "byte " << offset;
        ASSERT_THAT(report.damaged_segments, IsEmpty()) << "byte " << offset;
        data.disk.flip_bit(data.hint_path(id), offset, offset % 8);
    }
}

TEST_F(DirectoryCheckTest, ADamagedValueIsNamedByOffset) {
    data.put("a", "1");
    const auto hit = data.put("b", "a longer value");
    const uint64_t id = data.seal();
    data.disk.flip_bit(data.segment_path(id), hit.offset + sizeof(format::RecordHeader) + 1 + 5, 3);
    EXPECT_THAT(damages(check()), ElementsAre(AllOf(HasSubstr(data.segment_path(id)),
                                                    HasSubstr("offset " + std::to_string(hit.offset)),
                                                    HasSubstr("damaged value"))));
}

TEST_F(DirectoryCheckTest, AnUnreadableHeaderTellsWhichLsnsAreMissing) {
    data.put("a", "1");
    const auto first = data.put("b", "2");
    const auto second = data.put("c", "3");
    data.put("d", "4");
    const uint64_t id = data.seal();
    data.disk.flip_bit(data.segment_path(id), first.offset, 0);
    data.disk.flip_bit(data.segment_path(id), second.offset, 0);
    EXPECT_THAT(damages(check()), ElementsAre(HasSubstr("2 records with LSNs " + std::to_string(first.lsn) +
                                                        " to " + std::to_string(second.lsn))));
    // Without the hint file only the neighbours can tell.
    ASSERT_TRUE(data.disk.remove(data.hint_path(id)));
    const auto report = check();
    EXPECT_THAT(damages(report), ElementsAre(HasSubstr("above " + std::to_string(first.lsn - 1) +
                                                       " and below " + std::to_string(second.lsn + 1))));
    EXPECT_THAT(notes(report), ElementsAre(HasSubstr(".hint: missing")));
}

TEST_F(DirectoryCheckTest, ATornEndIsNoDamage) {
    data.put("a", "1");
    const auto last = data.put("b", "22222222222222222222");
    const uint64_t id = data.leave_open();
    auto file = data.disk.open(data.segment_path(id), true).value();
    for (uint64_t cut = 1; cut < last.size; ++cut) {
        ASSERT_TRUE(file->truncate(last.offset + last.size - cut));
        const auto report = check();
        ASSERT_TRUE(report.clean()) << damages(report).front();
        ASSERT_THAT(notes(report), ElementsAre(HasSubstr("offset " + std::to_string(last.offset))));
    }
}

TEST_F(DirectoryCheckTest, DamageBeforeTheEndOfAnOpenSegmentIsDamage) {
    const auto first = data.put("a", "1");
    data.put("b", "2");
    const uint64_t id = data.leave_open();
    data.disk.flip_bit(data.segment_path(id), first.offset + 40, 0);
    EXPECT_FALSE(check().clean());
}

TEST_F(DirectoryCheckTest, AMissingOrShortSegmentIsDamage) {
    data.put("a", "1");
    const uint64_t gone = data.seal();
    data.put("b", "2");
    const uint64_t cut = data.seal();
    ASSERT_TRUE(data.disk.remove(data.segment_path(gone)));
    ASSERT_TRUE(data.disk.open(data.segment_path(cut), true).value()->truncate(70));
    EXPECT_THAT(check().damaged_segments, ElementsAre(gone, cut));
}

TEST_F(DirectoryCheckTest, ALostManifestIsDamageOfItsOwn) {
    data.put("a", "1");
    data.seal();
    ASSERT_TRUE(data.disk.remove("data/MANIFEST"));
    const auto report = check();
    EXPECT_TRUE(report.manifest_damaged);
    EXPECT_THAT(report.damaged_segments, IsEmpty());
    EXPECT_EQ(report.records, 1u);
}

TEST_F(DirectoryCheckTest, LeftoversAreNotes) {
    data.put("a", "1");
    data.seal();
    data.close();
    ASSERT_TRUE(data.disk.create("data/00000000000000ff.hint"));
    ASSERT_TRUE(data.disk.create("data/MANIFEST.tmp"));
    const auto report = check();
    EXPECT_TRUE(report.clean());
    EXPECT_EQ(notes(report).size(), 2u);
}

TEST_F(DirectoryCheckTest, AFailingDiskIsAnErrorAndNoFinding) {
    data.put("a", "1");
    data.seal();
    data.close();
    const auto files = read_directory(data.disk, TestDirectory::kPath).value();
    // The first reads are those of the segment.
    data.disk.fail_read_at(data.disk.read_operations() + 2, ErrorKind::io, false);
    EXPECT_EQ(check_directory(data.disk, files, {}).error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace torc
