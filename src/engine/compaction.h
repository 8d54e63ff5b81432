// Compaction: gives back the space of records that no longer count, in bounded steps.
//
//   idle -> select    read the sources' hints, ask the index which records are live, note them
//        -> ask       stream all other segments' hints past the tombstones found: who hides something older?
//        -> copy      read what is kept, verify, append it to the output
//        -> finish    sync the outputs and write their hints
//        -> relocate  point the index at the copies
//        -> settle  wait until the log is durable up to what select saw
//        -> replace list the outputs and drop the sources in one replacement of the manifest -> idle
//
// What is kept (CORRECTNESS 9, 11): every record that the index refers to, its LSN and bytes unchanged; a
// tombstone or flush record unless no other segment can hold anything older that it hides. A record that is
// replaced while it is being copied stays in the output as a dead one. Batch frames and sync marks go: a
// sealed batch is complete, so its records stand alone. Swap records go, the manifest has their effect.
//
// Settling comes first because "dead" may rest on a record that the medium does not hold yet: dropping v1 for
// the sake of a v2 that a power loss then takes would lose both.
//
// Damage: a live record whose value is damaged is copied as it is, damage and all, so that its key stays
// damaged and nothing older shows. A source where even a needed header can't be read, or whose hints can't,
// is left alone for good, and said so in the log.
//
// One background thread calls step(); stats() is for any thread. Errors (a full disk) give the job up,
// without harm: the outputs go, the sources stay.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/compaction_output.h"
#include "engine/compaction_plan.h"
#include "engine/live_index.h"
#include "engine/log.h"
#include "engine/segment_set_writer.h"

namespace torc {

struct CompactionStats {
    uint64_t jobs = 0;
    uint64_t failed_jobs = 0;
    uint64_t bytes_copied = 0;
    uint64_t bytes_freed = 0;  // sources less outputs
    uint64_t damaged_records = 0;
    bool running = false;
};

class Compaction {
  public:
    /// All must outlive this.
    Compaction(SegmentSet& segments, Log& log, LiveIndex& index, const Clock& clock);
    ~Compaction();

    struct Step {
        bool idle = false;    // nothing to do now: look again in a second
        int64_t wait_us = 0;  // before the next call
    };
    /// A few milliseconds of work at most, but for the syncs. No locks held by the caller.
    Result<Step> step(const CompactionLimits& limits);

    CompactionStats stats() const;

  private:
    /// A record to be kept. 32 bytes.
    struct Item {
        uint64_t hash;
        LogAddress from;
        LogAddress to;
        uint32_t size;  // 16-byte units
        SlotId slot;
        DbId db;
        uint8_t kind;
    };
    struct Job;
    enum class Phase : uint8_t { idle, select, ask, copy, finish, relocate, settle, replace };
    /// A tombstone in a source. 48 bytes; their number is bounded by kMaxEntries.
    struct Question {
        Item item;
        uint64_t hash2;
        Lsn lsn;
        bool pinned;
    };

    bool start(const CompactionLimits& limits);
    Result<void> select();
    Result<void> select_entries(std::span<const format::HintEntry> entries);
    template <class Entries>
    void prefetch(const Entries& entries);
    void end_select();
    void begin_ask();
    Result<void> ask();
    void answer(std::span<const format::HintEntry> entries);
    void pin_above(Lsn lsn);
    void end_ask();
    Result<void> copy(const CompactionLimits& limits);
    Result<void> copy_span(std::string_view bytes, uint64_t offset, size_t last, uint64_t segment_bytes);
    Result<void> finish();
    void relocate();
    Result<bool> settle();
    Result<void> replace();
    void give_up();
    Result<Step> try_again(int64_t now_ns, const Error& error);
    uint64_t pinned_bytes(uint64_t id) const;

    SegmentSetWriter& segments_;
    Log& log_;
    LiveIndex& index_;
    const Clock& clock_;

    Phase phase_ = Phase::idle;
    std::unique_ptr<Job> job_;
    std::set<uint64_t> unusable_;  // segments left alone because of damage
    /// Outputs of earlier jobs: bytes of tombstones and the like, and the count of jobs at that time.
    struct Pinned {
        uint64_t bytes;
        uint64_t jobs;
    };
    std::unordered_map<uint64_t, Pinned> pinned_;
    int64_t paced_until_ns_ = 0;

    std::atomic<uint64_t> jobs_{0};
    std::atomic<uint64_t> failed_jobs_{0};
    std::atomic<uint64_t> bytes_copied_{0};
    std::atomic<uint64_t> bytes_freed_{0};
    std::atomic<uint64_t> damaged_records_{0};
    std::atomic<bool> running_{false};
};

}  // namespace torc
