#include "engine/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "engine/segment_set_writer.h"
#include "tests/engine/log_fixture.h"

namespace torc {
namespace {

TEST(Log, RestoresWhatWasWritten) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    f.put("b", "2", 3, 12345);
    const Lsn last = f.put("a", "3");
    EXPECT_TRUE(f.log->flush());
    EXPECT_EQ(f.log->written_lsn(), last);
    const auto report = f.restart();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(f.contents(), (Contents{{"a", "3"}}));
    EXPECT_EQ(f.contents(3), (Contents{{"b", "2"}}));
    EXPECT_EQ(report->highest_lsn, last);
    EXPECT_EQ(report->keys, 2u);
    EXPECT_TRUE(report->messages.empty());
    EXPECT_EQ(f.found.front().key.lsn, f.found.front().record->lsn);
}

TEST(Log, LsnsFollowTheClockAndNeverGoBack) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const Lsn first = f.put("a", "1");
    EXPECT_EQ(first, static_cast<Lsn>(f.clock.wall_ms()) << 16);
    EXPECT_EQ(f.put("a", "2"), first + 1);
    f.clock.advance_ms(5);
    EXPECT_EQ(f.put("a", "3"), static_cast<Lsn>(f.clock.wall_ms()) << 16);
    f.clock.jump_wall_us(-3'600'000'000);
    const Lsn later = f.put("a", "4");
    EXPECT_GT(later, first + 1);
    ASSERT_TRUE(f.log->flush());
    ASSERT_TRUE(f.restart());
    EXPECT_GT(f.put("a", "5"), later);
}

TEST(Log, ABatchHasConsecutiveLsnsAndAddresses) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    LogBatch batch;
    batch.add_put(0, f.key("a"), ValueType::string, "one", kNoExpiry);
    batch.add_tombstone(0, f.key("b"));
    batch.add_put(1, f.key("c"), ValueType::string, "three", 99);
    const Lsn last = f.append(batch);
    EXPECT_EQ(batch.change(0).lsn, last - 2);
    EXPECT_EQ(batch.change(2).lsn, last);
    EXPECT_FALSE(f.log->is_written(batch.change(0).address));
    ASSERT_TRUE(f.log->flush());
    EXPECT_TRUE(f.log->is_written(batch.change(2).address));
    const auto record = f.set->read(batch.change(2).address, batch.change(2).size);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->key, "c");
    EXPECT_EQ(record->value, "three");
    EXPECT_EQ(record->expire_at_ms, 99);
    EXPECT_EQ(record->db, 1);
    EXPECT_EQ(record->lsn, last);
}

TEST(Log, RollsAndSealsSegments) {
    LogFixture f(2048);
    ASSERT_TRUE(f.start());
    Contents model;
    for (int i = 0; i < 200; ++i) {
        const std::string name = "key" + std::to_string(i % 50),
                          value(i % 90, static_cast<char>('a' + i % 26));
        f.put(name, value);
        model[name] = value;
        if (i % 7 == 0) {
            ASSERT_TRUE(f.log->flush());
        }
        if (i % 31 == 0) {
            ASSERT_TRUE(f.log->sync());
            while (f.log->background_step()) {
            }
        }
    }
    ASSERT_TRUE(f.log->flush());
    EXPECT_GT(f.set->list().size(), 5u);
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), model);
    ASSERT_TRUE(f.log->close());
    for (const SegmentInfo& info : f.set->list()) EXPECT_TRUE(info.sealed);
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), model);
}

TEST(Log, LargeFramesGetSegmentsOfTheirOwn) {
    LogFixture f(4096);
    f.options.large_bytes = 1000;
    ASSERT_TRUE(f.start());
    const std::string big(100'000, 'x'), middle(2000, 'y');
    f.put("small", "1");
    f.put("big", big);
    f.put("middle", middle);
    f.put("small2", "2");
    ASSERT_TRUE(f.log->flush());
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), (Contents{{"small", "1"}, {"big", big}, {"middle", middle}, {"small2", "2"}}));
    EXPECT_EQ(f.set->list().size(), 3u);
}

TEST(Log, FramesAcrossChunksOfTheBuffer) {
    LogFixture f(64 << 20);
    ASSERT_TRUE(f.start());
    Contents model;
    for (int i = 0; i < 9; ++i) {
        const std::string name = "k" + std::to_string(i);
        model[name] = std::string(700'000 + static_cast<size_t>(i), static_cast<char>('a' + i));
        f.put(name, *model[name]);
    }
    EXPECT_GT(f.log->buffered_bytes(), 6'300'000u);
    ASSERT_TRUE(f.log->flush());
    EXPECT_EQ(f.log->buffered_bytes(), 0u);
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), model);
}

