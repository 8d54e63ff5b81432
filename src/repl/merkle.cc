#include "repl/merkle.h"

#include "base/hash.h"

namespace torc {

uint64_t merkle_key_hash(std::string_view key) {
    return hash64(key, 0);
}

uint64_t entry_hash(std::string_view key, uint64_t digest) {
    const uint64_t hash = hash64(key, digest);
    return hash != 0 ? hash : 1;  // 0 means that there's no entry
}

unsigned leaf_of_key(std::string_view key) {
    static_assert(kLeavesPerSlot == 16);
    return static_cast<unsigned>(merkle_key_hash(key) >> 60);
}

MerkleForest::MerkleForest()
    : leaves_(new std::atomic<uint64_t>[kSlots * kLeavesPerSlot]()),
      roots_(new std::atomic<uint64_t>[kShards]()) {}
MerkleForest::~MerkleForest() = default;

void MerkleForest::prefetch(SlotId slot, std::string_view key) const {
    __builtin_prefetch(&leaves_[slot * kLeavesPerSlot + leaf_of_key(key)], 1);
}

void MerkleForest::flip(SlotId slot, unsigned leaf, uint64_t bits) {
    for (std::atomic<uint64_t>* const hash :
         {&leaves_[slot * kLeavesPerSlot + leaf], &roots_[shard_of(slot)]})
        hash->store(hash->load(std::memory_order_relaxed) ^ bits, std::memory_order_relaxed);
}

void MerkleForest::update(SlotId slot, std::string_view key, uint64_t before, uint64_t after) {
    flip(slot, leaf_of_key(key), before ^ after);
}

void MerkleForest::spoil(SlotId slot, std::string_view key) {
    constexpr uint64_t kNobodysDigest = 0x6c6f73742063656c;
    update(slot, key, 0, entry_hash(key, kNobodysDigest));
}

void MerkleForest::clear(ShardId shard) {
    for (unsigned i = 0; i < kLeavesPerShard; ++i)
        leaves_[shard * kLeavesPerShard + i].store(0, std::memory_order_relaxed);
    roots_[shard].store(0, std::memory_order_relaxed);
}

void MerkleForest::correct(SlotId slot, unsigned leaf, uint64_t hash) {
    flip(slot, leaf, leaves_[slot * kLeavesPerSlot + leaf].load(std::memory_order_relaxed) ^ hash);
}

uint64_t MerkleForest::slot_hash(SlotId slot) const {
    uint64_t hash = 0;
    for (const uint64_t leaf : leaves(slot)) hash ^= leaf;
    return hash;
}

std::array<uint64_t, kLeavesPerSlot> MerkleForest::leaves(SlotId slot) const {
    std::array<uint64_t, kLeavesPerSlot> out;
    for (unsigned i = 0; i < kLeavesPerSlot; ++i) {
        out[i] = leaves_[slot * kLeavesPerSlot + i].load(std::memory_order_relaxed);
    }
    return out;
}

}  // namespace torc
