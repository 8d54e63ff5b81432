#include "repl/cell_trim.h"

#include <algorithm>

#include "repl/cell.h"
#include "repl/cell_codec.h"
#include "repl/cell_value.h"

namespace torc {
namespace {

/// Does something in the cell bear a dot of this entry?
bool names_something(const Cell& cell, const Dot& entry) {
    const auto is_named = [&](const auto& part) { return same_entry(part.dot, entry); };
    return std::ranges::any_of(cell.siblings, is_named) || std::ranges::any_of(cell.expiries, is_named);
}

/// Does the entry's total still add something to what is shown?
bool counts(const Cell& cell, const Dot& entry) {
    const Total* const total = find_total(cell.totals, entry);
    if (total == nullptr) return false;
    return cell.siblings.empty() || std::ranges::any_of(cell.siblings, [&](const Sibling& sibling) {
               const Total* const seen = find_total(sibling.saw, entry);
               return seen == nullptr || seen->dot.stamp < total->dot.stamp;
           });
}

}  // namespace

size_t listed_entries(std::string_view cell) {
    ByteReader from(cell);
    const auto first = from.fixed<uint8_t>();
    if ((first & 0xf0) != kGeneralForm) return 1;
    if ((first & kCellHasFloor) != 0) (void)from.fixed<uint64_t>();
    const uint64_t count = from.varint();
    return from.ok() ? count : 1;
}

bool trim_cell(std::string& out, std::string_view cell_bytes, const EntryTest& may) {
    Cell cell = decode_valid_cell(cell_bytes);
    const size_t before = cell.context.size();
    Stamp floor = cell.floor;
    // A context lists something. The last one that was written to stays, for whoever else trims keeps it,
    // too.
    const Dot last = *std::ranges::min_element(cell.context, ranks_before);
    const auto retires = [&](const Dot& entry) {
        if (entry == last || names_something(cell, entry) || counts(cell, entry) || !may(entry)) return false;
        floor = std::max(floor, entry.birth);
        return true;
    };
    erase_from(cell.context, retires);
    if (cell.context.size() == before) return false;
    cell.floor = floor;
    drop_retired_totals(cell, cell.context);
    encode_cell(out, cell);
    return true;
}

bool needs_fold(std::string_view cell_bytes, const EntryTest& may) {
    const Cell cell = decode_valid_cell(cell_bytes);
    if (std::ranges::count_if(cell.siblings, [](const Sibling& s) { return !s.nil; }) > 1) return false;
    return std::ranges::any_of(cell.totals, [&](const Total& total) {
        const Dot* const entry = find_entry(cell.context, total.dot);
        return counts(cell, *entry) && !names_something(cell, *entry) && may(*entry);
    });
}

}  // namespace torc
