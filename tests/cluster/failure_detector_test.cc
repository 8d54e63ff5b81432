// Who is found dead, how soon, and who never is: many cores over a fake net.
#include "cluster/failure_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/cluster/fake_members.h"

namespace torc {
namespace {

using Kind = MembershipEvent::Kind;

bool all_others_see(FakeMembers& members, size_t subject, Liveness liveness) {
    for (size_t i = 0; i < members.size(); ++i) {
        if (i != subject && !members.sees(i, subject, liveness)) return false;
    }
    return true;
}

TEST(FailureDetector, ACrashIsSuspectedWithinOneSecondAndConfirmedByAllWithinThree) {
    for (const size_t count : {3, 4, 5, 8, 16, 32}) {
        int64_t worst_first = 0, worst_all = 0, worst_down = 0;
        for (uint64_t seed = 1; seed <= 10; ++seed) {
            FakeMembers members(seed * 1000 + count);
            members.form(count);
            members.run(static_cast<int64_t>(seed * 37));
            const size_t victim = seed % count;
            const int64_t crashed_ms = members.now_ms();
            members.crash(victim);
            const auto suspected = [&](size_t of) {
                const Member* member = members.view(of, victim);
                return member->liveness == Liveness::suspect || member->liveness == Liveness::down;
            };
            ASSERT_TRUE(members.run_until(
                [&] {
                    for (size_t i = 0; i < count; ++i) {
                        if (i != victim && suspected(i)) return true;
                    }
                    return false;
                },
                5000));
            worst_first = std::max(worst_first, members.now_ms() - crashed_ms);
            ASSERT_TRUE(members.run_until(
                [&] {
                    for (size_t i = 0; i < count; ++i) {
                        if (i != victim && !suspected(i)) return false;
                    }
                    return true;
                },
                5000))
                << members.story();
            worst_all = std::max(worst_all, members.now_ms() - crashed_ms);
            ASSERT_TRUE(
                members.run_until([&] { return all_others_see(members, victim, Liveness::down); }, 10'000))
                << members.story();
            worst_down = std::max(worst_down, members.now_ms() - crashed_ms);
            for (const auto& seen : members.events(Kind::confirmed_down))
                EXPECT_EQ(seen.event.id, FakeMembers::id_of(victim)) << members.story();
        }
        EXPECT_LE(worst_all, 1000) << count << " nodes";
        EXPECT_LE(worst_down, 3000) << count << " nodes";
    }
}

void no_false_confirmation(size_t count, uint64_t seed, int64_t for_ms) {
    FakeMembers members(seed);
    members.form(count);
    members.net.loss_percent = 30;
    members.run(for_ms);
    EXPECT_TRUE(members.events(Kind::confirmed_down).empty()) << count << " nodes, seed " << seed << "\n"
                                                              << members.story();
    members.net.loss_percent = 0;
    EXPECT_TRUE(members.run_until([&] { return members.all_alive(); }, 5000)) << members.story();
}

TEST(FailureDetector, NobodyIsConfirmedInMinutesOfHeavyLoss) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        no_false_confirmation(5, seed, 5 * 60'000);
        no_false_confirmation(16, seed, 2 * 60'000);
    }
}

TEST(FailureDetector, NobodyIsConfirmedInAnHourOfHeavyLossFiveNodes) {
    for (uint64_t seed = 11; seed <= 13; ++seed) no_false_confirmation(5, seed, 3'600'000);
}

TEST(FailureDetector, NobodyIsConfirmedInAnHourOfHeavyLossSixteenNodes) {
    no_false_confirmation(16, 21, 3'600'000);
}

TEST(FailureDetector, NobodyIsConfirmedInAnotherHourOfHeavyLossSixteenNodes) {
    no_false_confirmation(16, 22, 3'600'000);
}

}  // namespace
}  // namespace torc
