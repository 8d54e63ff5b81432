#include "sim/sim_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<void> write(File& file, uint64_t offset, std::string_view bytes) {
    return file.write_at(offset, std::span(&bytes, 1));
}

std::string content(SimDisk& disk, const std::string& path) {
    auto file = disk.open(path, false);
    if (!file) return "<" + file.error().message + ">";
    std::string bytes((*file)->size().value(), '\0');
    bytes.resize((*file)->read_at(0, bytes).value());
    return bytes;
}

/// A disk with one durable directory "d".
struct SimDiskTest : ::testing::Test {
    SimDiskTest() { EXPECT_TRUE(disk.make_directory("d")); }

    std::unique_ptr<File> durable_file(const std::string& path, std::string_view bytes) {
        auto file = disk.create(path).value();
        EXPECT_TRUE(write(*file, 0, bytes));
        EXPECT_TRUE(file->sync());
        EXPECT_TRUE(disk.sync_directory("d"));
        return file;
    }

    SimDisk disk;
};

TEST_F(SimDiskTest, ReadsWhatWasWrittenAndStopsAtTheEnd) {
    auto file = disk.create("d/a").value();
    const std::string_view pieces[] = {"hello ", "world"};
    ASSERT_TRUE(file->write_at(3, pieces));
    EXPECT_EQ(content(disk, "d/a"), std::string("\0\0\0hello world", 14));
    char into[8];
    EXPECT_EQ(file->read_at(10, into).value(), 4u);
    EXPECT_EQ(file->read_at(14, into).value(), 0u);
    ASSERT_TRUE(file->truncate(6));
    EXPECT_EQ(file->size().value(), 6u);
}

TEST_F(SimDiskTest, NamesBehaveAsOnAFileSystem) {
    auto a = durable_file("d/a", "A");
    EXPECT_EQ(disk.create("d/a").error().kind, ErrorKind::exists);
    EXPECT_EQ(disk.create("nowhere/a").error().kind, ErrorKind::not_found);
    EXPECT_EQ(disk.open("d/b", false).error().kind, ErrorKind::not_found);
    EXPECT_EQ(disk.remove("d/b").error().kind, ErrorKind::not_found);
    ASSERT_TRUE(disk.hard_link("d/a", "d/b"));
    EXPECT_EQ(disk.hard_link("d/a", "d/b").error().kind, ErrorKind::exists);
    ASSERT_TRUE(disk.rename("d/a", "d/c"));
    EXPECT_THAT(disk.list("d").value(), ElementsAre("b", "c"));
    ASSERT_TRUE(write(*a, 1, "!"));
    EXPECT_EQ(content(disk, "d/b"), "A!");
    ASSERT_TRUE(disk.make_directory("d/e/f"));
    ASSERT_TRUE(disk.rename("d/e", "d/g"));
    EXPECT_TRUE(disk.exists("d/g/f"));
    EXPECT_EQ(disk.remove("d/g").error().kind, ErrorKind::io);
}

TEST_F(SimDiskTest, ACrashKeepsEverythingWritten) {
    auto file = disk.create("d/a").value();
    ASSERT_TRUE(write(*file, 0, "never synced"));
    const std::string boot = disk.boot_id();
    disk.crash();
    EXPECT_EQ(content(disk, "d/a"), "never synced");
    EXPECT_EQ(disk.boot_id(), boot);
}

TEST_F(SimDiskTest, HandlesOfADeadProcessDoNothing) {
    auto file = durable_file("d/a", "before");
    auto held = disk.lock_directory("d").value();
    EXPECT_EQ(disk.lock_directory("d").error().kind, ErrorKind::busy);
    disk.crash();
    auto again = disk.lock_directory("d");
    ASSERT_TRUE(again);
    held.reset();
    EXPECT_EQ(disk.lock_directory("d").error().kind, ErrorKind::busy);
    EXPECT_EQ(write(*file, 0, "after!").error().kind, ErrorKind::io);
    EXPECT_EQ(content(disk, "d/a"), "before");
}

TEST_F(SimDiskTest, PowerLossKeepsWhatWasSynced) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
        const std::string path = "d/" + std::to_string(seed);
        auto file = durable_file(path, "durable");
        const std::string boot = disk.boot_id();
        disk.power_loss(seed);
        EXPECT_EQ(content(disk, path), "durable");
        EXPECT_NE(disk.boot_id(), boot);
    }
}

