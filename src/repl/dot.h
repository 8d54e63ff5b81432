// Dots: the names of writes. A dot is (actor, birth, stamp); CORRECTNESS rule 1 says why three parts:
//
//   actor   64 random bits, new at every start of a node and on disk before the first write under it
//   birth   stamp of the actor's first own write to this key since its present copy of the key began; never
//           continued after the copy was dropped, evicted or received anew
//   stamp   hybrid logical clock (Kulkarni et al. 2014): 48 bit milliseconds, 16 bit counter; strictly
//           increasing on a node
//
// A context says for each (actor, birth) the highest stamp seen: it covers all dots up to that. Of what was
// born at or below its floor and isn't listed, it covers everything: these have ended, and were seen to the
// end (cell_trim.h).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "repl/decimal.h"

namespace torc {

using ActorId = uint64_t;
using Stamp = uint64_t;

inline constexpr int64_t stamp_ms(Stamp stamp) {
    return static_cast<int64_t>(stamp >> 16);
}

struct Dot {
    ActorId actor = 0;
    Stamp birth = 0;
    Stamp stamp = 0;
    friend auto operator<=>(const Dot&, const Dot&) = default;
};

/// Order of a context's entries: by (actor, birth).
bool entry_before(const Dot& a, const Dot& b);
bool same_entry(const Dot& a, const Dot& b);
/// The entry of the dot's (actor, birth); null when there is none.
const Dot* find_entry(std::span<const Dot> entries, const Dot& dot);

// Of a context, given as its entries and its floor (0: none).

bool covers(std::span<const Dot> entries, Stamp floor, const Dot& dot);
/// Does it list the dot's (actor, birth) no more, since that has ended?
bool has_retired(std::span<const Dot> entries, Stamp floor, const Dot& dot);

/// What an actor has added to a counter since `dot.birth`, up to the increment `dot`.
struct Total {
    Dot dot;
    Decimal amount;
    friend bool operator==(const Total&, const Total&) = default;
};

/// Sorted by (actor, birth); one entry for each. Of a counter also the running totals that belong to the
/// entries (by the same order, at most one each, never above its entry's stamp): who resolves what he has
/// read must not count what he has read again.
struct Context {
    std::vector<Dot> entries = {};
    std::vector<Total> totals = {};
    Stamp floor = 0;  // 0: none

    bool covers(const Dot& dot) const;
    /// Raises the entry of (dot.actor, dot.birth) to dot.stamp.
    void add(const Dot& dot);
    void join(const Context& other);
    friend bool operator==(const Context&, const Context&) = default;
};

}  // namespace torc
