// The index of one slot in one database: a linear hash table (Litwin 1980) of one-cache-line buckets, which
// grows and shrinks by one bucket at a time, never moves an entry for another's sake, and never reads a key
// that isn't in RAM.
//
//   table   one word: number of buckets and where they are; small tables are one array, large ones chunks
//   bucket  [entry x 7][meta]       meta: tag base (6 bits), size class and address of an overflow array
//   entry   [cold 1][tag 20][43: record pointer / 16, or log address]      0: free
//
// With N = 2^d + s buckets, a hash belongs to bucket h mod 2^(d+1), or h mod 2^d when that isn't there yet.
// Splitting bucket s moves the entries whose bit d is set to bucket s + 2^d. So a bucket holds exactly the
// hashes that share its low bits: a prefix of the bit-reversed hash, which is the order that walk() goes in
// and its positions are of. A position therefore means the same whatever the table's size.
//
// An entry's tag is the hash's bits [base, base + 20), the base being its bucket's. Splitting uses up one bit
// of the tag; what's left is the filter that spares a look at the wrong key. When eight are used up and all
// of the bucket's records are in RAM, they're tagged anew from their keys. A bucket with cold entries whose
// 20 bits are all used can't be split: the table then stops growing, and chains get longer.
//
// The index doesn't own the records. All calls under the shard's lock, except prefetch_*(), which may run at
// any time in a thread that is online in the Reclaimer: words are relaxed atomics, and arrays that were
// replaced are retired, not freed.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/address.h"
#include "engine/record.h"

namespace torc {

class Reclaimer;

/// One word of the index. The tag is filled in by the table.
class IndexEntry {
  public:
    static constexpr unsigned kTagShift = LogAddress::kBits;
    static constexpr unsigned kTagBits = 20;
    static constexpr uint64_t kColdBit = 1ULL << 63;
    static constexpr uint64_t kTagMask = ((1ULL << kTagBits) - 1) << kTagShift;
    static constexpr uint64_t kValueMask = (1ULL << LogAddress::kBits) - 1;

    IndexEntry() = default;
    explicit IndexEntry(uint64_t word) : word_(word) {}
    static IndexEntry resident(const Record* record) {
        return IndexEntry(reinterpret_cast<uintptr_t>(record) >> 4);
    }
    static IndexEntry cold(LogAddress address) { return IndexEntry(kColdBit | address.units); }

    bool is_cold() const { return (word_ & kColdBit) != 0; }
    Record* record() const { return reinterpret_cast<Record*>((word_ & kValueMask) << 4); }
    LogAddress address() const { return {word_ & kValueMask}; }
    uint64_t word() const { return word_; }

  private:
    uint64_t word_ = 0;
};

class HashIndex {
  public:
    /// What changing a table needs.
    struct Context {
        Reclaimer& reclaimer;
        uint64_t hash_seed;       // of hash64, to tag records anew
        int64_t bytes_delta = 0;  // added to: memory taken less memory given back
    };
    /// Where an entry stands; valid until the table's next insert() or erase().
    using Place = std::atomic<uint64_t>*;

    static constexpr unsigned kEntries = 7;  // of a bucket
    static constexpr unsigned kPositionBits = 38;
    static constexpr uint64_t kEndPosition = 1ULL << kPositionBits;

    HashIndex() = default;
    ~HashIndex();
    HashIndex(const HashIndex&) = delete;
    HashIndex& operator=(const HashIndex&) = delete;

    uint32_t size() const { return count_; }

    void prefetch_bucket(uint64_t hash) const {
        if (const Bucket* bucket = bucket_of(hash)) __builtin_prefetch(bucket);
    }
    void prefetch_record(uint64_t hash) const;

    /// Calls visit(IndexEntry, Place) for each entry that may be of this hash, until it returns true. Returns
    /// whether it did.
    template <class Visit>
    bool match(uint64_t hash, Visit&& visit);

