#include "engine/expiry_wheel.h"

#include <algorithm>
#include <bit>

namespace torc {
namespace {

// A reference that only moves to a lower level costs a fraction of one that's looked up and acted upon.
constexpr size_t kMovesPerDue = 8;

}  // namespace

ExpiryWheel::Ref ExpiryWheel::Ref::of(DbId db, SlotId slot, uint64_t hash, int64_t at_ms) {
    const auto at = static_cast<uint64_t>(std::clamp<int64_t>(at_ms, 0, kMaxTime));
    return {hash, (at << 22) | (uint64_t{slot} << 8) | db};
}

std::vector<ExpiryWheel::Ref>& ExpiryWheel::place(unsigned level, uint64_t tick) {
    const auto i = static_cast<unsigned>(tick >> (level * kPlaceBits)) % kPlaces;
    used_[level] |= 1ULL << i;
    return places_[level][i];
}

void ExpiryWheel::add(Ref ref) {
    const uint64_t tick = std::clamp(tick_of(ref.at_ms()), now_tick_, now_tick_ + kSpan - 1);
    unsigned level = 0;
    for (uint64_t ahead = tick - now_tick_; ahead >= kPlaces; ahead >>= kPlaceBits) ++level;
    place(level, tick).push_back(ref);
    ++size_;
}

void ExpiryWheel::take_due(int64_t now_ms, size_t limit, std::vector<Ref>& into) {
    const uint64_t target = tick_of(now_ms);
    size_t work = limit * kMovesPerDue;
    while (now_tick_ < target && size_ > 0) {
        // The places that begin at this tick: the higher ones are dealt out to the lower ones first.
        for (unsigned level = kLevels; level-- > 0;) {
            const unsigned shift = level * kPlaceBits;
            if ((now_tick_ & ((1ULL << shift) - 1)) != 0) continue;
            const auto i = static_cast<unsigned>(now_tick_ >> shift) % kPlaces;
            std::vector<Ref>& refs = places_[level][i];
            while (!refs.empty()) {
                const size_t cost = level == 0 ? kMovesPerDue : 1;
                if (work < cost) return;
                work -= cost;
                const Ref ref = refs.back();
                refs.pop_back();
                --size_;
                if (level == 0)
                    into.push_back(ref);
                else
                    add(ref);
            }
            std::vector<Ref>().swap(refs);
            used_[level] &= ~(1ULL << i);
        }
        ++now_tick_;
        // On to the next tick that anything begins at.
        unsigned empty = 0;
        while (empty < kLevels && used_[empty] == 0) ++empty;
        if (empty == kLevels) break;
        const uint64_t step = 1ULL << (empty * kPlaceBits);
        now_tick_ = std::min(target, (now_tick_ + step - 1) & ~(step - 1));
    }
    if (size_ == 0) now_tick_ = std::max(now_tick_, target);
}

int64_t ExpiryWheel::next_due_ms() const {
    if (size_ == 0) return INT64_MAX;
    // The lowest level's next place, or the tick where a higher level is dealt out, whichever is first. What
    // begins at a tick is taken once that tick is over.
    const uint64_t boundary = (now_tick_ + kPlaces - 1) & ~uint64_t{kPlaces - 1};
    uint64_t tick = boundary;
    if (used_[0] != 0) {
        const uint64_t from_now = std::rotr(used_[0], static_cast<int>(now_tick_ % kPlaces));
        tick = std::min(tick, now_tick_ + static_cast<uint64_t>(std::countr_zero(from_now)));
    }
    return static_cast<int64_t>((tick + 1) << kTickBits);
}

size_t ExpiryWheel::bytes() const {
    size_t sum = sizeof *this;
    for (const auto& level : places_)
        for (const auto& refs : level) sum += refs.capacity() * sizeof(Ref);
    return sum;
}

void ExpiryWheel::sweep(size_t limit, std::vector<Ref>& into) {
    const size_t first = into.size();
    for (unsigned seen = 0; seen < kLevels * kPlaces && limit > 0; ++seen) {
        const unsigned level = sweep_at_ / kPlaces;
        std::vector<Ref>& refs = places_[level][sweep_at_ % kPlaces];
        const size_t take = std::min(limit, refs.size());
        into.insert(into.end(), refs.end() - static_cast<ptrdiff_t>(take), refs.end());
        refs.resize(refs.size() - take);
        size_ -= take;
        limit -= take;
        if (!refs.empty()) break;
        std::vector<Ref>().swap(refs);
        used_[level] &= ~(1ULL << (sweep_at_ % kPlaces));
        sweep_at_ = (sweep_at_ + 1) % (kLevels * kPlaces);
    }
    const auto begin = into.begin() + static_cast<ptrdiff_t>(first);
    std::sort(begin, into.end());
    into.erase(std::unique(begin, into.end()), into.end());
}

const ExpiryWheel::Ref* ExpiryWheel::sample(uint64_t random) const {
    if (size_ == 0) return nullptr;
    size_t index = random % size_;
    for (const auto& level : places_)
        for (const auto& refs : level) {
            if (index < refs.size()) return &refs[index];
            index -= refs.size();
        }
    return nullptr;
}

}  // namespace torc
