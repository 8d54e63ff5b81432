#include "engine/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/directory_check.h"
#include "engine/directory_files.h"
#include "mini_store.h"

namespace torc {
namespace {

constexpr CompactionLimits kCompactAll{
    .segment_bytes = MiniStore::kSegmentBytes, .max_space_percent = 100, .slack_segments = 0};
constexpr const char* kTarget = "data/backups/20261122-120000";

/// A store with values, some of them not even written yet.
struct Scene {
    explicit Scene(uint64_t seed = 1) : disk(seed), store(disk, clock) {
        EXPECT_TRUE(store.open());
        for (int i = 0; i < 100; ++i) store.put("key" + std::to_string(i), "value" + std::string(60, '.'));
        EXPECT_TRUE(store.seal());
        for (int i = 0; i < 50; ++i) store.put("key" + std::to_string(i), "second");
        store.put("more", "x", 4);
        store.flush_db(4);
        for (int i = 40; i < 60; ++i) store.erase("key" + std::to_string(i));
        expected = [&] {
            MiniStore::Contents all;
            for (int i = 0; i < 100; ++i) {
                if (i >= 40 && i < 60) continue;
                all["0/key" + std::to_string(i)] = i < 50 ? "second" : "value" + std::string(60, '.');
            }
            return all;
        }();
    }
    Result<BackupReport> backup(const std::string& target = kTarget) {
        return make_backup(store.set(), store.log(), target);
    }
    MiniStore::Contents restored(const std::string& target = kTarget) {
        MiniStore copy(disk, clock, target);
        const auto report = copy.open();
        EXPECT_TRUE(report) << report.error().message;
        return report ? copy.contents() : MiniStore::Contents{};
    }

    SimDisk disk;
    SimClock clock;
    MiniStore store;
    MiniStore::Contents expected;
};

TEST(Backup, HoldsEverythingAppendedBeforeAndWorksAsADataDirectory) {
    Scene scene;
    const auto report = scene.backup();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->path, kTarget);
    EXPECT_GT(report->segments, 1u);
    const auto files = read_directory(scene.disk, kTarget).value();
    EXPECT_TRUE(check_directory(scene.disk, files, {})->clean());
    EXPECT_EQ(scene.restored(), scene.expected);
}

TEST(Backup, StaysAsItIsWhateverTheServerDoesAfterwards) {
    Scene scene;
    ASSERT_TRUE(scene.backup());
    for (int i = 0; i < 100; ++i) scene.store.put("key" + std::to_string(i), "later");
    scene.store.erase("key1");
    ASSERT_TRUE(scene.store.seal());
    ASSERT_TRUE(scene.store.compact(kCompactAll));
    EXPECT_GT(scene.store.compaction().stats().bytes_freed, 0u);
    EXPECT_EQ(scene.restored(), scene.expected);
    // And the other way round: what was done to the copy isn't seen here.
    EXPECT_EQ(scene.store.contents().size(), 99u);
}

TEST(Backup, CostsNoSpaceButTheManifest) {
    Scene scene;
    ASSERT_TRUE(scene.store.seal());
    const uint64_t before = scene.disk.used_bytes();
    ASSERT_TRUE(scene.backup());
    EXPECT_LT(scene.disk.used_bytes(), before + 1024);
}

TEST(Backup, SurvivesAPowerLossFromTheMomentItIsReported) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Scene scene(seed);
        ASSERT_TRUE(scene.backup());
        scene.disk.power_loss(seed);
        ASSERT_EQ(scene.restored(), scene.expected) << seed;
    }
}

TEST(Backup, RefusesATargetThatIsThere) {
    Scene scene;
    ASSERT_TRUE(scene.disk.make_directory(kTarget));
    EXPECT_EQ(scene.backup().error().kind, ErrorKind::exists);
}

TEST(Backup, NamesComeFromTheClockAndNeverClash) {
    SimDisk disk;
    const int64_t noon = 1'795'348'800'000;  // 2026-11-22 12:00:00 UTC
    EXPECT_EQ(backup_path(disk, "data", noon), kTarget);
    ASSERT_TRUE(disk.make_directory(kTarget));
    EXPECT_EQ(backup_path(disk, "data", noon), std::string(kTarget) + "-2");
    ASSERT_TRUE(disk.make_directory(std::string(kTarget) + "-2"));
    EXPECT_EQ(backup_path(disk, "data", noon + 999), std::string(kTarget) + "-3");
}

TEST(Backup, AnyFailingOperationMeansNoBackupAndNoHarm) {
    for (uint64_t n = 1;; ++n) {
        Scene scene(n);
        const uint64_t start = scene.disk.operations();
        scene.disk.fail_at(start + n, ErrorKind::no_space, false);
        const auto report = scene.backup();
        const bool struck = scene.disk.operations() >= start + n;
        scene.disk.clear_faults();
        if (!report && scene.disk.exists(kTarget)) {
            // Only the very last step, syncing the parent, may fail after the rename.
            ASSERT_EQ(scene.restored(), scene.expected) << n;
        }
        if (report) {
            ASSERT_EQ(scene.restored(), scene.expected) << n;
        }
        const auto again = scene.backup("data/backups/again");
        ASSERT_TRUE(again) << n << (again ? "" : again.error().message);
        ASSERT_EQ(scene.restored("data/backups/again"), scene.expected) << n;
        ASSERT_EQ(scene.store.contents(), scene.expected) << n;
        if (!struck) break;
        ASSERT_LT(n, 300u);
    }
}

TEST(Backup, DyingAnywhereLeavesACompleteBackupOrADraft) {
    for (const bool power : {false, true}) {
        for (uint64_t n = 1;; ++n) {
            Scene scene(n);
            scene.disk.stop_at(scene.disk.operations() + n);
            (void)scene.backup();
            const bool reached = scene.disk.stopped();
            if (power)
                scene.disk.power_loss(n);
            else
                scene.disk.crash();
            if (scene.disk.exists(kTarget)) {
                ASSERT_EQ(scene.restored(), scene.expected) << n;
                ASSERT_TRUE(scene.store.open());
            } else {
                ASSERT_TRUE(scene.store.open());
                const auto again = scene.backup();
                ASSERT_TRUE(again) << again.error().message;
                ASSERT_EQ(scene.restored(), scene.store.contents()) << n;
                ASSERT_EQ(scene.disk.list("data/backups")->size(), 1u) << "a draft was left behind";
            }
            if (!reached) break;
            ASSERT_LT(n, 300u);
        }
    }
}

}  // namespace
}  // namespace torc
