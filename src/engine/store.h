// The store: 1024 shards of index and RAM records over one log. The engine's face to node/.
//
// Thread rule: any thread, holding the lock of the key's shard (shard_lock()) for everything that takes a
// KeyRef or a ShardId, unless a call says otherwise. Records returned stay valid until that lock is released
// or the key is changed.
//
// A write changes index and RAM at once and adds its change to the caller's WriteBatch; commit() appends the
// batch to the log as one frame while the locks are still held. With `appendonly no` the batch stays empty
// and commit() is free.
//
// Expiry: a record whose time has passed is still found; the caller compares expire_at_ms() with its clock,
// hides it, and may erase it. The engine itself removes expired records only in expire_step().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/time.h"
#include "base/types.h"
#include "engine/address.h"
#include "engine/expiry_wheel.h"
#include "engine/log.h"
#include "engine/log_batch.h"
#include "engine/record.h"
#include "engine/shard_lock.h"

namespace torc {

class EvictionChoice;
struct RecordView;

enum class MaxmemoryPolicy : uint8_t {
    noeviction,
    allkeys_lru,
    allkeys_lfu,
    allkeys_random,
    volatile_lru,
    volatile_lfu,
    volatile_random,
    volatile_ttl,
};
/// Deletes only keys that have a time to live.
inline bool is_volatile(MaxmemoryPolicy policy) {
    return policy >= MaxmemoryPolicy::volatile_lru;
}

/// The changes of one command: what goes to the log, and which RAM records wait for their address. One per
/// thread, used again and again. A record that is replaced or erased later in the same batch is taken out of
/// it.
class WriteBatch {
  public:
    bool empty() const { return log_.empty(); }

  private:
    friend class Store;
    struct Pending {
        Record* record;  // null: replaced, erased or flushed later in the batch
        size_t change;
        DbId db;
    };
    LogBatch log_;
    std::vector<Pending> pending_;  // a pending record's address() is its place in here
    std::vector<ShardId> shards_;   // of the changes that were logged; neighbours differ
    int64_t now_ms_ = 0;
};

struct Lookup {
    enum class State : uint8_t { absent, resident, cold };
    State state = State::absent;
    Record* record = nullptr;  // resident
    LogAddress address;        // cold: fetch this, then install(); it may prove to be another key
};

struct StoreStats {  // sums over all shards; cheap enough for INFO, not for a command
    uint64_t keys = 0;
    uint64_t keys_with_expiry = 0;
    uint64_t resident_keys = 0;
    uint64_t record_bytes = 0;
    uint64_t index_bytes = 0;
    uint64_t expired_keys = 0;
    uint64_t evicted_keys = 0;   // really deleted
    uint64_t unloaded_keys = 0;  // moved to the log only
    uint64_t cold_reads = 0;
    uint64_t damaged_reads = 0;
};

class Store {
  public:
    enum class Removal : uint8_t { deleted, expired, evicted };

    struct Options {
        std::string directory;
        unsigned databases = 16;
        bool log_enabled = true;  // appendonly
        Log::Options log;
        uint64_t random_seed = 0;  // for a new directory's hash seed and ids, and for sampling
    };

    /// Opens the directory and takes its lock; nothing is loaded yet. Without log_enabled the directory is
    /// opened and loaded just the same: what was logged before `appendonly no` is there.
    static Result<std::unique_ptr<Store>> open(Disk& disk, const Clock& clock, const Options& options);
    ~Store();

    /// Builds the index (blocking; no other call but load_progress() until it returns) and opens the log.
    Result<RecoveryReport> load();
    double load_progress() const;  // 0 .. 1, any thread

    // ---- keys
    /// Seed of hash64 for KeyRef::hash (node/ makes KeyRefs: the engine knows no slots). No lock.
    uint64_t hash_seed() const;
    /// Brings what lookup() will touch into the cache, in three steps for a batch of keys; no lock needed.
    void prefetch_table(DbId db, const KeyRef& key) const;
    void prefetch_bucket(DbId db, const KeyRef& key) const;
    void prefetch_record(DbId db, const KeyRef& key) const;

