// What the tests of the log share: a simulated disk with a data directory, a log on it, and a model of what
// was appended, to compare a recovery with.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/log.h"
#include "engine/log_batch.h"
#include "engine/segment_set.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace torc {

/// A key as recovery finds it, with the value that reading it gives.
struct FoundKey {
    RecoveredKey key;
    Result<StoredRecord> record;
};

class LogFixture {
  public:
    static constexpr const char* kDirectory = "data";

    explicit LogFixture(uint64_t segment_bytes = 4096) { options.segment_bytes = segment_bytes; }
    ~LogFixture() { close_all(); }

    /// Opens set and log, recovering what is there.
    Result<RecoveryReport> start() {
        auto opened = SegmentSet::open(disk, kDirectory, 42, 16);
        if (!opened) return fail(opened.error());
        set = std::move(*opened);
        found.clear();
        std::vector<RecoveredKey> keys;
        expected.clear();
        auto report = set->recover([&](SlotId slot, DbId db, uint64_t n) { expected[{slot, db}] = n; },
                                   [&](const RecoveredKey& key) { keys.push_back(key); }, [](double) {});
        if (!report) return report;
        for (const RecoveredKey& key : keys) found.push_back({key, set->read(key.address, key.padded_size)});
        auto made = Log::open(*set, clock, report->highest_lsn + 1, options);
        if (!made) return fail(made.error());
        log = std::move(*made);
        return report;
    }
    void close_all() {
        log.reset();
        set.reset();
    }
    /// The process dies and is started again.
    Result<RecoveryReport> restart() {
        disk.crash();
        close_all();
        return start();
    }

    KeyRef key(std::string_view bytes) const {
        return {bytes, hash64(bytes, set->hash_seed()), static_cast<SlotId>(hash64(bytes, 7) % kSlots)};
    }
    Lsn put(std::string_view name, std::string_view value, DbId db = 0, int64_t expire_at_ms = kNoExpiry) {
        LogBatch batch;
        batch.add_put(db, key(name), ValueType::string, value, expire_at_ms);
        return append(batch);
    }
    Lsn erase(std::string_view name, DbId db = 0) {
        LogBatch batch;
        batch.add_tombstone(db, key(name));
        return append(batch);
    }
    Lsn append(LogBatch& batch) {
        const Lsn lsn = log->append(batch, clock.wall_ms());
        if (batch.size() > 0) last_address = batch.change(batch.size() - 1).address;
        return lsn;
    }

    /// What the last start() found in a database; a damaged or unreadable key has no value.
    std::map<std::string, std::optional<std::string>> contents(DbId db = 0) const {
        std::map<std::string, std::optional<std::string>> all;
        for (const FoundKey& one : found) {
            if (one.key.db != db) continue;
            if (!one.record) {
                all["?" + std::to_string(one.key.hash)] = std::nullopt;
            } else if (one.record->value_damaged || one.key.damaged) {
                all[std::string(one.record->key)] = std::nullopt;
            } else {
                all[std::string(one.record->key)] = std::string(one.record->value);
            }
        }
        return all;
    }

    SimDisk disk;
    SimClock clock;
    Log::Options options;
    std::unique_ptr<SegmentSet> set;
    std::unique_ptr<Log> log;
    std::vector<FoundKey> found;
    std::map<std::pair<SlotId, DbId>, uint64_t> expected;
    LogAddress last_address;
};

using Contents = std::map<std::string, std::optional<std::string>>;

}  // namespace torc
