#include "engine/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/coding.h"
#include "base/hash.h"
#include "sim/sim_disk.h"

namespace torc {
namespace {

Manifest sample() {
    Manifest manifest;
    manifest.directory_id = 1;
    manifest.hash_seed = 2;
    manifest.next_segment_id = 30;
    manifest.log_tail_id = 20;
    manifest.sealed_lsn = 40;
    manifest.highest_lsn = 50;
    manifest.databases = {0, 2, 1};
    manifest.databases_lsn = 33;
    manifest.boot_id = "01234567-89ab-cdef-0123-456789abcdef";
    manifest.segments = {{3, 4096, 10, 20, format::SegmentOrigin::log},
                         {7, 1 << 26, 5, 40, format::SegmentOrigin::compaction}};
    return manifest;
}

TEST(Manifest, GivesBackWhatWasStored) {
    SimDisk disk;
    ASSERT_TRUE(disk.make_directory("d"));
    EXPECT_EQ(load_manifest(disk, "d").error().kind, ErrorKind::not_found);
    for (const Manifest& manifest : {sample(), Manifest{}}) {
        ASSERT_TRUE(store_manifest(disk, "d", manifest));
        const auto loaded = load_manifest(disk, "d");
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(*loaded, manifest);
    }
}

TEST(Manifest, ABitFlippedAtEveryByteIsFound) {
    const std::string bytes = encode_manifest(sample());
    for (size_t at = 0; at < bytes.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = bytes;
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
            const auto decoded = decode_manifest(flipped, "d/MANIFEST");
            ASSERT_FALSE(decoded) << at;
            EXPECT_EQ(decoded.error().kind, ErrorKind::corrupt);
            EXPECT_THAT(decoded.error().message, testing::HasSubstr("d/MANIFEST"));
        }
    }
}

TEST(Manifest, CutAtEveryByteIsFound) {
    const std::string bytes = encode_manifest(sample());
    for (size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_manifest(std::string_view(bytes).substr(0, size), "m")) << size;
    EXPECT_FALSE(decode_manifest(bytes + "x", "m"));
}

TEST(Manifest, RefusesANewerVersionWithARemedy) {
    std::string bytes = encode_manifest(sample());
    store_le<uint32_t>(bytes.data() + 8, format::kVersion + 1);
    const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 8);
    store_le(bytes.data() + body.size(), hash64(body, 0x746f72636d616e31ULL));
    const auto decoded = decode_manifest(bytes, "m");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().kind, ErrorKind::refused);
    EXPECT_THAT(decoded.error().message, testing::HasSubstr("newer"));
}

TEST(Manifest, EveryFailureLeavesTheOldOneOrTheNewOne) {
    Manifest next = sample();
    next.next_segment_id = 99;
    for (uint64_t n = 1;; ++n) {
        SimDisk disk;
        ASSERT_TRUE(disk.make_directory("d"));
        ASSERT_TRUE(store_manifest(disk, "d", sample()));
        const uint64_t at = disk.operations() + n;
        disk.fail_at(at, ErrorKind::io, false);
        const auto stored = store_manifest(disk, "d", next);
        const bool struck = disk.operations() >= at;
        EXPECT_EQ(stored.has_value(), !struck);
        disk.power_loss(n);
        const auto loaded = load_manifest(disk, "d");
        ASSERT_TRUE(loaded) << n;
        EXPECT_TRUE(*loaded == sample() || *loaded == next);
        if (stored) {
            EXPECT_EQ(*loaded, next);
        }
        if (!struck) break;
    }
}

}  // namespace
}  // namespace torc
