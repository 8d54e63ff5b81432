#include "engine/expiry_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

using Ref = ExpiryWheel::Ref;
constexpr int64_t kStart = 1'700'000'000'000;

TEST(ExpiryWheel, RefKeepsItsParts) {
    const Ref ref = Ref::of(15, 16383, 0xfedcba9876543210, kStart + 77);
    EXPECT_EQ(ref.db(), 15);
    EXPECT_EQ(ref.slot(), 16383);
    EXPECT_EQ(ref.hash, 0xfedcba9876543210u);
    EXPECT_EQ(ref.at_ms(), kStart + 77);
    EXPECT_EQ(Ref::of(0, 0, 1, -5).at_ms(), 0);
    EXPECT_EQ(Ref::of(0, 0, 1, INT64_MAX).at_ms(), ExpiryWheel::kMaxTime);
}

TEST(ExpiryWheel, NothingComesEarlyAndAllComesInTime) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Rng rng(seed);
        ExpiryWheel wheel(kStart);
        std::map<uint64_t, int64_t> noted;
        int64_t now = kStart;
        uint64_t next = 1;
        for (int round = 0; round < 400; ++round) {
            for (uint64_t i = rng.below(5); i > 0; --i) {
                // From past due to six years ahead, each magnitude alike.
                const int64_t ahead = static_cast<int64_t>(rng.next() >> (64 - 1 - rng.below(37)));
                const int64_t at = now - 100 + ahead;
                wheel.add(Ref::of(0, 0, next, at));
                noted[next++] = at;
            }
            const int64_t promised = wheel.next_due_ms();
            now += static_cast<int64_t>(rng.next() >> (64 - 1 - rng.below(33)));
            std::vector<Ref> due;
            for (size_t before = 1; before != 0;) {
                before = due.size();
                wheel.take_due(now, 1 + rng.below(50), due);
                const bool more = due.size() != before || wheel.next_due_ms() <= now;
                before = more ? 1 : 0;
            }
            if (!due.empty()) {
                EXPECT_LE(promised, now) << "seed " << seed;
            }
            for (const Ref& ref : due) {
                EXPECT_LE(ref.at_ms(), now) << "seed " << seed;
                EXPECT_EQ(noted.erase(ref.hash), 1u) << "seed " << seed;
            }
            for (const auto& [hash, at] : noted) EXPECT_GT(at, now - 256) << "late, seed " << seed;
            ASSERT_EQ(wheel.size(), noted.size());
        }
    }
}

TEST(ExpiryWheel, TheLimitBoundsOneTake) {
    ExpiryWheel wheel(kStart);
    for (uint64_t i = 0; i < 100; ++i) wheel.add(Ref::of(0, 0, i, kStart + 1));
    std::vector<Ref> due;
    wheel.take_due(kStart + 1000, 30, due);
    EXPECT_EQ(due.size(), 30u);
    EXPECT_LE(wheel.next_due_ms(), kStart + 1000);
    wheel.take_due(kStart + 1000, 1000, due);
    EXPECT_EQ(due.size(), 100u);
    EXPECT_EQ(wheel.next_due_ms(), INT64_MAX);
}

TEST(ExpiryWheel, SweepGoesRoundAndDropsEqualOnes) {
    ExpiryWheel wheel(kStart);
    for (int i = 0; i < 500; ++i) wheel.add(Ref::of(0, 0, 1, kStart + 5000));
    for (uint64_t i = 0; i < 500; ++i) wheel.add(Ref::of(0, 0, 100 + i, kStart + 1000 * i));
    EXPECT_FALSE(wheel.overfull(1));
    std::vector<Ref> swept;
    wheel.sweep(2000, swept);
    EXPECT_EQ(swept.size(), 501u);
    EXPECT_EQ(wheel.size(), 0u);
    EXPECT_TRUE(std::ranges::is_sorted(swept));
    swept.clear();
    wheel.sweep(10, swept);
    EXPECT_TRUE(swept.empty());
}

TEST(ExpiryWheel, SampleFindsEachSometimes) {
    ExpiryWheel wheel(kStart);
    EXPECT_EQ(wheel.sample(1), nullptr);
    for (uint64_t i = 0; i < 50; ++i)
        wheel.add(Ref::of(0, 0, i, kStart + static_cast<int64_t>(i * i * 1000)));
    Rng rng(3);
    std::vector<int> seen(50);
    for (int i = 0; i < 5000; ++i) ++seen[wheel.sample(rng.next())->hash];
    for (const int count : seen) EXPECT_GT(count, 0);
}

TEST(ExpiryWheel, EmptiedPlacesGiveTheirMemoryBack) {
    ExpiryWheel wheel(kStart);
    const size_t empty = wheel.bytes();
    for (uint64_t i = 0; i < 10000; ++i) wheel.add(Ref::of(0, 0, i, kStart + static_cast<int64_t>(i)));
    EXPECT_GT(wheel.bytes(), empty + 10000 * sizeof(Ref) - 1);
    std::vector<Ref> due;
    wheel.take_due(kStart + 100'000, 20000, due);
    EXPECT_EQ(due.size(), 10000u);
    EXPECT_EQ(wheel.bytes(), empty);
}

}  // namespace
}  // namespace torc