    void insert(uint64_t hash, IndexEntry entry, Context& context);
    /// Puts another entry of the same key in the place of one.
    static void replace(Place place, IndexEntry entry) {
        const uint64_t tag = place->load(std::memory_order_relaxed) & IndexEntry::kTagMask;
        place->store(tag | entry.word(), std::memory_order_relaxed);
    }
    /// `place`: from match() with this hash.
    void erase(uint64_t hash, Place place, Context& context);

    /// Makes an empty table large enough; tags start at its depth.
    void reserve(uint64_t entries, Context& context);
    /// Frees all buckets (through the reclaimer); the records aren't looked at.
    void clear(Context& context);

    /// Visits all entries of the bucket that the position lies in and returns the position of the next one;
    /// kEndPosition after the last. visit(IndexEntry, Place) may replace() but not insert or erase.
    template <class Visit>
    uint64_t walk(uint64_t position, Visit&& visit);
    uint64_t buckets() const;

  private:
    struct alignas(64) Bucket {
        std::atomic<uint64_t> entry[kEntries];
        std::atomic<uint64_t> meta;
    };
    struct Directory;  // of a large table

    static constexpr uint64_t kLargeBit = 1;
    static constexpr unsigned kCountShift = 48;
    static constexpr uint64_t kPointerMask = ((1ULL << kCountShift) - 1) & ~63ULL;
    static constexpr uint64_t kMaxArray = 1024;  // buckets; above, chunks
    static constexpr uint64_t kChunk = 128;      // buckets

    static constexpr unsigned kBaseShift = 58;
    static constexpr unsigned kClassShift = 52;
    static constexpr uint64_t kOverflowMask = (1ULL << 48) - 1;

    static unsigned base_of(uint64_t meta) { return static_cast<unsigned>(meta >> kBaseShift); }
    static std::atomic<uint64_t>* overflow_of(uint64_t meta) {
        return reinterpret_cast<std::atomic<uint64_t>*>(meta & kOverflowMask);
    }
    /// Entries that the overflow array has room for: 2, 4 ... 16, then doubling.
    static size_t overflow_capacity(uint64_t meta) { return capacity_of_class(class_of(meta)); }
    static unsigned class_of(uint64_t meta) { return static_cast<unsigned>((meta >> kClassShift) & 0x3f); }
    static size_t capacity_of_class(unsigned size_class) {
        return size_class <= 8 ? 2 * size_class : size_t{16} << (size_class - 8);
    }
    static uint64_t tag_for(uint64_t hash, unsigned base) {
        return ((hash >> base) << IndexEntry::kTagShift) & IndexEntry::kTagMask;
    }
    static uint64_t bucket_number(uint64_t hash, uint64_t buckets) {
        const uint64_t mask = (1ULL << std::bit_width(buckets)) - 1;
        const uint64_t number = hash & mask;
        return number < buckets ? number : number & (mask >> 1);
    }
    static unsigned depth_of(uint64_t number, uint64_t buckets) {
        const auto depth = static_cast<unsigned>(std::bit_width(buckets)) - 1;
        const uint64_t half = 1ULL << depth;
        return number >= half || number < buckets - half ? depth + 1 : depth;
    }

    Bucket* bucket_of(uint64_t hash) const {
        const uint64_t word = word_.load(std::memory_order_acquire);
        if (__builtin_expect((word & kLargeBit) != 0, 0)) return large_bucket_of(word, hash);
        const uint64_t buckets = word >> kCountShift;
        if (buckets == 0) return nullptr;
        return reinterpret_cast<Bucket*>(word & kPointerMask) + bucket_number(hash, buckets);
    }
    static Bucket* large_bucket_of(uint64_t word, uint64_t hash);
    Bucket* bucket_at(uint64_t number) const;

    void set_buckets(uint64_t buckets);
    /// Room for one bucket more, zeroed; the arrays may move.
    void make_room(Context& context);
    void give_back(Context& context);
    void move_to_array(uint64_t wanted, Context& context);
    void move_to_chunks(Context& context);
    void add_chunk(Context& context);

