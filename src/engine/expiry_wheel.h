// When the keys of one shard are due: a hierarchical timing wheel (Varghese and Lauck 1987) of references,
// five levels of 64 places, the lowest 128 ms wide, the highest reaching over four years; what lies further
// ahead waits in the farthest place and is put in again from there.
//
// A reference is the key's hash, slot and database, and the time it was noted for: 16 bytes. It's only a
// hint: the key may be gone, have another time by now, or share its tag with another key. Whoever takes due
// references looks each up in the index and acts on what stands there. What must hold is the other way round:
// each key with a TTL has a reference noted for its time or an earlier one. So extending a TTL notes nothing;
// when the earlier reference comes up, it's noted again for the time that the record then has.
//
// Keys that are deleted and made again leave stale references behind. overfull() says when they'd outnumber
// the live ones; sweep() takes some out for the caller to judge. So the wheel stays below
// 2 * (keys with TTL) + kSlack references per shard. Under the shard's lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/types.h"

namespace torc {

class ExpiryWheel {
  public:
    struct Ref {
        uint64_t hash;
        uint64_t packed;  // 42 bits time in ms, 14 bits slot, 8 bits db

        static Ref of(DbId db, SlotId slot, uint64_t hash, int64_t at_ms);
        int64_t at_ms() const { return static_cast<int64_t>(packed >> 22); }
        SlotId slot() const { return static_cast<SlotId>((packed >> 8) & 0x3fff); }
        DbId db() const { return static_cast<DbId>(packed); }
        friend auto operator<=>(const Ref&, const Ref&) = default;
    };
    static constexpr int64_t kMaxTime = (int64_t{1} << 42) - 1;  // of the year 2109; later means never due
    static constexpr size_t kSlack = 1024;

    explicit ExpiryWheel(int64_t now_ms) : now_tick_(tick_of(now_ms)) {}

    void add(Ref ref);
    /// Takes up to `limit` references that are due out of the wheel. References still ahead move closer on
    /// the way, at most eight per one of `limit`.
    void take_due(int64_t now_ms, size_t limit, std::vector<Ref>& into);
    /// A time before which nothing comes due: for passing the shard by without its lock.
    int64_t next_due_ms() const;

    size_t size() const { return size_; }
    size_t bytes() const;
    bool overfull(size_t live) const { return size_ > 2 * live + kSlack; }
    /// Takes up to `limit` references out, each once (equal ones are dropped), going round the wheel.
    void sweep(size_t limit, std::vector<Ref>& into);
    /// A reference picked by a random number; null when there's none.
    const Ref* sample(uint64_t random) const;

  private:
    static constexpr unsigned kLevels = 5;
    static constexpr unsigned kPlaceBits = 6;
    static constexpr unsigned kPlaces = 1U << kPlaceBits;
    static constexpr unsigned kTickBits = 7;

    static uint64_t tick_of(int64_t ms) { return ms < 0 ? 0 : static_cast<uint64_t>(ms) >> kTickBits; }
    static constexpr uint64_t kSpan = 1ULL << (kLevels * kPlaceBits);

    std::vector<Ref>& place(unsigned level, uint64_t tick);

    std::array<std::array<std::vector<Ref>, kPlaces>, kLevels> places_;
    std::array<uint64_t, kLevels> used_{};  // bit i: place i isn't empty
    uint64_t now_tick_;                     // everything before has been taken
    size_t size_ = 0;
    unsigned sweep_at_ = 0;
};

}  // namespace torc