    Lookup lookup(DbId db, const KeyRef& key);
    /// Puts a fetched record into RAM, pinned. False when the entry at that address is gone (look again) or
    /// the record is another key's: then lookup() is told to skip that address by `not_these`.
    bool install(DbId db, const KeyRef& key, LogAddress address, const StoredRecord& stored);
    /// As lookup, but passes by entries at these addresses, whose records proved to be other keys'.
    Lookup lookup_except(DbId db, const KeyRef& key, const std::vector<LogAddress>& not_these);
    void unpin(DbId db, const KeyRef& key);
    /// Removes an entry whose record is known to be this key's although its value can't be read (damaged),
    /// for a command that deletes or overwrites the key. False when the entry is gone.
    bool erase_cold(WriteBatch& batch, DbId db, const KeyRef& key, LogAddress address,
                    const StoredRecord& stored, Removal why);

    // ---- changes. `old`: what lookup() returned for the key just now, resident or null (absent).
    void begin(WriteBatch& batch, int64_t now_ms);
    /// Inserts or replaces; keeps nothing of the old record but its access clock. Returns the record.
    Record* put(WriteBatch& batch, DbId db, const KeyRef& key, Record* old, ValueType type,
                std::string_view value, int64_t expire_at_ms);
    /// The value was changed in place (same size) through record->mutable_value(): logs it.
    void touch_value(WriteBatch& batch, DbId db, const KeyRef& key, Record* record);
    Record* set_expiry(WriteBatch& batch, DbId db, const KeyRef& key, Record* record, int64_t expire_at_ms);
    void erase(WriteBatch& batch, DbId db, const KeyRef& key, Record* record, Removal why);
    /// All shards locked. Frees in the background when `lazily`.
    void flush_db(WriteBatch& batch, DbId db, bool lazily);
    /// All shards locked; logical indexes.
    void swap_dbs(WriteBatch& batch, unsigned a, unsigned b);
    /// Appends the batch. Returns the LSN that a reply has to wait for (0: nothing was logged).
    Lsn commit(WriteBatch& batch);

    DbId physical_db(unsigned logical) const;  // any shard locked
    /// LSN of the shard's last change; a reply that saw the shard waits for it to be written (CORRECTNESS
    /// 13).
    Lsn shard_lsn(ShardId shard) const;

    // ---- walking; all of it by hash prefix, never reading a key from disk
    /// Calls `visit` for each entry of one bucket at the cursor, with its shard locked, and returns the next
    /// cursor; 0 at the end. A key that is present throughout a walk is visited at least once whatever grows,
    /// shrinks or is deleted meanwhile. Cursors are below 2^53 (clients parse them as doubles). Record is
    /// null for a cold key.
    uint64_t scan_bucket(DbId db, uint64_t cursor, const std::function<void(Record*, LogAddress)>& visit);
    static ShardId scan_shard(uint64_t cursor);
    /// All entries of one slot, its shard locked. Record is null for a cold key. Nothing may change meanwhile.
    void walk_slot(DbId db, SlotId slot, const std::function<void(Record*, LogAddress)>& visit);
    /// Keys in a shard, for planning a scan and RANDOMKEY; no lock needed (relaxed).
    uint64_t shard_size(DbId db, ShardId shard) const;
    uint64_t db_size(DbId db) const;     // no lock
    uint64_t db_expires(DbId db) const;  // no lock: keys with a TTL
    /// A random entry of the shard, resident or cold; shard locked; absent when it's empty.
    Lookup random_entry(DbId db, ShardId shard, uint64_t random);

