// Changing cells: the one way in which a cell enters, changes or leaves a clustered node's store, so that
// Merkle trees and counts always agree with it. All under the lock of the key's shard.
//
// Expiry of cells is the cluster's business: the engine is told of none, since it would forget an expired
// cell whole, and with it what keeps an older value from coming back (CORRECTNESS 9, 10).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/store.h"
#include "node/cluster_core.h"

namespace torc {

/// What is counted of a cell.
struct CellFacts {
    bool exists = false;
    bool has_expiry = false;
    bool has_siblings = false;
    uint64_t entry = 0;  // entry_hash() for the Merkle tree
    size_t bytes = 0;
};
/// `cell` is valid.
CellFacts cell_facts(std::string_view key, std::string_view cell);

/// Of a record with a cell: differs once the key was written or, as exactly as the access clock is, used.
std::string eviction_mark(const Record& record);

class CellStore {
  public:
    CellStore(Store& store, ClusterCore& cluster) : store_(store), cluster_(cluster) {}

    /// Inserts or replaces the key's cell. `old`: its resident record, or null.
    Record* replace(WriteBatch& batch, const KeyRef& key, Record* old, std::string_view cell);
    /// This node's copy goes, and nothing is said to anybody: it has been handed to those it belongs to, or
    /// was a tombstone that nobody needs any more.
    void forget(WriteBatch& batch, const KeyRef& key, Record* record);
    /// The key's cell can't be read any more (`damaged`, its record at `address`): its entry leaves the
    /// index. The next exchange brings the key back, though the tree had counted it. False when the entry is
    /// gone.
    bool lose(WriteBatch& batch, const KeyRef& key, LogAddress address, const StoredRecord& damaged);
    /// A plain value, from when the node was alone, becomes the cell of a write of this node's.
    Record* adopt(WriteBatch& batch, const KeyRef& key, Record* plain, int64_t now_ms);
    /// Counts a cell that was found at the start.
    void count_loaded(const KeyRef& key, std::string_view cell);
    /// The same of one that can't be read, with `bytes`: the tree doesn't have it, and lose() will be told.
    void count_damaged(const KeyRef& key, size_t bytes);

    Store& store() { return store_; }
    ClusterCore& cluster() { return cluster_; }

  private:
    void account(const KeyRef& key, const CellFacts* before, const CellFacts* after);

    Store& store_;
    ClusterCore& cluster_;
};

}  // namespace torc
