#include "engine/scrubber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mini_store.h"

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kFast = 1ull << 40;

struct ScrubberTest : ::testing::Test {
    ScrubberTest() {
        EXPECT_TRUE(store.open());
        scrubber = std::make_unique<Scrubber>(store.set(), store, clock,
                                              [this](DbId, const std::string& key) { found.push_back(key); });
    }
    void rot(const std::string& bytes, uint64_t back = 0) {
        const std::string path = store.path_holding(bytes);
        disk.flip_bit(path, read_file(disk, path)->find(bytes) - back, 3);
    }
    void round(uint64_t rate = kFast) {
        const uint64_t before = scrubber->stats().rounds;
        for (int i = 0; i < 100'000 && scrubber->stats().rounds == before; ++i) {
            const auto wait_us = scrubber->step(rate);
            ASSERT_TRUE(wait_us) << wait_us.error().message;
            clock.advance_ms(*wait_us / 1000 + 1);
        }
        ASSERT_EQ(scrubber->stats().rounds, before + 1);
    }

    SimDisk disk{3};
    SimClock clock;
    MiniStore store{disk, clock};
    std::vector<std::string> found;
    std::unique_ptr<Scrubber> scrubber;
};

TEST_F(ScrubberTest, FindsLiveRecordsThatRotted) {
    for (int i = 0; i < 300; ++i) store.put("key" + std::to_string(i), "value" + std::to_string(i) + ".");
    store.put("old", "the old value");
    ASSERT_TRUE(store.seal());
    store.put("old", "the new value");
    ASSERT_TRUE(store.seal());
    round();
    EXPECT_THAT(found, IsEmpty());
    EXPECT_EQ(scrubber->stats().damaged_records, 0u);
    const uint64_t bytes = scrubber->stats().bytes;
    EXPECT_GT(bytes, 300u * 32);
    rot("value17.");
    rot("value200.");
    rot("the old value");  // nobody needs it
    round();
    EXPECT_THAT(found, ElementsAre("key17", "key200"));
    EXPECT_EQ(scrubber->stats().damaged_records, 2u);
    EXPECT_EQ(scrubber->stats().bytes, 2 * bytes);
    // What has been written anew isn't found again.
    store.put("key17", "again");
    round();
    EXPECT_THAT(found, ElementsAre("key17", "key200", "key200"));
}

TEST_F(ScrubberTest, GoesOnBehindWhatItCantRead) {
    store.put("a", "first value");
    store.put("b", "second value");
    store.put("c", "third value");
    ASSERT_TRUE(store.seal());
    rot("afirst", 20);
    rot("third value");
    round();
    EXPECT_EQ(scrubber->stats().unreadable_ranges, 1u);
    EXPECT_THAT(found, ElementsAre("c"));
}

TEST_F(ScrubberTest, KeepsToItsRateAndRestsBetweenRounds) {
    for (int i = 0; i < 300; ++i) store.put("key" + std::to_string(i), std::string(2000, 'v'));
    ASSERT_TRUE(store.seal());
    EXPECT_EQ(*scrubber->step(0), 1'000'000);
    EXPECT_EQ(scrubber->stats().bytes, 0u);
    const int64_t begun = clock.monotonic_ns();
    round(100'000);
    const double seconds = static_cast<double>(clock.monotonic_ns() - begun) / 1e9;
    EXPECT_NEAR(seconds, static_cast<double>(scrubber->stats().bytes) / 100'000, 2);
    EXPECT_GT(*scrubber->step(kFast), 3'000'000'000 - 2'000'000);
    EXPECT_EQ(scrubber->stats().rounds, 1u);
}

TEST_F(ScrubberTest, AReadThatFailsIsForTheNextRound) {
    store.put("a", "first value");
    ASSERT_TRUE(store.seal());
    rot("first value");
    int failures = 0;
    for (uint64_t n = 1;; ++n) {
        Scrubber fresh(store.set(), store, clock,
                       [this](DbId, const std::string& key) { found.push_back(key); });
        found.clear();
        disk.fail_read_at(disk.read_operations() + n, ErrorKind::io, false);
        bool failed = false;
        while (fresh.stats().rounds == 0) {
            const auto wait_us = fresh.step(kFast);
            failed |= !wait_us;
            clock.advance_ms(1);
        }
        disk.clear_faults();
        if (!failed) break;
        ++failures;
        clock.advance_ms(3'700'000);
        found.clear();
        while (fresh.stats().rounds == 1) {
            ASSERT_TRUE(fresh.step(kFast));
            clock.advance_ms(1);
        }
        EXPECT_THAT(found, ElementsAre("a"));
    }
    EXPECT_GT(failures, 0);
}

TEST_F(ScrubberTest, ASegmentThatIsCompactedAwayMeanwhileIsLeft) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = 0; i < 300; ++i)
        pairs.emplace_back("key" + std::to_string(i), std::string(2000, 'v') + std::to_string(i) + ".");
    store.put_all(pairs);
    ASSERT_TRUE(store.seal());
    const std::string path = store.path_holding("v299.");
    rot("v299.");
    ASSERT_TRUE(scrubber->step(kFast));
    ASSERT_GT(scrubber->stats().bytes, 0u);
    ASSERT_LT(scrubber->stats().bytes, 300u * 2000);
    for (const auto& [key, value] : pairs) store.put(key, "new");
    ASSERT_TRUE(store.seal());
    ASSERT_TRUE(store.compact({MiniStore::kSegmentBytes, 110, 0}));
    ASSERT_FALSE(disk.exists(path));
    round();
    EXPECT_THAT(found, IsEmpty());
}

TEST_F(ScrubberTest, ARoundEndsThoughSegmentsAreSealedAllTheTime) {
    for (int i = 0; i < 20 && scrubber->stats().rounds == 0; ++i) {
        store.put("key" + std::to_string(i), "value");
        ASSERT_TRUE(store.seal());
        ASSERT_TRUE(scrubber->step(kFast));
        clock.advance_ms(1);
    }
    EXPECT_EQ(scrubber->stats().rounds, 1u);
}

}  // namespace
}  // namespace torc
