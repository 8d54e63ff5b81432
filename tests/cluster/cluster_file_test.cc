#include "cluster/cluster_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/coding.h"
#include "base/hash.h"
#include "sim/sim_disk.h"

namespace torc {
namespace {

using testing::HasSubstr;

constexpr size_t kVersionAt = 8;

TEST(ClusterFile, GivesBackWhatWasStored) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    EXPECT_EQ(load_cluster_file(disk, "d", kRingFileName).error().kind, ErrorKind::not_found);
    for (const std::string& bytes : {std::string("first"), std::string(), std::string(100'000, 'x')}) {
        ASSERT_TRUE(store_cluster_file(disk, "d", kRingFileName, bytes));
        disk.power_loss(bytes.size());
        EXPECT_EQ(load_cluster_file(disk, "d", kRingFileName).value(), bytes);
    }
}

TEST(ClusterFile, DamageAnywhereIsFoundAndNamesFileAndRemedy) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    ASSERT_TRUE(store_cluster_file(disk, "d", kRingFileName, "votes"));
    const uint64_t size = read_file(disk, "d/cluster-ring")->size();
    for (uint64_t at = 0; at < size; ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            disk.flip_bit("d/cluster-ring", at, bit);
            const auto loaded = load_cluster_file(disk, "d", kRingFileName);
            ASSERT_FALSE(loaded) << at;
            EXPECT_EQ(loaded.error().kind, ErrorKind::corrupt);
            EXPECT_THAT(loaded.error().message, HasSubstr("d/cluster-ring"));
            EXPECT_THAT(loaded.error().message, HasSubstr("--cluster-replace"));
            disk.flip_bit("d/cluster-ring", at, bit);
        }
    }
    EXPECT_TRUE(load_cluster_file(disk, "d", kRingFileName));
}

TEST(ClusterFile, CutAnywhereIsFound) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    ASSERT_TRUE(store_cluster_file(disk, "d", kRingFileName, "votes"));
    const std::string whole = *read_file(disk, "d/cluster-ring");
    for (size_t size = 0; size < whole.size(); ++size) {
        ASSERT_TRUE(replace_file(disk, "d/cluster-ring", std::string_view(whole).substr(0, size)));
        EXPECT_FALSE(load_cluster_file(disk, "d", kRingFileName)) << size;
    }
}

TEST(ClusterFile, OneFileUnderTheNameOfTheOtherIsFound) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    ASSERT_TRUE(store_cluster_file(disk, "d", kNodeFileName, "bytes"));
    ASSERT_TRUE(disk.rename("d/cluster-node", "d/cluster-ring"));
    EXPECT_EQ(load_cluster_file(disk, "d", kRingFileName).error().kind, ErrorKind::corrupt);
}

TEST(ClusterFile, ANewerVersionIsNoDamage) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    ASSERT_TRUE(store_cluster_file(disk, "d", kRingFileName, "votes"));
    std::string bytes = *read_file(disk, "d/cluster-ring");
    store_le<uint32_t>(bytes.data() + kVersionAt, 2);
    const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 8);
    store_le(bytes.data() + body.size(), hash64(body, hash64(kRingFileName, 0x746f7263636c7573ULL)));
    ASSERT_TRUE(replace_file(disk, "d/cluster-ring", bytes));
    const auto loaded = load_cluster_file(disk, "d", kRingFileName);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, ErrorKind::refused);
    EXPECT_THAT(loaded.error().message, HasSubstr("newer"));
}

TEST(ClusterFile, EveryFailureLeavesTheOldOneOrTheNewOne) {
    for (uint64_t n = 1;; ++n) {
        SimDisk disk(n);
        ASSERT_TRUE(disk.make_directory("d"));
        RingFile file(disk, "d");
        ASSERT_TRUE(file.save("old"));
        const uint64_t at = disk.operations() + n;
        disk.fail_at(at, n % 2 == 0 ? ErrorKind::io : ErrorKind::no_space, false);
        const auto saved = file.save("new");
        const bool struck = disk.operations() >= at;
        EXPECT_EQ(saved.has_value(), !struck) << n;
        if (!saved) {
            EXPECT_THAT(saved.error().message, testing::StartsWith("d")) << "file or directory";
        }
        disk.power_loss(n);
        const auto loaded = file.load();
        ASSERT_TRUE(loaded) << n;
        EXPECT_TRUE(*loaded == "old" || *loaded == "new");
        if (saved) {
            EXPECT_EQ(*loaded, "new");
        }
        disk.clear_faults();
        EXPECT_TRUE(file.save("newest")) << "leftovers are in nobody's way";
        if (!struck) break;
    }
}

TEST(RingFile, MissingIsAnErrorBecauseVotesWouldBeForgotten) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    RingFile file(disk, "d");
    const auto loaded = file.load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(loaded.error().message, HasSubstr("missing"));
}

TEST(RingFile, AReadThatFailsIsNoDamage) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    RingFile file(disk, "d");
    ASSERT_TRUE(file.save("votes"));
    disk.fail_read_at(disk.read_operations() + 1, ErrorKind::io, true);
    EXPECT_EQ(file.load().error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace torc