    void split(Context& context);
    void merge(Context& context);
    static void gather(const Bucket& bucket, std::vector<uint64_t>& into);
    static void fill(Bucket& bucket, const std::vector<uint64_t>& words, unsigned base, Context& context);
    static void append(Bucket& bucket, uint64_t word, Context& context);
    /// Gives the bucket an overflow array of this size class (0: none) that holds what the old one did.
    static void resize_overflow(Bucket& bucket, unsigned size_class, Context& context);

    std::atomic<uint64_t> word_{0};
    uint32_t count_ = 0;
    uint16_t capacity_ = 0;  // buckets that the array has room for
    uint16_t shift_ = 0;     // bytes from the allocation to the array, which starts on a cache line
};
static_assert(sizeof(HashIndex) == 16, "four to a cache line");

template <class Visit>
bool HashIndex::match(uint64_t hash, Visit&& visit) {
    Bucket* const bucket = bucket_of(hash);
    if (bucket == nullptr) return false;
    const uint64_t meta = bucket->meta.load(std::memory_order_relaxed);
    const uint64_t tag = tag_for(hash, base_of(meta));
    // All seven are compared before any is looked at: one branch that goes either way instead of seven.
    unsigned hits = 0;
    for (unsigned i = 0; i < kEntries; ++i) {
        const uint64_t word = bucket->entry[i].load(std::memory_order_relaxed);
        hits |= static_cast<unsigned>(((word ^ tag) & IndexEntry::kTagMask) == 0) << i;
    }
    for (; hits != 0; hits &= hits - 1) {
        Place place = &bucket->entry[std::countr_zero(hits)];
        const uint64_t word = place->load(std::memory_order_relaxed);
        if (word != 0 && visit(IndexEntry(word), place)) return true;
    }
    if ((meta & kOverflowMask) == 0) return false;
    std::atomic<uint64_t>* const overflow = overflow_of(meta);
    for (size_t i = 0, capacity = overflow_capacity(meta); i < capacity; ++i) {
        const uint64_t word = overflow[i].load(std::memory_order_relaxed);
        if (word == 0) return false;
        if (((word ^ tag) & IndexEntry::kTagMask) == 0 && visit(IndexEntry(word), &overflow[i])) return true;
    }
    return false;
}

/// The low kPositionBits of a hash, reversed: its place in the order of walk().
inline uint64_t position_of(uint64_t hash) {
    uint64_t reversed = 0;
    for (unsigned i = 0; i < HashIndex::kPositionBits; ++i) reversed = (reversed << 1) | ((hash >> i) & 1);
    return reversed;
}
/// The inverse: a hash whose low kPositionBits lie at the position.
inline uint64_t hash_at(uint64_t position) {
    return position_of(position);
}

template <class Visit>
uint64_t HashIndex::walk(uint64_t position, Visit&& visit) {
    const uint64_t total = buckets();
    if (total == 0 || position >= kEndPosition) return kEndPosition;
    const uint64_t number = bucket_number(hash_at(position), total);
    Bucket& bucket = *bucket_at(number);
    for (std::atomic<uint64_t>& entry : bucket.entry) {
        const uint64_t word = entry.load(std::memory_order_relaxed);
        if (word != 0) visit(IndexEntry(word), &entry);
    }
    const uint64_t meta = bucket.meta.load(std::memory_order_relaxed);
    std::atomic<uint64_t>* const overflow = overflow_of(meta);
    for (size_t i = 0; overflow != nullptr && i < overflow_capacity(meta); ++i) {
        const uint64_t word = overflow[i].load(std::memory_order_relaxed);
        if (word == 0) break;
        visit(IndexEntry(word), &overflow[i]);
    }
    const unsigned free_bits = kPositionBits - depth_of(number, total);
    return ((position >> free_bits) + 1) << free_bits;
}

}  // namespace torc
