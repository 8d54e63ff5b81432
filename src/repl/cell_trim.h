// The end of ended actors (CORRECTNESS 16). An actor is one run of a node, so a cell's context grows by an
// entry whenever a node was restarted between two writes of the key, and a counter by a total. Once an actor
// has ended, all owners have seen all that it wrote to the key, and nobody else holds anything of it (who
// asks all members finds that out: node/trimmer.h), its entry says nothing any more. It's retired: not
// listed, and below the context's floor, which says that everything unlisted down there is covered to its
// end. So a copy that still lists the entry, whenever it comes back, loses it by merging, and its old values
// with it.
//
// For each (actor, birth) a cell says nothing < a stamp < retired; merging takes the higher of the two, so it
// stays commutative, associative and idempotent, whoever trims what and when.
//
// What stays: entries that name a value or an expiry in the cell, and entries with totals that a value hasn't
// seen to their end: these count. A counter's sum, written as a value, has seen all.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "repl/dot.h"

namespace torc {

using EntryTest = std::function<bool(const Dot& entry)>;

/// So many entries are usual: each owner's, and that of whoever wrote the value.
inline constexpr size_t kUsualEntries = 4;

/// Larger cells aren't trimmed: what a context weighs beside the value is no matter.
inline constexpr size_t kMostTrimmed = 256 * 1024;

/// The context's floor; 0: none. Cheap.
Stamp floor_of(std::string_view cell);

/// Would something of `incoming` that counts there be lost in `local` by its floor alone? An old copy's parts
/// are, rightly; but who was never a member may bring what no member has ever seen.
bool hides_live_parts(std::string_view local, std::string_view incoming);

/// Entries that the cell's context lists; cheap. 1 when it's malformed.
size_t listed_entries(std::string_view cell);

/// Retires what `may` allows and the cell can do without. `out`: the new cell, with the local flag of the
/// old one. False when there's nothing: `out` is unspecified.
bool trim_cell(std::string& out, std::string_view cell, const EntryTest& may);

/// Whether trim_cell() would retire more if the sum that the cell shows were written as its value. Not with
/// several values: a write would cover what nobody has read.
bool needs_fold(std::string_view cell, const EntryTest& may);

}  // namespace torc