    // ---- memory
    /// No shard lock held.
    void set_memory_policy(uint64_t maxmemory, MaxmemoryPolicy policy, unsigned samples,
                           unsigned lfu_log_factor, unsigned lfu_decay_minutes);
    /// Notes a read of the record for LRU/LFU.
    void touch(Record* record, int64_t now_ms);
    /// Seconds since last use / LFU counter, for OBJECT.
    uint64_t idle_seconds(const Record* record, int64_t now_ms) const;
    unsigned frequency(const Record* record, int64_t now_ms) const;
    /// RESTORE ... IDLETIME / FREQ; each does nothing under a policy that counts the other.
    void set_idle_seconds(Record* record, uint64_t seconds, int64_t now_ms);
    void set_frequency(Record* record, unsigned frequency, int64_t now_ms);
    /// Records, index and expiry wheels; off by up to 1 MB, or 1/16 of maxmemory. Any thread, no lock.
    uint64_t used_bytes() const;
    /// Frees memory until used_bytes() <= maxmemory or `budget` keys were handled: unloads to the log, or
    /// deletes by the policy. Takes shard locks itself (try only; skips those it can't get): call with none
    /// held. `on_evicted` is called under the shard's lock for each key that is really deleted. Returns false
    /// when nothing more could be freed and used_bytes() is still above: the caller answers -OOM.
    /// `choice`: under a policy that deletes, says what becomes of each record instead; then nothing is
    /// deleted here, and what the choice has taken counts as freed.
    bool evict_step(WriteBatch& batch, int64_t now_ms, unsigned budget,
                    const std::function<void(DbId, std::string_view)>& on_evicted,
                    EvictionChoice* choice = nullptr);

    // ---- background work; each takes the locks it needs itself, never from a command
    /// Removes keys whose time has passed: at most `budget` of them, from the wheel of shards s with s % of
    /// == part. Passes by shards that are locked. Blocks on the disk only to read the keys of expired records
    /// that aren't in RAM, at most kColdExpiriesPerStep of them. Also frees what flush_db() left behind.
    /// Returns how many it removed.
    static constexpr unsigned kColdExpiriesPerStep = 16;
    unsigned expire_step(WriteBatch& batch, int64_t now_ms, unsigned part, unsigned of, unsigned budget,
                         const std::function<void(DbId, std::string_view)>& on_expired);
    /// After load(): brings about `budget` values into RAM while there's room, reading segments from end to
    /// end. Returns false when there's nothing left to do. Blocks on the disk.
    bool warm_step(unsigned budget);
    /// After load(): reads the segments from end to end and passes on, with its shard locked, every record
    /// that stands for a key: once each, in no order. One whose value is damaged says so; what can't be read
    /// at all, or not to its end, is left out. `visit` may change the key it's called for, and no other. The
    /// view is valid during the call. Blocks on the disk.
    using VisitStored = std::function<void(const RecordView&, LogAddress)>;
    void visit_stored(const VisitStored& visit);
    /// Switching `appendonly`: on writes a base of everything before it returns, blocking on the disk; not
    /// from a thread that flushes the log in its turn. Off: what is logged stays readable.
    Result<void> set_log_enabled(bool on);
    bool log_enabled() const;

    // ---- compaction: shard locked; `hash`: the index hash of the record's key
    /// The entry of this slot that stands for the record at `from`, in RAM or not, stands for its copy at
    /// `to` from now on, and the live bytes move along. False when there's no such entry: the copy is dead.
    bool relocate(DbId db, SlotId slot, uint64_t hash, LogAddress from, LogAddress to, uint32_t padded);
    /// Whether the record at this address is live.
    bool refers_to(DbId db, SlotId slot, uint64_t hash, LogAddress address) const;

    ShardLock& shard_lock(ShardId shard);
    Log& log();  // valid after load()
    SegmentSet& segments();
    StoreStats stats() const;

    /// Each I/O thread calls this once per loop turn, with nothing held: memory that other threads may still
    /// have been prefetching is freed only after all have passed. `thread` < 64; an idle thread says so
    /// first.
    void quiescent(unsigned thread);
    void offline(unsigned thread);

  private:
    Store();
    bool expire_cold(WriteBatch& batch, int64_t now_ms, const ExpiryWheel::Ref& ref, LogAddress address,
                     const std::function<void(DbId, std::string_view)>& on_expired);

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace torc
