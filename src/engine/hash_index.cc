#include "engine/hash_index.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/check.h"
#include "base/hash.h"
#include "engine/allocation.h"
#include "engine/reclaimer.h"

namespace torc {
namespace {

// Entries per bucket, in tenths. Six of seven places on average keeps an entry in its bucket's own cache line
// nine times in ten, at 11 to 13 bytes per key.
constexpr uint64_t kSplitAbove = 60;
constexpr uint64_t kMergeBelow = 25;
constexpr unsigned kRetagAfter = 8;  // bits of the tag used up

void* allocate(size_t bytes) {
    void* memory = std::malloc(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void free_memory(void* memory) {
    std::free(memory);
}

std::vector<uint64_t>& scratch(unsigned which) {
    static thread_local std::vector<uint64_t> vectors[3];
    vectors[which].clear();
    return vectors[which];
}

}  // namespace

struct HashIndex::Directory {
    std::atomic<uint64_t> buckets;
    uint64_t chunks;  // that there's room for
    std::atomic<Bucket*> chunk[1];

    static size_t bytes(uint64_t chunks) { return sizeof(Directory) + (chunks - 1) * sizeof(chunk[0]); }
    static Directory* create(uint64_t chunks, uint64_t buckets) {
        auto* directory = static_cast<Directory*>(allocate(bytes(chunks)));
        new (&directory->buckets) std::atomic<uint64_t>(buckets);
        directory->chunks = chunks;
        for (uint64_t i = 0; i < chunks; ++i) new (&directory->chunk[i]) std::atomic<Bucket*>(nullptr);
        return directory;
    }
    static Directory* of(uint64_t word) { return reinterpret_cast<Directory*>(word & ~kLargeBit); }
};

HashIndex::~HashIndex() {
    TORC_CHECK(word_.load(std::memory_order_relaxed) == 0);  // clear() needs the reclaimer
}

uint64_t HashIndex::buckets() const {
    const uint64_t word = word_.load(std::memory_order_acquire);
    if ((word & kLargeBit) != 0) return Directory::of(word)->buckets.load(std::memory_order_acquire);
    return word >> kCountShift;
}

HashIndex::Bucket* HashIndex::large_bucket_of(uint64_t word, uint64_t hash) {
    const Directory* directory = Directory::of(word);
    // Chunks are in place before the number that leads to them, and stay readable after it went down.
    const uint64_t buckets = directory->buckets.load(std::memory_order_acquire);
    const uint64_t number = bucket_number(hash, buckets);
    return directory->chunk[number / kChunk].load(std::memory_order_acquire) + number % kChunk;
}

HashIndex::Bucket* HashIndex::bucket_at(uint64_t number) const {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & kLargeBit) == 0) return reinterpret_cast<Bucket*>(word & kPointerMask) + number;
    return Directory::of(word)->chunk[number / kChunk].load(std::memory_order_relaxed) + number % kChunk;
}

void HashIndex::prefetch_record(uint64_t hash) const {
    const Bucket* bucket = bucket_of(hash);
    if (bucket == nullptr) return;
    const uint64_t meta = bucket->meta.load(std::memory_order_relaxed);
    const uint64_t tag = tag_for(hash, base_of(meta));
    bool found = false;
    for (const std::atomic<uint64_t>& entry : bucket->entry) {
        const uint64_t word = entry.load(std::memory_order_relaxed);
        if (((word ^ tag) & IndexEntry::kTagMask) != 0 || (word & IndexEntry::kColdBit) != 0) continue;
        // As a number: an empty entry whose tag fits is a null pointer, which prefetching forgives.
        const auto record = reinterpret_cast<uintptr_t>(IndexEntry(word).record());
        __builtin_prefetch(reinterpret_cast<const void*>(record));
        __builtin_prefetch(reinterpret_cast<const void*>(record + 64));
        __builtin_prefetch(reinterpret_cast<const void*>(record + 128));
        found = true;
    }
    if (!found) __builtin_prefetch(overflow_of(meta));
}

// ---- storage

void HashIndex::set_buckets(uint64_t buckets) {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & kLargeBit) != 0)
        Directory::of(word)->buckets.store(buckets, std::memory_order_release);
    else
        word_.store((word & kPointerMask) | (buckets << kCountShift), std::memory_order_release);
}

