// The smallest store there can be over a SegmentSet and a Log: an index in a std::map, values only on disk.
// Tests of compaction and backups use it to see exactly what the segments hold, without Store in between.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "engine/compaction.h"
#include "engine/live_index.h"
#include "engine/log.h"
#include "engine/segment_set_writer.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace torc {

class MiniStore final : public LiveIndex {
  public:
    static constexpr const char* kPath = "data";
    static constexpr uint64_t kSegmentBytes = 4096;
    /// "db/key" -> value; an unreadable value shows as kDamaged.
    using Contents = std::map<std::string, std::string>;
    static constexpr const char* kDamaged = "<damaged>";

    MiniStore(Disk& disk, SimClock& clock, std::string path = kPath)
        : disk_(disk), clock_(clock), path_(std::move(path)) {}

    /// Closes what was open (without a clean shutdown), and opens the directory.
    Result<RecoveryReport> open() {
        compaction_.reset();
        log_.reset();
        set_.reset();
        index_.clear();
        auto set = SegmentSet::open(disk_, path_, 42, 16);
        if (!set) return fail(set.error());
        set_ = std::move(*set);
        auto report = set_->recover([](SlotId, DbId, uint64_t) {},
                                    [&](const RecoveredKey& key) {
                                        index_[{key.db, key.slot, key.hash}] = {key.address, key.padded_size,
                                                                                key.lsn, key.damaged};
                                    },
                                    [](double) {});
        if (!report) return report;
        auto log = Log::open(*set_, clock_, report->highest_lsn + 1, {.segment_bytes = kSegmentBytes});
        if (!log) return fail(log.error());
        log_ = std::move(*log);
        compaction_ = std::make_unique<Compaction>(*set_, *log_, *this, clock_);
        return report;
    }

    KeyRef key_of(const std::string& key) const {
        return {key, hash64(key, set_->hash_seed()), static_cast<SlotId>(hash64(key, 7) % kSlots)};
    }

    // Changes go to the log's buffer and the index at once, as in Store.
    Lsn put(const std::string& key, const std::string& value, DbId db = 0) {
        return put_all({{key, value}}, db);
    }
    /// One batch.
    Lsn put_all(const std::vector<std::pair<std::string, std::string>>& pairs, DbId db = 0) {
        batch_.clear();
        for (const auto& [key, value] : pairs)
            batch_.add_put(db, key_of(key), ValueType::string, value, kNoExpiry);
        const Lsn lsn = log_->append(batch_, clock_.wall_ms());
        for (size_t i = 0; i < pairs.size(); ++i) {
            forget(db, pairs[i].first);
            const auto& change = batch_.change(i);
            set_->add_live(change.address, change.size);
            index_[id_of(db, pairs[i].first)] = {change.address, change.size, change.lsn, false};
        }
        return lsn;
    }
    Lsn erase(const std::string& key, DbId db = 0) {
        batch_.clear();
        batch_.add_tombstone(db, key_of(key));
        const Lsn lsn = log_->append(batch_, clock_.wall_ms());
        forget(db, key);
        return lsn;
    }
    Lsn flush_db(DbId db) {
        batch_.clear();
        batch_.add_flush(db);
        const Lsn lsn = log_->append(batch_, clock_.wall_ms());
        std::erase_if(index_, [&](const auto& entry) {
            if (std::get<0>(entry.first) != db) return false;
            set_->remove_live(entry.second.address, entry.second.padded);
            return true;
        });
        return lsn;
    }

    /// What was appended so far is written, synced, and in sealed segments.
    Result<void> seal() {
        if (auto rolled = log_->roll(); !rolled) return rolled;
        log_->flush();
        if (auto synced = log_->sync(); !synced) return synced;
        while (log_->background_step()) {
        }
        return {};
    }

    Contents contents() const {
        Contents all;
        for (const auto& [id, entry] : index_) {
            const auto stored = set_->read(entry.address, entry.padded);
            const bool good = !entry.damaged && stored && !stored->value_damaged;
            if (good)
                all[std::to_string(std::get<0>(id)) + "/" + std::string(stored->key)] = stored->value;
            else
                all[std::to_string(std::get<0>(id)) + "/" + std::to_string(std::get<1>(id))] = kDamaged;
        }
        return all;
    }

    /// Steps until there's nothing to do; the last error, if any.
    Result<void> compact(const CompactionLimits& limits) {
        Result<void> last;
        for (int i = 0; i < 10'000; ++i) {
            const auto step = compaction_->step(limits);
            clock_.advance_ms(1000);
            if (!step) {
                last = fail(step.error());
                return last;
            }
            if (step->idle) return last;
        }
        ADD_FAILURE() << "compaction never rests";
        return last;
    }

    ShardLock& shard_lock(ShardId shard) override { return locks_[shard]; }
    bool refers_to(DbId db, SlotId slot, uint64_t hash, LogAddress address) override {
        const auto it = index_.find({db, slot, hash});
        return it != index_.end() && it->second.address == address;
    }
    bool relocate(DbId db, SlotId slot, uint64_t hash, LogAddress from, LogAddress to,
                  uint32_t padded_size) override {
        if (!refers_to(db, slot, hash, from)) return false;
        index_[{db, slot, hash}].address = to;
        set_->remove_live(from, padded_size);
        set_->add_live(to, padded_size);
        return true;
    }

    SegmentSet& set() { return *set_; }
    Log& log() { return *log_; }
    Compaction& compaction() { return *compaction_; }
    /// The sealed segment that holds these bytes.
    std::string path_holding(const std::string& bytes) const {
        for (const auto& info : set_->list()) {
            const std::string path = SegmentSetWriter::of(*set_).segment_path(info.id);
            if (info.sealed && read_file(disk_, path)->find(bytes) != std::string::npos) return path;
        }
        ADD_FAILURE() << "no segment holds " << bytes;
        return "";
    }

  private:
    using Id = std::tuple<DbId, SlotId, uint64_t>;
    struct Entry {
        LogAddress address;
        uint32_t padded = 0;
        Lsn lsn = 0;
        bool damaged = false;
    };

    Id id_of(DbId db, const std::string& key) const {
        const KeyRef ref = key_of(key);
        return {db, ref.slot, ref.hash};
    }
    void forget(DbId db, const std::string& key) {
        const auto it = index_.find(id_of(db, key));
        if (it == index_.end()) return;
        set_->remove_live(it->second.address, it->second.padded);
        index_.erase(it);
    }

    Disk& disk_;
    SimClock& clock_;
    std::string path_;
    std::unique_ptr<SegmentSet> set_;
    std::unique_ptr<Log> log_;
    std::map<Id, Entry> index_;
    std::unique_ptr<Compaction> compaction_;
    LogBatch batch_;
    std::array<ShardLock, kShards> locks_;
};

}  // namespace torc
