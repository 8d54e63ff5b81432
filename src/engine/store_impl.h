// What the store*.cc files share: databases, shards, counters. Private to the store.
//
//   DbSpace (one per physical database, made when first written to)
//       tables[16384]   one HashIndex per slot, four to a cache line: no pointer between a key and its bucket
//       parts[1024]     counters per shard
//   Shard[1024]         lock, LSN, expiry wheel
//
// Counters are written under the shard's lock and read anywhere (relaxed). used_bytes() is one number that
// shards report to when their unreported share exceeds report_above, so that it's never off by more than 1024
// times that: 1 MB, or 1/16 of maxmemory if that's less.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "engine/allocation.h"
#include "engine/eviction.h"
#include "engine/eviction_choice.h"
#include "engine/expiry_wheel.h"
#include "engine/hash_index.h"
#include "engine/reclaimer.h"
#include "engine/segment_scanner.h"
#include "engine/segment_set_writer.h"
#include "engine/store.h"

namespace torc {

/// A number that one thread at a time changes (under a lock) and any reads.
class Counter {
  public:
    void add(int64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    int64_t get() const { return value_.load(std::memory_order_relaxed); }
    uint64_t count() const { return static_cast<uint64_t>(get()); }

  private:
    std::atomic<int64_t> value_{0};
};

struct Store::Impl {
    struct alignas(64) Part {
        Counter keys, expires, resident, record_bytes, index_bytes;

        void reset() {
            for (Counter* counter : {&keys, &expires, &resident, &record_bytes, &index_bytes})
                counter->add(-counter->get());
        }
    };
    struct DbSpace {
        std::array<HashIndex, kSlots> tables;
        std::array<Part, kShards> parts;
    };
    struct alignas(64) Shard {
        ShardLock lock;
        alignas(64) std::atomic<Lsn> lsn{0};
        int64_t unreported = 0;                    // bytes not yet in used_
        std::atomic<int64_t> next_due{INT64_MAX};  // of the wheel
        std::unique_ptr<ExpiryWheel> wheel;        // made with the first TTL
        Counter expired, evicted, unloaded, cold_reads, damaged_reads;
    };
    /// One shard's share of one database: what most calls work on.
    struct Where {
        DbSpace& space;
        Part& part;
        Shard& shard;
        HashIndex& table;
    };

    static constexpr int64_t kReportAbove = 1024;

    Impl(Disk& disk_in, const Clock& clock_in, const Options& options_in);
    ~Impl();

    DbSpace* space(DbId db) const { return spaces[db].load(std::memory_order_acquire); }
    DbSpace& make_space(DbId db);
    Where where(DbId db, SlotId slot) {
        DbSpace& s = make_space(db);
        return {s, s.parts[shard_of(slot)], shards[shard_of(slot)], s.tables[slot]};
    }
    bool exists(DbId db, SlotId slot) const {
        return space(db) != nullptr && space(db)->tables[slot].size() > 0;
    }

    void report(Shard& shard, int64_t bytes) {
        shard.unreported += bytes;
        const int64_t above = report_above.load(std::memory_order_relaxed);
        if (__builtin_expect(shard.unreported > above || shard.unreported < -above, 0)) {
            used.fetch_add(shard.unreported, std::memory_order_relaxed);
            shard.unreported = 0;
        }
    }
    void account_record(const Where& w, const Record* record, int sign) {
        const auto bytes = sign * static_cast<int64_t>(allocation_size(record->allocated_size()));
        w.part.record_bytes.add(bytes);
        w.part.resident.add(sign);
        report(w.shard, bytes);
    }
    /// Runs a change of the index and accounts the memory it took.
    template <class Change>
    void change_index(const Where& w, Change&& change) {
        HashIndex::Context context{reclaimer, hash_seed};
        change(context);
        if (context.bytes_delta != 0) {
            w.part.index_bytes.add(context.bytes_delta);
            report(w.shard, context.bytes_delta);
        }
    }
    static HashIndex::Place place_of(HashIndex& table, uint64_t hash, const Record* record);
    static HashIndex::Place place_of(HashIndex& table, uint64_t hash, LogAddress address);

    /// Bytes that the record takes in the log.
    static uint32_t padded_size(const Record* record) {
        return static_cast<uint32_t>(format::aligned(sizeof(format::RecordHeader) +
                                                     (record->has_expiry() ? 8 : 0) + record->key_size() +
                                                     record->value_size()));
    }