TEST(Log, RoomEndsAtTheBound) {
    LogFixture f;
    f.options.buffer_bytes = 1000;
    ASSERT_TRUE(f.start());
    EXPECT_TRUE(f.log->has_room());
    f.put("a", std::string(2000, 'x'));
    EXPECT_FALSE(f.log->has_room());
    ASSERT_TRUE(f.log->flush());
    EXPECT_TRUE(f.log->has_room());
}

TEST(Log, AFullDiskKeepsTheBytesAndClearsItself) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const Lsn before = f.put("a", "1");
    ASSERT_TRUE(f.log->flush());
    f.disk.fail_at(f.disk.operations() + 1, ErrorKind::no_space, true);
    int progress = 0;
    f.log->on_progress([&] { ++progress; });
    f.put("b", "2");
    EXPECT_FALSE(f.log->flush());
    EXPECT_EQ(f.log->state(), Log::State::write_failed);
    EXPECT_FALSE(f.log->state_message().empty());
    EXPECT_EQ(f.log->written_lsn(), before);
    EXPECT_EQ(progress, 1);
    f.put("c", "3");
    f.log->retry();
    EXPECT_EQ(f.log->state(), Log::State::write_failed);
    f.disk.clear_faults();
    f.log->retry();
    EXPECT_EQ(f.log->state(), Log::State::ok);
    EXPECT_EQ(f.log->written_lsn(), f.log->last_lsn());
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), (Contents{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

// CORRECTNESS 13: after a failed sync the kernel may have dropped the pages, and the next sync would succeed.
TEST(Log, AfterAFailedSyncNothingIsAcknowledgedUntilItStandsInANewFile) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    const Lsn synced = f.put("a", "1");
    ASSERT_TRUE(f.log->sync());
    EXPECT_EQ(f.log->synced_lsn(), synced);
    const Lsn last = f.put("b", "2");
    const LogAddress address = f.last_address;
    ASSERT_TRUE(f.log->flush());
    f.disk.fail_at(f.disk.operations() + 1, ErrorKind::io, true);
    EXPECT_FALSE(f.log->sync());
    EXPECT_EQ(f.log->state(), Log::State::sync_failed);
    EXPECT_EQ(f.log->synced_lsn(), synced);
    f.put("c", "3");
    EXPECT_FALSE(f.log->flush());
    EXPECT_EQ(f.log->written_lsn(), last);
    f.log->retry();
    EXPECT_EQ(f.log->state(), Log::State::sync_failed);
    f.disk.clear_faults();
    f.log->retry();
    EXPECT_EQ(f.log->state(), Log::State::ok) << f.log->state_message();
    EXPECT_EQ(f.log->synced_lsn(), f.log->last_lsn());
    const auto record = f.set->read(address, 0);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->value, "2");
    f.disk.power_loss(1);
    f.close_all();
    ASSERT_TRUE(f.start());
    EXPECT_EQ(f.contents(), (Contents{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

TEST(Log, AFailingDeviceIsRewrittenEvenWhenAllWasSynced) {
    LogFixture f;
    ASSERT_TRUE(f.start());
    f.put("a", "1");
    ASSERT_TRUE(f.log->sync());
    ASSERT_TRUE(f.log->flush());
    f.put("b", "2");
    f.disk.fail_at(f.disk.operations() + 1, ErrorKind::io, false);
    EXPECT_FALSE(f.log->flush());
    EXPECT_EQ(f.log->state(), Log::State::sync_failed);
    f.disk.clear_operation_log();
    ASSERT_TRUE(f.log->sync());
    EXPECT_THAT(f.disk.operation_log(), testing::Contains(testing::HasSubstr("rename")));
    ASSERT_TRUE(f.restart());
    EXPECT_EQ(f.contents(), (Contents{{"a", "1"}, {"b", "2"}}));
}

TEST(Log, PowerLossKeepsWhatWasSyncedAndAPrefixOfTheRest) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        LogFixture f(1024);
        ASSERT_TRUE(f.start());
        std::vector<std::string> names;
        size_t synced = 0;
        for (int i = 0; i < 60; ++i) {
            names.push_back("k" + std::to_string(100 + i));
            f.put(names.back(), std::string(static_cast<size_t>(i), 'v'));
            ASSERT_TRUE(f.log->flush());
            if (i == 20) {
                ASSERT_TRUE(f.log->sync());
                synced = names.size();
            }
        }
        f.disk.power_loss(seed);
        f.close_all();
        const auto report = f.start();
        ASSERT_TRUE(report) << report.error().message;
        const Contents all = f.contents();
        size_t kept = 0;
        for (const auto& name : names) kept += all.contains(name);
        EXPECT_GE(kept, synced) << "seed " << seed;
        for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(all.contains(names[i]), i < kept) << seed;
        EXPECT_EQ(report->damaged_records + report->unreadable_ranges, 0u)
            << seed << " " << testing::PrintToString(report->messages);
        // What was dropped stays away, and the log goes on.
        f.put("new", "1");
        ASSERT_TRUE(f.log->sync());
        ASSERT_TRUE(f.restart());
        EXPECT_EQ(f.contents().size(), kept + 1) << "seed " << seed;
    }
}

TEST(Log, FlushBarriersAndSwapsReplayByLsn) {
    LogFixture f(1024);
    ASSERT_TRUE(f.start());
    f.put("a", "old", 0);
    f.put("b", "other", 1);
    LogBatch batch;
    batch.add_flush(0);
    f.append(batch);
    f.put("c", "new", 0);
    batch.clear();
    batch.add_swap(0, 1);
    f.append(batch);
    batch.clear();
    batch.add_swap(1, 5);
    f.append(batch);
    ASSERT_TRUE(f.log->flush());
    const std::vector<DbId> expected{1, 5, 2, 3, 4, 0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int round = 0; round < 3; ++round) {  // unsealed, then sealed, then again
        const auto report = f.restart();
        ASSERT_TRUE(report);
        EXPECT_EQ(f.contents(0), (Contents{{"c", "new"}}));
        EXPECT_EQ(f.contents(1), (Contents{{"b", "other"}}));
        EXPECT_EQ(report->databases, expected);
        ASSERT_TRUE(f.log->close());
    }
}

TEST(Log, ManyThreadsAppendFlushAndSync) {
    LogFixture f(256 << 10);
    ASSERT_TRUE(f.start());
    constexpr int kThreads = 4, kRounds = 600;
    std::atomic<bool> stop{false};
    std::atomic<int> progress{0};
    f.log->on_progress([&] { progress.fetch_add(1); });
    std::thread background([&] {
        while (!stop.load()) {
            EXPECT_TRUE(f.log->sync());
            f.log->background_step();
            std::this_thread::yield();
        }
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            LogBatch batch;
            for (int i = 0; i < kRounds; ++i) {
                batch.clear();
                const std::string a = "a" + std::to_string(t) + "-" + std::to_string(i % 100);
                const std::string b = "b" + std::to_string(t) + "-" + std::to_string(i % 100);
                batch.add_put(0, f.key(a), ValueType::string, std::to_string(i), kNoExpiry);
                batch.add_put(0, f.key(b), ValueType::string, std::to_string(i), kNoExpiry);
                const Lsn lsn = f.log->append(batch, f.clock.wall_ms());
                f.log->is_written(batch.change(0).address);
                while (f.log->written_lsn() < lsn) f.log->flush();
                EXPECT_TRUE(f.log->is_written(batch.change(1).address));
            }
        });
    }
    for (auto& thread : threads) thread.join();
    stop.store(true);
    background.join();
    EXPECT_EQ(f.log->written_lsn(), f.log->last_lsn());
    EXPECT_GT(progress.load(), 0);
    ASSERT_TRUE(f.restart());
    const Contents all = f.contents();
    EXPECT_EQ(all.size(), kThreads * 200u);
    for (const auto& [name, value] : all) {
        const int i = std::stoi(name.substr(name.find('-') + 1));
        EXPECT_EQ(value, std::to_string(kRounds - 100 + i)) << name;
    }
}

// The last one to append never waits for a flush that has already looked: whoever writes looks again.
TEST(Log, NoFlushIsLost) {
    LogFixture f(1 << 20);
    ASSERT_TRUE(f.start());
    for (int round = 0; round < 300; ++round) {
        std::vector<std::thread> threads;
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([&, t] {
                const std::string name = "k" + std::to_string(t);
                LogBatch batch;
                batch.add_put(0, f.key(name), ValueType::string, "v", kNoExpiry);
                f.log->append(batch, f.clock.wall_ms());
                f.log->flush();
            });
        }
        for (auto& thread : threads) thread.join();
        ASSERT_EQ(f.log->written_lsn(), f.log->last_lsn());
        ASSERT_EQ(f.log->buffered_bytes(), 0u);
    }
}

}  // namespace
}  // namespace torc
