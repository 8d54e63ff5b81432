// Keyspace over the store: what one worker's running command sees of the data. Made once per worker and
// database, aimed at each command by begin() and ended by finish().
//
// The dispatcher has taken the locks and made the named keys resident; a walker (SCAN, RANDOMKEY) takes its
// one lock here as it goes, through the HeldLocks it was begun with.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "commands/keyspace.h"
#include "engine/store.h"
#include "node/lock_plan.h"
#include "node/sibling_rules.h"
#include "node/watch.h"

namespace torc {

class CellStore;
struct Topology;

/// What a key that is only on disk is called; read for walkers and forgotten when their command is done.
struct ColdName {
    std::string key;
    ValueType type = ValueType::string;
    int64_t expire_at_ms = kNoExpiry;
    bool readable = true;
    std::string cell;  // of a clustered node's record: whether the key exists, only that says
};
using ColdNames = std::unordered_map<uint64_t, ColdName>;  // by LogAddress::units

/// Counters of one worker; summed over the workers for INFO. Written by the worker only.
struct KeyspaceCounters {
    std::atomic<uint64_t> hits{0}, misses{0}, changes{0}, expired{0}, evicted{0};

    static void add(std::atomic<uint64_t>& counter, uint64_t n = 1) {
        counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
};

/// What all databases' faces of one worker share while a command runs.
struct RunningCommand {
    RunningCommand(Store& the_store, WatchTable& the_watches, WriteBatch& the_batch, HeldLocks& the_locks,
                   KeyspaceCounters& the_counters)
        : store(the_store),
          watches(the_watches),
          batch(the_batch),
          locks(the_locks),
          counters(the_counters) {}

    Store& store;
    WatchTable& watches;
    WriteBatch& batch;
    HeldLocks& locks;
    KeyspaceCounters& counters;
    uint64_t random = 0;  // for RANDOMKEY
    int64_t now_ms = 0;
    bool touch = true;          // note uses for LRU/LFU (CLIENT NO-TOUCH)
    std::vector<KeyRef> known;  // the named keys, hashed already
    size_t next_known = 0;
    const ColdNames* cold_names = nullptr;
    /// Inside EXEC nothing can be run again, so names on disk are read at once, under the locks.
    bool read_in_place = false;
    std::vector<LogAddress> wanted;  // names to be read before the command can run
    bool lock_missed = false;        // a walker's shard was locked by another: locks.blocked_by()
    std::vector<std::pair<DbId, std::string>> edited;  // logical databases

    // ---- on a cluster
    CellStore* cells = nullptr;
    const Topology* topology = nullptr;  // of this turn
    /// A walk passes other nodes' shards by (cluster-keyspace-scope node).
    bool own_shards_only = false;
    SiblingRules siblings;  // of this turn
    // Keys to come back to afterwards, at most kMostNoted of each kind.
    static constexpr size_t kMostNoted = 64;
    std::vector<std::string> expired;        // that were found so
    std::vector<std::string> long_contexts;  // that were written and might be trimmed (trimmer.h)
    std::string changes;  // what the command changed, as the replicas are told (bus_message.h)
    size_t change_count = 0;
};

class StoreKeyspace : public Keyspace {
  public:
    StoreKeyspace(RunningCommand& run, std::vector<std::unique_ptr<StoreKeyspace>>& siblings, unsigned db)
        : run_(run), siblings_(siblings), db_(db) {}

    /// Aims at the present physical database and forgets what was looked up.
    virtual void begin() {
        physical_ = run_.store.physical_db(db_);
        cached_ = {};
    }
    /// Logs what edit() gave out. Before the batch is committed.
    virtual void finish();

    std::optional<Value> look(std::string_view key, unsigned traces) override;
    void put(std::string_view key, ValueType type, std::string_view bytes, int64_t expire_at_ms) override;
    std::span<char> edit(std::string_view key) override;
    bool erase(std::string_view key) override;
    void set_expiry(std::string_view key, int64_t at_ms) override;

    uint64_t idle_seconds(std::string_view key) override;
    unsigned frequency(std::string_view key) override;
    void set_idle_seconds(std::string_view key, uint64_t seconds) override;
    void set_frequency(std::string_view key, unsigned frequency) override;
    uint64_t memory_usage(std::string_view key) override;

    unsigned db() const override { return db_; }
    unsigned databases() const override { return static_cast<unsigned>(siblings_.size()); }
    Keyspace& in_db(unsigned db) override;
    uint64_t size() const override;
    uint64_t expires() const override;
    void flush(bool lazily) override;
    void swap(unsigned a, unsigned b) override;

    uint64_t scan(uint64_t cursor, const Visit& visit) override;
    void scan_slot(SlotId slot, size_t most, const Visit& visit) override;
    std::optional<std::string_view> random_key() override;
    bool unfinished() const override { return run_.lock_missed || !run_.wanted.empty(); }

  protected:
    DbId watch_db() const { return static_cast<DbId>(db_); }
    KeyRef ref(std::string_view key);
    Record* record(const KeyRef& key);  // resident, expired or not
    Record* live_record(const KeyRef& key);
    Record* existing(std::string_view key);
    void count_look(bool hit) { KeyspaceCounters::add(hit ? run_.counters.hits : run_.counters.misses); }
    bool holds(DbId physical, std::string_view key) const;
    void changed(const KeyRef& key);
    /// Name and type of an entry, or nothing when it's expired or still has to be read.
    virtual std::optional<ColdName> name_of(Record* record, LogAddress address);

    RunningCommand& run_;
    std::vector<std::unique_ptr<StoreKeyspace>>& siblings_;
    unsigned db_;
    DbId physical_ = 0;
    KeyRef cached_;
    Record* cached_record_ = nullptr;
    std::string random_name_;
};

/// Hash and slot of a key.
KeyRef make_key_ref(std::string_view key, uint64_t seed);

}  // namespace torc
