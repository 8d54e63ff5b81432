// SWAPDB as a map from logical to physical databases. Each swap is one log record; the map is what all of
// them make, in the order of their LSNs.
#pragma once

#include <vector>

#include "base/types.h"
#include "engine/format.h"

namespace torc {

/// Identity for databases the map doesn't know yet.
void widen_database_map(std::vector<DbId>& map, unsigned databases);

/// Applies the swap records among `entries` (any order) with LSNs above `applied`, and moves `applied` on.
void apply_swaps(std::vector<DbId>& map, Lsn& applied, std::vector<format::HintEntry> entries);

}  // namespace torc
