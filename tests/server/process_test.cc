#include "server/process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace torc {
namespace {

TEST(Process, ThePidFileHoldsThePidAndGoesWithItsOwner) {
    const std::string path = "/tmp/torc-process-test-" + std::to_string(::getpid()) + ".pid";
    {
        const PidFile file(path);
        int pid = 0;
        std::ifstream(path) >> pid;
        EXPECT_EQ(pid, ::getpid());
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Process, APidFileThatCannotBeWrittenIsNoReasonToStop) {
    const PidFile file("/no/such/directory/torc.pid");
}

[[noreturn]] void exit_with_verdict_on_a_small_limit() {
    const rlimit limit{512, 512};
    const bool lowered = ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
    constexpr int64_t kTooMany = 100'000'000'000;
    const int64_t few = make_room_for_clients(100);
    const int64_t many = make_room_for_clients(kTooMany);
    // 512 files: a quarter is ours, the rest is theirs; root may have raised the limit, though never so far.
    ::_exit(lowered && few == 100 && many < kTooMany && many >= 384 ? 0 : 1);
}

TEST(Process, AHardLimitOnOpenFilesLimitsTheClients) {
    // In a child: a lowered hard limit can't always be raised again.
    EXPECT_EXIT(exit_with_verdict_on_a_small_limit(), testing::ExitedWithCode(0), "");
}

TEST(Process, TheLimitIsRaisedWhereItMayBe) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low{256, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    if (before.rlim_max >= 2048) {
        EXPECT_EQ(make_room_for_clients(1000), 1000);
    }
    rlimit after{};
    ::getrlimit(RLIMIT_NOFILE, &after);
    EXPECT_GT(after.rlim_cur, 256u);
    ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace torc
