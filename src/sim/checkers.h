// What must hold of a history and of what the cluster holds after healing (docs/SIMULATOR.md says why each
// check is sound):
//
//   nothing lost     each acknowledged write is among the siblings, or a later or concurrent write may have
//                    covered it
//   nothing returns  a value that a write covered for certain (both acknowledged, the second one in a calm)
//                    is not among the siblings, nor read in a calm
//   nothing invented a value that's read was written, and not by a write that was refused
//   written once     a key with one write in its life has that value in the end if it was acknowledged
//   exact counters   the sum is within what was acknowledged and what is in doubt
//   fresh reads      in a calm a quorum read sees the last acknowledged write
//   few siblings
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/history.h"

namespace torc {

/// Each key's siblings, the winner first, as they are in the end.
using FinalValues = std::map<std::string, std::vector<std::string>>;

/// What is wrong, one line each; empty when all is well. `most_siblings`: more are too many.
std::vector<std::string> check_history(const History& history, const FinalValues& values,
                                       size_t most_siblings);

/// One line for people.
std::string describe(const HistoryOp& op);

}  // namespace torc