void HashIndex::make_room(Context& context) {
    const uint64_t now = buckets();
    if ((word_.load(std::memory_order_relaxed) & kLargeBit) == 0) {
        if (now < capacity_) return;
        if (now < kMaxArray) return move_to_array(now + 1, context);
        move_to_chunks(context);
    }
    if (now % kChunk == 0) add_chunk(context);
}

void HashIndex::give_back(Context& context) {
    const uint64_t now = buckets();
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & kLargeBit) == 0) {
        if (now <= capacity_ / 2) move_to_array(now, context);
        return;
    }
    if (now % kChunk == 0) {
        context.reclaimer.retire(Directory::of(word)->chunk[now / kChunk].load(std::memory_order_relaxed),
                                 free_memory);
        context.bytes_delta -= static_cast<int64_t>(kChunk * sizeof(Bucket));
    }
    if (now <= kMaxArray / 2) move_to_array(now, context);
}

namespace {

template <class Bucket>
void copy_words(const Bucket& from, Bucket& to) {
    for (unsigned i = 0; i < HashIndex::kEntries; ++i)
        to.entry[i].store(from.entry[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.meta.store(from.meta.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace

void HashIndex::move_to_array(uint64_t wanted, Context& context) {
    const uint64_t now = buckets();
    size_t bytes = allocation_size(wanted * sizeof(Bucket));
    char* memory = static_cast<char*>(allocate(bytes));
    auto misaligned = [](const char* at) { return (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64; };
    if (bytes - misaligned(memory) < wanted * sizeof(Bucket)) {
        std::free(memory);
        bytes = allocation_size(wanted * sizeof(Bucket) + 48);
        memory = static_cast<char*>(allocate(bytes));
    }
    const size_t shift = misaligned(memory);
    auto* array = reinterpret_cast<Bucket*>(memory + shift);
    const uint64_t capacity = std::min((bytes - shift) / sizeof(Bucket), kMaxArray);
    for (uint64_t i = 0; i < capacity; ++i) {
        new (&array[i]) Bucket{};
        if (i < now) copy_words(*bucket_at(i), array[i]);
    }
    TORC_CHECK((reinterpret_cast<uintptr_t>(array) & ~kPointerMask) == 0);

    const uint64_t old = word_.load(std::memory_order_relaxed);
    const uint64_t old_bytes = allocation_size(capacity_ * sizeof(Bucket) + shift_);
    word_.store(reinterpret_cast<uintptr_t>(array) | (now << kCountShift), std::memory_order_release);
    if ((old & kLargeBit) != 0) {
        Directory* directory = Directory::of(old);
        const uint64_t chunks = (now + kChunk - 1) / kChunk;
        for (uint64_t i = 0; i < chunks; ++i)
            context.reclaimer.retire(directory->chunk[i].load(std::memory_order_relaxed), free_memory);
        context.reclaimer.retire(directory, free_memory);
        context.bytes_delta -=
            static_cast<int64_t>(chunks * kChunk * sizeof(Bucket) + Directory::bytes(directory->chunks));
    } else if (old != 0) {
        context.reclaimer.retire(reinterpret_cast<char*>(old & kPointerMask) - shift_, free_memory);
        context.bytes_delta -= static_cast<int64_t>(old_bytes);
    }
    capacity_ = static_cast<uint16_t>(capacity);
    shift_ = static_cast<uint16_t>(shift);
    context.bytes_delta += static_cast<int64_t>(allocation_size(capacity_ * sizeof(Bucket) + shift_));
}

void HashIndex::move_to_chunks(Context& context) {
    const uint64_t now = buckets();
    const uint64_t chunks = (now + kChunk - 1) / kChunk;
    Directory* directory = Directory::create(2 * chunks, now);
    for (uint64_t c = 0; c < chunks; ++c) {
        auto* chunk = static_cast<Bucket*>(std::aligned_alloc(64, kChunk * sizeof(Bucket)));
        if (chunk == nullptr) throw std::bad_alloc();
        for (uint64_t i = 0; i < kChunk; ++i) {
            new (&chunk[i]) Bucket{};
            if (c * kChunk + i < now) copy_words(*bucket_at(c * kChunk + i), chunk[i]);
        }
        directory->chunk[c].store(chunk, std::memory_order_relaxed);
    }
    const uint64_t old = word_.load(std::memory_order_relaxed);
    word_.store(reinterpret_cast<uintptr_t>(directory) | kLargeBit, std::memory_order_release);
    if (old != 0) {
        context.reclaimer.retire(reinterpret_cast<char*>(old & kPointerMask) - shift_, free_memory);
        context.bytes_delta -= static_cast<int64_t>(allocation_size(capacity_ * sizeof(Bucket) + shift_));
    }
    context.bytes_delta +=
        static_cast<int64_t>(chunks * kChunk * sizeof(Bucket) + Directory::bytes(directory->chunks));
    capacity_ = shift_ = 0;
}

void HashIndex::add_chunk(Context& context) {
    Directory* directory = Directory::of(word_.load(std::memory_order_relaxed));
    const uint64_t at = directory->buckets.load(std::memory_order_relaxed) / kChunk;
    if (at == directory->chunks) {
        Directory* larger = Directory::create(2 * at, at * kChunk);
        for (uint64_t i = 0; i < at; ++i)
            larger->chunk[i].store(directory->chunk[i].load(std::memory_order_relaxed),
                                   std::memory_order_relaxed);
        word_.store(reinterpret_cast<uintptr_t>(larger) | kLargeBit, std::memory_order_release);
        context.reclaimer.retire(directory, free_memory);
        context.bytes_delta += static_cast<int64_t>(Directory::bytes(2 * at) - Directory::bytes(at));
        directory = larger;
    }
    auto* chunk = static_cast<Bucket*>(std::aligned_alloc(64, kChunk * sizeof(Bucket)));
    if (chunk == nullptr) throw std::bad_alloc();
    for (uint64_t i = 0; i < kChunk; ++i) new (&chunk[i]) Bucket{};
    directory->chunk[at].store(chunk, std::memory_order_release);
    context.bytes_delta += static_cast<int64_t>(kChunk * sizeof(Bucket));
}

// ---- entries

void HashIndex::insert(uint64_t hash, IndexEntry entry, Context& context) {
    TORC_CHECK(count_ < UINT32_MAX);
    if (word_.load(std::memory_order_relaxed) == 0) {
        move_to_array(1, context);
        set_buckets(1);
    }
    Bucket& bucket = *bucket_of(hash);
    append(bucket, entry.word() | tag_for(hash, base_of(bucket.meta.load(std::memory_order_relaxed))),
           context);
    ++count_;
    if (uint64_t{count_} * 10 > buckets() * kSplitAbove) split(context);
}

void HashIndex::erase(uint64_t hash, Place place, Context& context) {
    Bucket& bucket = *bucket_of(hash);
    const uint64_t meta = bucket.meta.load(std::memory_order_relaxed);
    std::atomic<uint64_t>* const overflow = overflow_of(meta);
    if (overflow == nullptr) {
        place->store(0, std::memory_order_relaxed);
    } else {
        // The last of the overflow takes the free place: the overflow has no holes.
        const size_t capacity = overflow_capacity(meta);
        size_t used = 0;
        while (used < capacity && overflow[used].load(std::memory_order_relaxed) != 0) ++used;
        --used;
        place->store(overflow[used].load(std::memory_order_relaxed), std::memory_order_relaxed);
        overflow[used].store(0, std::memory_order_relaxed);
        unsigned size_class = class_of(meta);
        while (size_class > 0 && used + 2 <= capacity_of_class(size_class - 1)) --size_class;
        if (used == 0) size_class = 0;
        if (size_class != class_of(meta)) resize_overflow(bucket, size_class, context);
    }
    --count_;
    if (count_ == 0) return clear(context);
    const uint64_t total = buckets();
    if (total > 1 && uint64_t{count_} * 10 < total * kMergeBelow) merge(context);
}

void HashIndex::append(Bucket& bucket, uint64_t word, Context& context) {
    for (std::atomic<uint64_t>& entry : bucket.entry) {
        if (entry.load(std::memory_order_relaxed) != 0) continue;
        entry.store(word, std::memory_order_relaxed);
        return;
    }
    uint64_t meta = bucket.meta.load(std::memory_order_relaxed);
    size_t used = 0;
    while (used < overflow_capacity(meta) && overflow_of(meta)[used].load(std::memory_order_relaxed) != 0)
        ++used;
    if (used == overflow_capacity(meta)) {
        resize_overflow(bucket, class_of(meta) + 1, context);
        meta = bucket.meta.load(std::memory_order_relaxed);
    }
    overflow_of(meta)[used].store(word, std::memory_order_relaxed);
}

void HashIndex::resize_overflow(Bucket& bucket, unsigned size_class, Context& context) {
    const uint64_t meta = bucket.meta.load(std::memory_order_relaxed);
    std::atomic<uint64_t>* const old = overflow_of(meta);
    const size_t old_capacity = overflow_capacity(meta);
    const size_t capacity = capacity_of_class(size_class);
    std::atomic<uint64_t>* array = nullptr;
    if (capacity > 0) {
        array = static_cast<std::atomic<uint64_t>*>(allocate(capacity * sizeof(uint64_t)));
        TORC_CHECK((reinterpret_cast<uintptr_t>(array) & (~kOverflowMask | 15)) == 0);
        for (size_t i = 0; i < capacity; ++i)
            new (&array[i])
                std::atomic<uint64_t>(i < old_capacity ? old[i].load(std::memory_order_relaxed) : 0);
    }
    bucket.meta.store((uint64_t{base_of(meta)} << kBaseShift) | (uint64_t{size_class} << kClassShift) |
                          reinterpret_cast<uintptr_t>(array),
                      std::memory_order_relaxed);
    std::free(old);  // nobody reads overflow arrays without the lock
    context.bytes_delta += static_cast<int64_t>(allocation_size(capacity * 8) * (capacity > 0));
    context.bytes_delta -= static_cast<int64_t>(allocation_size(old_capacity * 8) * (old_capacity > 0));
}

void HashIndex::gather(const Bucket& bucket, std::vector<uint64_t>& into) {
    for (const std::atomic<uint64_t>& entry : bucket.entry)
        if (const uint64_t word = entry.load(std::memory_order_relaxed)) into.push_back(word);
    const uint64_t meta = bucket.meta.load(std::memory_order_relaxed);
    for (size_t i = 0; i < overflow_capacity(meta); ++i)
        if (const uint64_t word = overflow_of(meta)[i].load(std::memory_order_relaxed)) into.push_back(word);
}

void HashIndex::fill(Bucket& bucket, const std::vector<uint64_t>& words, unsigned base, Context& context) {
    resize_overflow(bucket, 0, context);
    for (std::atomic<uint64_t>& entry : bucket.entry) entry.store(0, std::memory_order_relaxed);
    bucket.meta.store(uint64_t{base} << kBaseShift, std::memory_order_relaxed);
    for (const uint64_t word : words) append(bucket, word, context);
}

// ---- growing and shrinking

void HashIndex::split(Context& context) {
    const uint64_t total = buckets();
    const auto depth = static_cast<unsigned>(std::bit_width(total)) - 1;
    const uint64_t number = total - (1ULL << depth);
    if (depth >= kPositionBits) return;
    std::vector<uint64_t>& words = scratch(0);
    gather(*bucket_at(number), words);
    unsigned base = base_of(bucket_at(number)->meta.load(std::memory_order_relaxed));

    if (depth >= base + kRetagAfter &&
        std::ranges::none_of(words, [](uint64_t word) { return IndexEntry(word).is_cold(); })) {
        base = depth;
        for (uint64_t& word : words) {
            const uint64_t hash = hash64(IndexEntry(word).record()->key(), context.hash_seed);
            word = (word & ~IndexEntry::kTagMask) | tag_for(hash, base);
        }
    }
    if (depth >= base + IndexEntry::kTagBits) return;

    make_room(context);
    std::vector<uint64_t>& low = scratch(1);
    std::vector<uint64_t>& high = scratch(2);
    const uint64_t bit = 1ULL << (IndexEntry::kTagShift + depth - base);
    for (const uint64_t word : words) ((word & bit) != 0 ? high : low).push_back(word);
    fill(*bucket_at(total), high, base, context);
    fill(*bucket_at(number), low, base, context);
    set_buckets(total + 1);
}

void HashIndex::merge(Context& context) {
    const uint64_t from = buckets() - 1;
    const uint64_t top = std::bit_floor(from);
    const uint64_t into = from - top;
    const auto depth = static_cast<unsigned>(std::bit_width(from)) - 1;  // of the bucket that stays
    const unsigned from_base = base_of(bucket_at(from)->meta.load(std::memory_order_relaxed));
    const unsigned into_base = base_of(bucket_at(into)->meta.load(std::memory_order_relaxed));
    const unsigned base = std::min({from_base, into_base, depth});

    // A lower base brings bits into the tag that the bucket's number tells.
    auto retag = [base](std::vector<uint64_t>& words, size_t begin, uint64_t number, unsigned old_base) {
        const unsigned bits = old_base - base;
        if (bits == 0) return;
        for (size_t i = begin; i < words.size(); ++i) {
            const uint64_t tag = (words[i] & IndexEntry::kTagMask) >> IndexEntry::kTagShift;
            const uint64_t known = (number >> base) & ((1ULL << bits) - 1);
            words[i] = (words[i] & ~IndexEntry::kTagMask) |
                       ((((tag << bits) | known) << IndexEntry::kTagShift) & IndexEntry::kTagMask);
        }
    };
    std::vector<uint64_t>& words = scratch(0);
    gather(*bucket_at(into), words);
    retag(words, 0, into, into_base);
    const size_t middle = words.size();
    gather(*bucket_at(from), words);
    retag(words, middle, from, from_base);

    fill(*bucket_at(from), scratch(1), 0, context);
    fill(*bucket_at(into), words, base, context);
    set_buckets(from);
    give_back(context);
}

void HashIndex::reserve(uint64_t entries, Context& context) {
    if (count_ != 0 || entries == 0) return;
    clear(context);
    const uint64_t wanted = std::max<uint64_t>(1, (entries * 10 + kSplitAbove - 1) / kSplitAbove);
    const auto base = std::min<unsigned>(static_cast<unsigned>(std::bit_width(wanted)) - 1, kPositionBits);
    move_to_array(std::min(wanted, kMaxArray), context);
    for (uint64_t total = 0; total < wanted; ++total) {
        make_room(context);
        bucket_at(total)->meta.store(uint64_t{base} << kBaseShift, std::memory_order_relaxed);
        set_buckets(total + 1);
    }
}

void HashIndex::clear(Context& context) {
    const uint64_t total = buckets();
    if (word_.load(std::memory_order_relaxed) == 0) return;
    for (uint64_t i = 0; i < total; ++i) resize_overflow(*bucket_at(i), 0, context);
    const uint64_t old = word_.load(std::memory_order_relaxed);
    word_.store(0, std::memory_order_release);
    if ((old & kLargeBit) != 0) {
        Directory* directory = Directory::of(old);
        const uint64_t chunks = (total + kChunk - 1) / kChunk;
        for (uint64_t i = 0; i < chunks; ++i)
            context.reclaimer.retire(directory->chunk[i].load(std::memory_order_relaxed), free_memory);
        context.reclaimer.retire(directory, free_memory);
        context.bytes_delta -=
            static_cast<int64_t>(chunks * kChunk * sizeof(Bucket) + Directory::bytes(directory->chunks));
    } else {
        context.reclaimer.retire(reinterpret_cast<char*>(old & kPointerMask) - shift_, free_memory);
        context.bytes_delta -= static_cast<int64_t>(allocation_size(capacity_ * sizeof(Bucket) + shift_));
    }
    capacity_ = shift_ = 0;
    count_ = 0;
}

}  // namespace torc
