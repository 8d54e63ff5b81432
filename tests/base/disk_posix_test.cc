#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/disk.h"

namespace torc {
namespace {

class DiskPosix : public testing::Test {
  protected:
    DiskPosix() {
        std::string name = testing::TempDir() + "torc-disk-XXXXXX";
        directory_ = mkdtemp(name.data());
    }
    ~DiskPosix() override {
        const std::string command = "rm -rf '" + directory_ + "'";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    Disk& disk_ = posix_disk();
    std::string directory_;
};

TEST_F(DiskPosix, WritesAndReadsPieces) {
    auto file = disk_.create(path("a"));
    ASSERT_TRUE(file) << file.error().message;
    std::vector<std::string> owned;
    std::string all;
    for (int i = 0; i < 200; ++i) {  // more than one call takes; empty ones among them
        owned.push_back(std::string(static_cast<size_t>(i % 50), static_cast<char>('a' + i % 26)));
        all += owned.back();
    }
    const std::vector<std::string_view> pieces(owned.begin(), owned.end());
    ASSERT_TRUE((*file)->write_at(3, pieces));
    EXPECT_EQ(*(*file)->size(), 3 + all.size());
    std::string read(all.size() + 10, '?');
    EXPECT_EQ(*(*file)->read_at(3, read), all.size());
    EXPECT_EQ(read.substr(0, all.size()), all);
    EXPECT_EQ(*(*file)->read_at(100'000, read), 0u);
    EXPECT_TRUE((*file)->sync());
    ASSERT_TRUE((*file)->truncate(10));
    EXPECT_EQ(*(*file)->size(), 10u);
    EXPECT_TRUE((*file)->write_at(0, {}));
}

TEST_F(DiskPosix, NamesTheErrorAndThePath) {
    const auto expect = [&](const Error& error, ErrorKind kind, const std::string& name) {
        EXPECT_EQ(error.kind, kind) << error.message;
        EXPECT_THAT(error.message, testing::HasSubstr(name));
    };
    expect(disk_.open(path("none"), false).error(), ErrorKind::not_found, path("none"));
    expect(disk_.remove(path("none")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.rename(path("none"), path("b")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.hard_link(path("none"), path("b")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.list(path("none")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.sync_directory(path("none")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.free_bytes(path("none")).error(), ErrorKind::not_found, path("none"));
    expect(disk_.lock_directory(path("none")).error(), ErrorKind::not_found, path("none"));
    expect(read_file(disk_, path("none")).error(), ErrorKind::not_found, path("none"));
    ASSERT_TRUE(disk_.create(path("a")));
    expect(disk_.create(path("a")).error(), ErrorKind::exists, path("a"));
    expect(disk_.make_directory(path("a")).error(), ErrorKind::exists, path("a"));
    const std::string_view piece = "x";
    expect((*disk_.open(path("a"), false))->write_at(0, {&piece, 1}).error(), ErrorKind::io, path("a"));
}

TEST_F(DiskPosix, AFullDeviceIsNoSpace) {
    auto full = disk_.open("/dev/full", true);
    ASSERT_TRUE(full);
    const std::string_view piece = "x";
    const auto written = (*full)->write_at(0, {&piece, 1});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::no_space);
}

TEST_F(DiskPosix, Names) {
    ASSERT_TRUE(disk_.make_directory(path("x/y/z")));
    ASSERT_TRUE(disk_.make_directory(path("x/y/z")));
    ASSERT_TRUE(replace_file(disk_, path("x/b"), "one"));
    ASSERT_TRUE(replace_file(disk_, path("x/b"), "two"));
    EXPECT_EQ(*read_file(disk_, path("x/b")), "two");
    ASSERT_TRUE(disk_.hard_link(path("x/b"), path("x/c")));
    ASSERT_TRUE(disk_.rename(path("x/b"), path("x/a")));
    EXPECT_EQ(*disk_.list(path("x")), (std::vector<std::string>{"a", "c", "y"}));
    ASSERT_TRUE(disk_.remove(path("x/a")));
    EXPECT_FALSE(disk_.exists(path("x/a")));
    EXPECT_EQ(*read_file(disk_, path("x/c")), "two");
    EXPECT_TRUE(disk_.sync_directory(path("x")));
    EXPECT_GT(*disk_.free_bytes(path("x")), 0u);
}

TEST_F(DiskPosix, ReplacingPassesOverTheDraftOfAnEarlierAttempt) {
    ASSERT_TRUE(disk_.create(path("a.tmp")));
    ASSERT_TRUE(replace_file(disk_, path("a"), "new"));
    EXPECT_EQ(*read_file(disk_, path("a")), "new");
    EXPECT_FALSE(disk_.exists(path("a.tmp")));
}

TEST_F(DiskPosix, ADirectoryHasOneOwner) {
    auto lock = disk_.lock_directory(directory_);
    ASSERT_TRUE(lock);
    const auto second = disk_.lock_directory(directory_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
    EXPECT_THAT(second.error().message, testing::HasSubstr(directory_));
    lock->reset();
    EXPECT_TRUE(disk_.lock_directory(directory_));
}

TEST_F(DiskPosix, KnowsTheBoot) {
    const std::string id = disk_.boot_id();
    EXPECT_EQ(id.size(), 36u);
    EXPECT_EQ(id, disk_.boot_id());
}

}  // namespace
}  // namespace torc
