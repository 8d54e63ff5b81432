// Hash trees over a node's cells, one per shard, kept current by XOR: shard root -> 16 slots -> 16 leaves per
// slot. A leaf is the XOR of entry_hash(key, cell digest) over its keys; every level above is the XOR of the
// one below. So a changed key costs an XOR for its leaf and one for the root, and no walk; what is between
// them is added up by who asks. (Merkle 1987; kept by XOR as in incremental set hashing, Bellare and
// Micciancio 1997.)
//
// The hash of a key here has no seed: all nodes must agree. Thread rule: changes under the shard's
// lock; reading is lock-free and sees some state between concurrent updates, which an exchange
// tolerates.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/types.h"

namespace torc {

inline constexpr unsigned kLeavesPerSlot = 16;
inline constexpr unsigned kLeavesPerShard = kSlotsPerShard * kLeavesPerSlot;

/// Where a key stands within its slot; its first 4 bits are its leaf.
uint64_t merkle_key_hash(std::string_view key);
/// Of one key in its leaf; `digest`: CellView::digest() of its cell. Never 0.
uint64_t entry_hash(std::string_view key, uint64_t digest);
/// 0 .. kLeavesPerSlot - 1 within the key's slot.
unsigned leaf_of_key(std::string_view key);

class MerkleForest {
  public:
    MerkleForest();
    ~MerkleForest();

    /// A hint: update() of the key comes soon.
    void prefetch(SlotId slot, std::string_view key) const;
    /// The key's entry was `before` (0: none) and is `after` (0: none) from now on: entry_hash() values.
    void update(SlotId slot, std::string_view key, uint64_t before, uint64_t after);
    /// The key has no entry any more, and nobody knows what it was: its leaf becomes one that no other
    /// replica has, so that the next exchange looks at the keys there and has it corrected.
    void spoil(SlotId slot, std::string_view key);
    void clear(ShardId shard);
    /// What the leaf really is, by a look at all its keys. Under the shard's lock, like update().
    void correct(SlotId slot, unsigned leaf, uint64_t hash);

    uint64_t root(ShardId shard) const { return roots_[shard].load(std::memory_order_relaxed); }
    uint64_t slot_hash(SlotId slot) const;
    std::array<uint64_t, kLeavesPerSlot> leaves(SlotId slot) const;

  private:
    /// By the one writer that the shard's lock lets in: no need for an atomic read-modify-write.
    void flip(SlotId slot, unsigned leaf, uint64_t bits);

    std::unique_ptr<std::atomic<uint64_t>[]> leaves_;  // kLeavesPerSlot for each slot
    std::unique_ptr<std::atomic<uint64_t>[]> roots_;   // of each shard
};

}  // namespace torc
