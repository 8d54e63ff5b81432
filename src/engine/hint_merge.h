// Merges the sorted hint entries of all segments and passes on the newest record of every key: the heart of a
// restart. Memory: one read buffer per file, plus the entries that exist only in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/format.h"
#include "engine/hint_file.h"

namespace torc {

/// The entries of one segment: from its hint file, or sorted in memory.
struct HintInput {
    std::unique_ptr<HintFile> file;  // null: `memory` holds them
    std::vector<format::HintEntry> memory;
};

/// Calls `on_newest(entry, input number)` once per (slot, hash, hash2, db), in this order, with the entry of
/// the highest LSN; among equal ones (a copy that compaction made) an undamaged one. Entries without a key
/// are left out. buffer_bytes: for all files together.
Result<void> merge_hints(std::vector<HintInput>& inputs, size_t buffer_bytes,
                         const std::function<void(const format::HintEntry&, size_t)>& on_newest);

}  // namespace torc
