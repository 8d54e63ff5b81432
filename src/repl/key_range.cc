#include "repl/key_range.h"

#include <algorithm>

#include "cluster/slots.h"
#include "repl/exchange_message.h"

namespace torc {
namespace {

constexpr unsigned kLeafShift = 60;

unsigned shift_of(unsigned depth) {
    return kLeafShift - kRangeBits * depth;
}

}  // namespace

uint64_t KeyRange::lowest_hash() const {
    return (uint64_t{leaf} << kLeafShift) | (prefix << shift_of(depth));
}

uint64_t KeyRange::highest_hash() const {
    return lowest_hash() | ((uint64_t{1} << shift_of(depth)) - 1);
}

KeyRange KeyRange::child(unsigned i) const {
    return {slot, leaf, static_cast<uint8_t>(depth + 1), (prefix << kRangeBits) | i};
}

bool KeyRange::holds(std::string_view key) const {
    const uint64_t hash = merkle_key_hash(key);
    return hash >= lowest_hash() && hash <= highest_hash() && key_slot(key) == slot;
}

bool listed_before(uint64_t hash_a, std::string_view a, uint64_t hash_b, std::string_view b) {
    return hash_a != hash_b ? hash_a < hash_b : a < b;
}

bool LeafListing::load(ExchangeCopy& copy, SlotId slot, unsigned leaf) {
    if (is_of(slot, leaf)) return true;
    loaded_ = false;
    std::vector<KeyDigest> keys;
    if (!copy.list(slot, leaf, keys)) return false;
    entries_.clear();
    entries_.reserve(keys.size());
    for (KeyDigest& key : keys) {
        // A key that no message has room for can't be compared, whoever has it.
        if (key.key.size() > kMaxExchangeItem) continue;
        const uint64_t hash = merkle_key_hash(key.key);
        entries_.push_back({hash, std::move(key)});
    }
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return listed_before(a.hash, a.key.key, b.hash, b.key.key);
    });
    slot_ = slot;
    leaf_ = leaf;
    loaded_ = true;
    return true;
}

std::span<const LeafListing::Entry> LeafListing::in(const KeyRange& range, std::string_view after) const {
    const auto by_hash = [](const Entry& entry, uint64_t hash) { return entry.hash < hash; };
    auto begin = std::lower_bound(entries_.begin(), entries_.end(), range.lowest_hash(), by_hash);
    const auto end = std::upper_bound(begin, entries_.end(), range.highest_hash(),
                                      [](uint64_t hash, const Entry& entry) { return hash < entry.hash; });
    if (!after.empty()) {
        const uint64_t hash = merkle_key_hash(after);
        begin = std::partition_point(begin, end, [&](const Entry& entry) {
            return !listed_before(hash, after, entry.hash, entry.key.key);
        });
    }
    return {begin, end};
}

std::vector<uint64_t> child_hashes(const KeyRange& range, std::span<const LeafListing::Entry> entries) {
    std::vector<uint64_t> hashes(kRangeFanOut, 0);
    const unsigned shift = shift_of(range.depth + 1u);
    for (const LeafListing::Entry& entry : entries) {
        hashes[(entry.hash >> shift) % kRangeFanOut] ^= entry_hash(entry.key.key, entry.key.digest);
    }
    return hashes;
}

}  // namespace torc