    // store_write.cc
    void forget_log_copy(WriteBatch& batch, Record* record);
    void note_logged(WriteBatch& batch, DbId db, ShardId shard, Record* record);
    void log_tombstone(WriteBatch& batch, DbId db, const KeyRef& key);
    void remove_entry(const Where& w, uint64_t hash, HashIndex::Place place);
    static void note_shard(WriteBatch& batch, ShardId shard) {
        if (batch.shards_.empty() || batch.shards_.back() != shard) batch.shards_.push_back(shard);
    }
    bool logging() const { return log_on.load(std::memory_order_relaxed); }
    uint32_t fresh_access(int64_t now_ms) const {
        return lfu.load(std::memory_order_relaxed) ? lfu_access(kLfuInitial, now_ms) : lru_access(now_ms);
    }

    // store_expiry.cc
    void note_expiry(Shard& shard, DbId db, SlotId slot, uint64_t hash, int64_t at_ms);
    void sweep_wheel(Shard& shard);
    enum class Due : uint8_t { stale, ahead, due, cold };
    struct DueKey {
        Due what = Due::stale;
        int64_t at_ms = 0;         // ahead: when
        Record* record = nullptr;  // due
        LogAddress address;        // cold
    };
    DueKey judge(const ExpiryWheel::Ref& ref, int64_t now_ms);
    void retry_expiries();

    // store_flush.cc
    struct Flushed {
        DbSpace* space;
        unsigned slot;      // the next to free,
        uint64_t position;  // from here on
        bool live_settled;  // the segments' live bytes don't count its records any more
    };
    bool free_space(Flushed& item, uint64_t buckets);
    void free_flushed(uint64_t buckets);

    // store_memory.cc
    /// One evict_step(): by what it goes, and what stood in its way.
    struct Pressure {
        MaxmemoryPolicy policy = MaxmemoryPolicy::noeviction;
        EvictionChoice* choice = nullptr;  // null: the policy alone decides
        int64_t now_ms = 0;
        bool unwritten = false;  // something can't be unloaded before the log is written
        bool busy = false;       // something was locked by others, or is on its way

        bool only_volatile() const;  // ... is sampled
    };
    uint64_t eviction_score(const Record* record, int64_t expire_at_ms, int64_t now_ms) const;
    /// A shard and a database that hold something of what the policy evicts; false when nothing does.
    bool pick_part(const Pressure& pressure, DbId& db, ShardId& shard);
    EvictionChoice::Verdict judge(const Pressure& pressure, SlotId slot, const Record& record) const;
    void sample(DbId db, ShardId shard, Pressure& pressure);
    Record* find_candidate(const Where& w, uint64_t hash, HashIndex::Place& place) const;
    void unload(const Where& w, Record* record, HashIndex::Place place);
    bool may_unload(const Record* record) const;

    // store_warm.cc
    struct Warmer;
    struct WarmerDeleter {
        void operator()(Warmer* warmer) const;
    };

    // store_base.cc
    struct Base;

    Disk& disk;
    const Clock& clock;
    const Options options;
    std::unique_ptr<SegmentSet> segments;
    std::unique_ptr<Log> log;
    uint64_t hash_seed = 0;
    std::atomic<bool> log_on{false};
    std::mutex switch_mutex;                    // one set_log_enabled() at a time
    std::atomic<bool> unlogged_changes{false};  // the log holds records that are gone or replaced since
    std::atomic<double> progress{0};

    std::array<std::atomic<DbSpace*>, 256> spaces{};
    std::array<Shard, kShards> shards;
    /// Of logical; written with all shards locked, and read without a lock by those who only prefetch.
    std::array<std::atomic<DbId>, 256> physical{};
    std::array<DbId, 256> logged_physical{};  // the same as the log has it

    std::atomic<int64_t> used{0};
    std::atomic<int64_t> report_above{kReportAbove};
    std::atomic<uint64_t> maxmemory{0};
    std::atomic<MaxmemoryPolicy> policy{MaxmemoryPolicy::noeviction};
    std::atomic<bool> lfu{false};
    std::atomic<unsigned> samples{5}, lfu_log_factor{10}, lfu_decay_minutes{1};

    std::mutex evict_mutex;  // of pool and rng
    EvictionPool pool;
    Rng rng;
    std::mutex flushed_mutex;
    std::vector<Flushed> flushed;
    std::atomic<size_t> flushed_count{0};
    std::vector<std::unique_ptr<DbSpace>> spare_spaces;
    std::unique_ptr<Warmer, WarmerDeleter> warmer;
    std::mutex expiry_retry_mutex;
    std::vector<ExpiryWheel::Ref> expiry_retry;
    std::array<std::atomic<uint32_t>, 64> expire_from{};  // where each part's next step begins

    Reclaimer reclaimer;
};

}  // namespace torc
