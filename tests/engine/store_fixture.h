// A store with its log on a temporary directory, and short ways to read and change it.
#pragma once

#include <gtest/gtest.h>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include "base/disk.h"
#include "base/hash.h"
#include "base/rng.h"
#include "engine/store.h"

namespace torc {

struct TestClock : Clock {
    int64_t wall_us() const override { return now_ms * 1000; }
    int64_t monotonic_ns() const override { return now_ms * 1'000'000; }
    int64_t now_ms = 1'700'000'000'000;
};

class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "torc-store-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    void open(bool log_enabled = false) {
        Store::Options options;
        options.directory = directory_;
        options.log_enabled = log_enabled;
        options.log.segment_bytes = 1 << 20;
        options.random_seed = 42;
        auto store = Store::open(posix_disk(), clock_, options);
        ASSERT_TRUE(store.has_value()) << store.error().message;
        store_ = std::move(*store);
        auto report = store_->load();
        ASSERT_TRUE(report.has_value()) << report.error().message;
    }
    void reopen(bool log_enabled = true) {
        ASSERT_TRUE(store_->log().close().has_value());
        store_.reset();
        open(log_enabled);
    }

    KeyRef ref(std::string_view key) const {
        const uint64_t hash = hash64(key, store_->hash_seed());
        // Any fixed mapping will do: the engine knows no slots.
        return {key, hash, one_slot_ ? SlotId{7} : static_cast<SlotId>(checksum32(key) % kSlots)};
    }
    /// Locked, and fetched from disk when need be, as node/ does it.
    template <class Body>
    auto with(std::string_view key, Body&& body, DbId db = 0) {
        const KeyRef k = ref(key);
        std::lock_guard guard(store_->shard_lock(k.shard()));
        std::vector<LogAddress> not_these;
        Lookup found = store_->lookup(db, k);
        while (found.state == Lookup::State::cold) {
            auto stored = store_->segments().read(found.address, 0);
            if (!stored.has_value()) {
                ADD_FAILURE() << stored.error().message;
                std::abort();
            }
            if (!store_->install(db, k, found.address, *stored)) not_these.push_back(found.address);
            found = store_->lookup_except(db, k, not_these);
        }
        store_->unpin(db, k);
        store_->begin(batch_, clock_.now_ms);
        if constexpr (std::is_void_v<decltype(body(k, found.record))>) {
            body(k, found.record);
            store_->commit(batch_);
        } else {
            auto result = body(k, found.record);
            store_->commit(batch_);
            return result;
        }
    }
    void set(std::string_view key, std::string_view value, int64_t expire = kNoExpiry, DbId db = 0) {
        with(
            key,
            [&](const KeyRef& k, Record* old) {
                store_->put(batch_, db, k, old, ValueType::string, value, expire);
            },
            db);
    }
    std::string get(std::string_view key, DbId db = 0) {
        return with(
            key,
            [](const KeyRef&, Record* record) {
                return record == nullptr ? std::string("(absent)") : std::string(record->value());
            },
            db);
    }
    bool del(std::string_view key, DbId db = 0) {
        return with(
            key,
            [&](const KeyRef& k, Record* record) {
                if (record == nullptr) return false;
                store_->erase(batch_, db, k, record, Store::Removal::deleted);
                return true;
            },
            db);
    }
    int64_t expiry(std::string_view key) {
        return with(key, [](const KeyRef&, Record* record) {
            return record == nullptr ? int64_t{-2} : record->expire_at_ms();
        });
    }
    template <class Body>
    void with_all_locked(Body&& body) {
        for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).lock();
        store_->begin(batch_, clock_.now_ms);
        body();
        store_->commit(batch_);
        for (unsigned s = 0; s < kShards; ++s) store_->shard_lock(static_cast<ShardId>(s)).unlock();
    }
    unsigned expire_all(std::vector<std::string>* names = nullptr) {
        unsigned sum = 0;
        for (int quiet = 0; quiet < 5;) {
            const unsigned n =
                store_->expire_step(batch_, clock_.now_ms, 0, 1, 1000, [&](DbId, std::string_view k) {
                    if (names != nullptr) names->emplace_back(k);
                });
            sum += n;
            clock_.now_ms += 130;  // what was put off comes up in the next tick of the wheel
            quiet = n == 0 ? quiet + 1 : 0;
        }
        return sum;
    }
    std::set<std::string> scan(DbId db = 0) {
        std::set<std::string> keys;
        uint64_t cursor = 0;
        do {
            std::lock_guard guard(store_->shard_lock(Store::scan_shard(cursor)));
            cursor = store_->scan_bucket(db, cursor, [&](Record* record, LogAddress address) {
                if (record != nullptr) {
                    keys.emplace(record->key());
                } else {
                    auto stored = store_->segments().read(address, 0);
                    ASSERT_TRUE(stored.has_value());
                    keys.emplace(stored->key);
                }
            });
            EXPECT_LT(cursor, 1ULL << 53);
        } while (cursor != 0);
        return keys;
    }

    TestClock clock_;
    std::string directory_;
    std::unique_ptr<Store> store_;
    WriteBatch batch_;
    bool one_slot_ = false;
};

}  // namespace torc