TEST_F(SimDiskTest, PowerLossDropsKeepsAndTearsUnsyncedSectors) {
    const std::string old(4 * SimFile::kSector, 'o');
    const std::string fresh(6 * SimFile::kSector, 'n');
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        SimDisk one;
        ASSERT_TRUE(one.make_directory("d"));
        auto file = one.create("d/a").value();
        ASSERT_TRUE(write(*file, 0, old));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(one.sync_directory("d"));
        ASSERT_TRUE(write(*file, 0, fresh));
        one.power_loss(seed);
        const std::string after = content(one, "d/a");
        ASSERT_GE(after.size(), old.size());
        ASSERT_LE(after.size(), fresh.size());
        for (size_t i = 0; i < after.size(); ++i) {
            const size_t first = i / SimFile::kSector * SimFile::kSector;
            ASSERT_EQ(after[i], after[first]) << "torn inside a sector";
            ASSERT_TRUE(after[i] == 'n' || after[i] == (i < old.size() ? 'o' : '\0'));
        }
        seen.insert(after);
    }
    EXPECT_TRUE(seen.contains(old));
    EXPECT_TRUE(seen.contains(fresh));
    EXPECT_GT(seen.size(), 20u);
}

TEST_F(SimDiskTest, PowerLossMayForgetNamesUntilTheDirectoryIsSynced) {
    bool kept = false;
    bool forgotten = false;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimDisk one;
        ASSERT_TRUE(one.make_directory("d"));
        auto file = one.create("d/a").value();
        ASSERT_TRUE(file->sync());
        one.power_loss(seed);
        (one.exists("d/a") ? kept : forgotten) = true;
    }
    EXPECT_TRUE(kept);
    EXPECT_TRUE(forgotten);
}

TEST_F(SimDiskTest, ARenameSurvivesAsOneOrNotAtAll) {
    bool done = false;
    bool undone = false;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimDisk one;
        ASSERT_TRUE(one.make_directory("d"));
        ASSERT_TRUE(one.create("d/new").value()->sync());
        ASSERT_TRUE(one.create("d/old").value()->sync());
        ASSERT_TRUE(one.sync_directory("d"));
        ASSERT_TRUE(one.rename("d/new", "d/old"));
        one.power_loss(seed);
        ASSERT_TRUE(one.exists("d/old"));
        (one.exists("d/new") ? undone : done) = true;
    }
    EXPECT_TRUE(done);
    EXPECT_TRUE(undone);
}

TEST_F(SimDiskTest, OneOperationFailsOnceOrFromThenOn) {
    auto file = durable_file("d/a", "");
    disk.fail_at(disk.operations() + 2, ErrorKind::io, false);
    EXPECT_TRUE(write(*file, 0, "1"));
    EXPECT_EQ(write(*file, 0, "2").error().kind, ErrorKind::io);
    EXPECT_TRUE(write(*file, 0, "3"));
    disk.fail_at(disk.operations() + 1, ErrorKind::no_space, true);
    EXPECT_EQ(write(*file, 0, "4").error().kind, ErrorKind::no_space);
    EXPECT_EQ(file->sync().error().kind, ErrorKind::no_space);
    EXPECT_EQ(content(disk, "d/a").size(), 1u);
    disk.clear_faults();
    EXPECT_TRUE(file->sync());
    disk.fail_read_at(disk.read_operations() + 1, ErrorKind::io, false);
    EXPECT_EQ(disk.list("d").error().kind, ErrorKind::io);
    EXPECT_TRUE(disk.list("d"));
}

TEST_F(SimDiskTest, BytesOfAFailedSyncAreNotSavedByALaterOne) {
    bool lost = false;
    for (uint64_t seed = 0; seed < 20; ++seed) {
        SimDisk one(seed);
        ASSERT_TRUE(one.make_directory("d"));
        auto file = one.create("d/a").value();
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(one.sync_directory("d"));
        ASSERT_TRUE(write(*file, 0, "X"));
        one.fail_at(one.operations() + 1, ErrorKind::io, false);
        ASSERT_FALSE(file->sync());
        ASSERT_TRUE(file->sync());
        one.power_loss(seed);
        lost = lost || content(one, "d/a") != "X";
    }
    EXPECT_TRUE(lost);
}

