// Keyspace over cells: what one worker's running command sees and changes of a clustered node's data. Every
// change gets a dot of this node's actor, and is noted in RunningCommand::changes for the other replicas.
//
// One database. A walk (SCAN, KEYS, RANDOMKEY, DBSIZE) covers the shards that this node answers for: those
// of which it's the first usable owner; the coordinator puts the nodes' answers together, unless
// cluster-keyspace-scope says that each node speaks for itself. SCAN's cursor is a slot, since the order
// within a slot differs between replicas.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node_id.h"
#include "node/actor_history.h"
#include "node/keyspace.h"
#include "repl/cell.h"

namespace torc {

/// Is this node the first usable owner of the shard?
bool answers_for(const Topology& topology, NodeId self, ShardId shard);

class CellKeyspace final : public StoreKeyspace {
  public:
    using StoreKeyspace::StoreKeyspace;

    void begin() override;
    void finish() override;

    std::optional<Value> look(std::string_view key, unsigned traces) override;
    void put(std::string_view key, ValueType type, std::string_view bytes, int64_t expire_at_ms) override;
    std::span<char> edit(std::string_view key) override;
    bool erase(std::string_view key) override;
    void set_expiry(std::string_view key, int64_t at_ms) override;

    void add(std::string_view key, int64_t amount, std::string_view result, int64_t expire_at_ms) override;
    void add_decimal(std::string_view key, long double amount, std::string_view result,
                     int64_t expire_at_ms) override;
    Siblings siblings(std::string_view key) override;
    bool put_resolved(std::string_view key, std::string_view token, std::string_view bytes,
                      int64_t expire_at_ms) override;

    uint64_t size() const override;
    uint64_t expires() const override;
    void flush(bool lazily) override;
    void swap(unsigned a, unsigned b) override;
    uint64_t scan(uint64_t cursor, const Visit& visit) override;
    std::optional<std::string_view> random_key() override;

    // ---- what only a cluster's node does
    /// The key's cell as it is sent to others; empty when there's none.
    std::string_view cell(std::string_view key);
    /// Joins another replica's cell. True when it brought something new.
    bool merge(std::string_view key, std::string_view incoming);
    /// Removes the key, as a delete that replicas are told, if its time has passed. False: not so.
    bool expire(std::string_view key);
    /// Removes the key for want of memory, as a delete that replicas are told, if it's still as it was when
    /// eviction_mark() was taken, and this node's to decide. False: not so.
    bool evict(std::string_view key, std::string_view mark);
    /// What another member has of a key; empty: nothing.
    struct OthersCell {
        std::string_view cell;
        bool owner = false;
    };
    /// Retires entries of the key's context (repl/cell_trim.h) that have ended and that all owners cover,
    /// given the cells of all other members; or makes a value of a counter, so that the next time more can
    /// go. Not if one of them knows something that isn't here, or the key isn't this node's to decide. True
    /// when something was changed, as a write that replicas are told.
    bool trim(std::string_view key, std::span<const OthersCell> others, const EndedBefore& ended);
    /// This node's copy goes without a word (CellStore::forget).
    void forget(std::string_view key);
    /// Writes the key's cell to the log once more: the copy there has rotted.
    void log_again(std::string_view key);
    /// Deletes every key of a shard, which is locked for it like a walker's (unfinished() when it can't be).
    void flush_shard(ShardId shard);

  private:
    std::optional<ColdName> name_of(Record* record, LogAddress address) override;
    /// The cell that an increment goes on from: an expired one is deleted first.
    std::string_view countable(const KeyRef& key);
    /// What the command sees of the key: nothing when it's absent, deleted or expired.
    std::optional<Value> visible(const KeyRef& key);
    std::string_view bytes_of(const KeyRef& key);  // of its cell; empty: none
    void replace(const KeyRef& key, std::string_view cell);
    void store(const KeyRef& key, std::string_view cell);  // and says that the key has changed
    bool hidden(const CellView& view) const;
    /// For a write that follows `old`, above all that was ever stamped there.
    WriteStamp stamp(std::string_view old);
    bool mine(ShardId shard) const;
    bool decides_alone(ShardId shard) const;
    /// The first slot from here on that a walk has to look at: shards of ours without keys are passed by, and
    /// all others where `passes_others`. kSlots: none.
    unsigned next_to_walk(unsigned slot, bool passes_others) const;

    struct Edit {
        std::string name;
        std::string bytes;
        int64_t expire_at_ms;
    };
    std::string out_;
    std::deque<std::string> shown_;  // counters' sums, as views of them were given out
    std::deque<Edit> edits_;
    bool scanning_ = false;  // scan() was called since begin()
};

}  // namespace torc
