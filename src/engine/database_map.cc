#include "engine/database_map.h"

#include <algorithm>
#include <utility>

namespace torc {

void widen_database_map(std::vector<DbId>& map, unsigned databases) {
    while (map.size() < databases) map.push_back(static_cast<DbId>(map.size()));
}

void apply_swaps(std::vector<DbId>& map, Lsn& applied, std::vector<format::HintEntry> entries) {
    std::erase_if(entries, [&](const format::HintEntry& entry) {
        return entry.kind != static_cast<uint8_t>(format::RecordKind::swap) || entry.lsn <= applied ||
               (entry.flags & format::kHintDamagedValue) != 0;
    });
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.lsn < b.lsn; });
    for (const format::HintEntry& entry : entries) {
        if (entry.lsn == applied) continue;  // a second copy of the same record
        widen_database_map(map, std::max<unsigned>(entry.db, entry.type) + 1U);
        std::swap(map[entry.db], map[entry.type]);
        applied = entry.lsn;
    }
}

}  // namespace torc