TEST_F(SimDiskTest, AFailedSyncKeepsTheNewBytesReadableOrShowsTheOldOnes) {
    auto file = durable_file("d/a", "old");
    ASSERT_TRUE(write(*file, 0, "new"));
    disk.fail_at(disk.operations() + 1, ErrorKind::io, false);
    ASSERT_FALSE(file->sync());
    EXPECT_EQ(content(disk, "d/a"), "new");
    disk.set_failed_sync_reverts(true);
    ASSERT_TRUE(write(*file, 0, "xyz"));
    disk.fail_at(disk.operations() + 1, ErrorKind::io, false);
    ASSERT_FALSE(file->sync());
    EXPECT_EQ(content(disk, "d/a"), "old");
}

TEST_F(SimDiskTest, AStoppedProcessChangesNothingMore) {
    auto file = durable_file("d/a", "kept");
    disk.stop_at(disk.operations() + 1);
    EXPECT_FALSE(disk.remove("d/a"));
    EXPECT_TRUE(disk.stopped());
    EXPECT_FALSE(write(*file, 0, "lost"));
    EXPECT_FALSE(file->sync());
    EXPECT_FALSE(disk.open("d/a", false));
    disk.crash();
    EXPECT_EQ(content(disk, "d/a"), "kept");
}

TEST_F(SimDiskTest, TheWriteThatMeetsTheStopMayBePartial) {
    std::set<size_t> sizes;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimDisk one(seed);
        ASSERT_TRUE(one.make_directory("d"));
        auto file = one.create("d/a").value();
        one.stop_at(one.operations() + 1);
        EXPECT_FALSE(write(*file, 0, "0123456789"));
        EXPECT_FALSE(write(*file, 0, "never, not a byte of it"));
        one.crash();
        const std::string after = content(one, "d/a");
        EXPECT_EQ(after, std::string("0123456789").substr(0, after.size()));
        sizes.insert(after.size());
    }
    EXPECT_GT(sizes.size(), 3u);
}

TEST_F(SimDiskTest, AFullDiskTakesWhatFits) {
    auto file = disk.create("d/a").value();
    disk.set_capacity(10);
    EXPECT_EQ(disk.free_bytes("d").value(), 10u);
    EXPECT_TRUE(write(*file, 0, "12345678"));
    EXPECT_EQ(write(*file, 8, "9abc").error().kind, ErrorKind::no_space);
    EXPECT_TRUE(write(*file, 0, "xy"));  // needs no room
    disk.clear_faults();
    EXPECT_TRUE(write(*file, 8, "9abc"));
    EXPECT_EQ(content(disk, "d/a"), "xy3456789abc");
}

TEST_F(SimDiskTest, RotChangesOneBitForGood) {
    durable_file("d/a", "aaa");
    disk.flip_bit("d/a", 1, 1);
    EXPECT_EQ(content(disk, "d/a"), "aca");
    disk.power_loss(1);
    EXPECT_EQ(content(disk, "d/a"), "aca");
}

TEST_F(SimDiskTest, LogsEachOperation) {
    disk.clear_operation_log();
    EXPECT_THAT(disk.operation_log(), IsEmpty());
    auto file = disk.create("d/a").value();
    ASSERT_TRUE(write(*file, 4, "abc"));
    ASSERT_TRUE(file->sync());
    EXPECT_THAT(disk.operation_log(), ElementsAre("create d/a", "write d/a 4+3", "sync d/a"));
}

TEST_F(SimDiskTest, OneSeedReplaysOneRun) {
    const auto run = [](uint64_t seed) {
        SimDisk one(seed);
        EXPECT_TRUE(one.make_directory("d"));
        for (const char* path : {"d/a", "d/b", "d/c"}) {
            auto file = one.create(path).value();
            EXPECT_TRUE(write(*file, 0, std::string(5000, 'x')));
        }
        EXPECT_TRUE(one.rename("d/a", "d/z"));
        one.power_loss(seed);
        std::string all;
        const auto names = one.list("d").value();
        for (const auto& name : names) all += name + content(one, "d/" + name);
        return all;
    };
    EXPECT_EQ(run(7), run(7));
    std::set<std::string> different;
    for (uint64_t seed = 0; seed < 10; ++seed) different.insert(run(seed));
    EXPECT_GT(different.size(), 3u);
}

}  // namespace
}  // namespace torc
