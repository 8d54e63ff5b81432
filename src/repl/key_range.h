// A part of a Merkle leaf: the keys whose hash begins with some bits. A leaf with many keys is narrowed down
// 64-fold at each step, so that one differing key among many costs a few hundred bytes and not a list of all.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "repl/exchange.h"

namespace torc {

inline constexpr unsigned kRangeFanOut = 64;
inline constexpr unsigned kRangeBits = 6;
inline constexpr unsigned kDeepestRange = 10;  // 4 bits of the leaf and 10 x 6 are the whole hash

struct KeyRange {
    SlotId slot = 0;
    uint8_t leaf = 0;
    uint8_t depth = 0;    // 0: the whole leaf
    uint64_t prefix = 0;  // the 6 x depth bits of the hash that follow the leaf's 4

    uint64_t lowest_hash() const;
    uint64_t highest_hash() const;
    KeyRange child(unsigned i) const;
    bool holds(std::string_view key) const;
    friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

/// One leaf's keys of this node's copy, in the order in which both ends compare: by hash, then by key.
class LeafListing {
  public:
    struct Entry {
        uint64_t hash = 0;
        KeyDigest key;
    };

    /// Makes it the listing of that leaf, at no cost when it already is. False: can't be had now.
    bool load(ExchangeCopy& copy, SlotId slot, unsigned leaf);
    bool is_of(SlotId slot, unsigned leaf) const { return loaded_ && slot_ == slot && leaf_ == leaf; }
    size_t size() const { return entries_.size(); }

    /// The range's entries behind the key `after` (empty: all); valid until the next load().
    std::span<const Entry> in(const KeyRange& range, std::string_view after = {}) const;

  private:
    bool loaded_ = false;
    SlotId slot_ = 0;
    unsigned leaf_ = 0;
    std::vector<Entry> entries_;
};

/// XOR of the entry hashes in each of the range's children.
std::vector<uint64_t> child_hashes(const KeyRange& range, std::span<const LeafListing::Entry> entries);

/// The order of a listing.
bool listed_before(uint64_t hash_a, std::string_view a, uint64_t hash_b, std::string_view b);

}  // namespace torc
