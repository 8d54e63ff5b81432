// What a decoded cell shows: its winner, its sum, its expiry.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "repl/cell_codec.h"

namespace torc {

/// Which of two writes is shown: the later stamp, then actor, then birth.
bool ranks_before(const Dot& a, const Dot& b);

/// Of the context, the one that ranks before all others: the last that was written under.
const Dot& last_entry(const Cell& cell);

/// Null when there is none.
const Sibling* winning_value(const Cell& cell);
/// The values alone, the winner first.
std::vector<const Sibling*> ranked_values(const Cell& cell);

/// Whether a total goes beyond what `value` (null: no value) and the deletes beside it have seen.
bool has_unseen(const Cell& cell, const Sibling* value);
/// `value` (null: nothing, counted as 0) plus the increments unseen; its own bytes where nothing is unseen
/// or they are no number.
void append_shown(std::string& to, const Cell& cell, const Sibling* value);

/// Keeps the `max` (at least one) highest ranked values and tells how many went, their expiries with them:
/// covered by the context they are gone for every copy. Deletes don't count.
size_t drop_lowest_values(Cell& cell, size_t max);

/// The latest of the expiries; kNoExpiry when one of them is that, or there is none.
int64_t effective_expiry(const Cell& cell);

}  // namespace torc
