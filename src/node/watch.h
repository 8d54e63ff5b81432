// WATCH: which connections want to know that a key changed. One table per shard, touched under the shard's
// lock, so a watch costs nothing where nobody watches. What a change does is set a flag; the connection looks
// at it in EXEC.
//
// Databases are logical here: after SWAPDB a watch stays with the number that the client had selected, as in
// Redis.
//
// A connection's WatchState is shared with the tables; a connection that has stopped watching marks it dead,
// and dead ones leave the tables when their key is next touched or in sweep().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"

namespace torc {

/// One connection's watches since its last EXEC, DISCARD or UNWATCH.
struct WatchState {
    struct Key {
        DbId db;  // logical
        std::string name;
        bool expired;  // already when it was watched: then its removal changes nothing
    };
    std::atomic<bool> dirty{false};
    std::atomic<bool> dead{false};
    std::vector<Key> keys;  // only the connection's own thread
};

class WatchTable {
  public:
    // Each call with the shard's lock held, but any(), which may be asked without it and is then only a hint.
    void add(ShardId shard, DbId db, std::string_view key, bool expired,
             const std::shared_ptr<WatchState>& state);
    bool any(ShardId shard) const {
        return total_.load(std::memory_order_relaxed) != 0 &&
               shards_[shard].count.load(std::memory_order_relaxed) != 0;
    }
    /// The key changed: all who watch it are dirty.
    void touch(ShardId shard, DbId db, std::string_view key);
    /// Its time had come and it was removed: a change only for those who watched it while it was alive.
    void touch_expired(ShardId shard, DbId db, std::string_view key);
    /// For FLUSH* and SWAPDB: what becomes of each watched key of the db.
    enum class Fate : uint8_t { untouched, removed, replaced };
    template <class FateOf>
    void touch_db(ShardId shard, DbId db, FateOf fate_of) {
        Shard& s = shards_[shard];
        if (s.count == 0) return;
        std::vector<std::string> watched;
        for (const auto& [name, states] : s.keys)
            if (static_cast<DbId>(name[0]) == db) watched.push_back(name.substr(1));
        for (const std::string& key : watched) {
            const Fate fate = fate_of(std::string_view(key));
            if (fate == Fate::replaced) touch(shard, db, key);
            // Gone is nothing new for those who watched it when it had expired.
            if (fate == Fate::removed) touch_expired(shard, db, key);
        }
    }
    /// Drops the dead.
    void sweep(ShardId shard);

  private:
    struct Watcher {
        std::shared_ptr<WatchState> state;
        bool expired;  // the key, when it was watched
    };
    struct Shard {
        std::atomic<size_t> count{0};
        std::unordered_map<std::string, std::vector<Watcher>> keys;  // db byte + key
    };
    static std::string name_of(DbId db, std::string_view key);

    void leave(Shard& shard, size_t watchers) {
        shard.count -= watchers;
        total_ -= watchers;
    }

    std::atomic<size_t> total_{0};  // of all shards: one line in the cache while nobody watches
    Shard shards_[kShards];
};

}  // namespace torc
