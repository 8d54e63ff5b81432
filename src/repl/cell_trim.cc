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

/// Does the entry's total add something to what is shown? What a delete has seen counts no more, whatever
/// value is beside it.
bool counts(const Cell& cell, const Dot& entry) {
    const Total* const total = find_total(cell.totals, entry);
    if (total == nullptr) return false;
    const auto has_seen = [&](const Sibling& sibling) {
        const Total* const seen = find_total(sibling.saw, entry);
        return seen != nullptr && seen->dot.stamp >= total->dot.stamp;
    };
    bool has_value = false;
    for (const Sibling& sibling : cell.siblings) {
        if (sibling.nil && has_seen(sibling)) return false;
        has_value |= !sibling.nil;
    }
    return !has_value ||
           !std::ranges::all_of(cell.siblings, [&](const Sibling& s) { return s.nil || has_seen(s); });
}

}  // namespace

Stamp floor_of(std::string_view cell) {
    if (cell.size() < 9) return 0;
    const auto first = static_cast<uint8_t>(cell[0]);
    return (first & ~kCellOwn) == (kGeneralForm | kCellHasFloor) ? load_le<uint64_t>(cell.data() + 1) : 0;
}

bool hides_live_parts(std::string_view local_bytes, std::string_view incoming_bytes) {
    if (floor_of(local_bytes) == 0) return false;
    const Cell local = decode_valid_cell(local_bytes), incoming = decode_valid_cell(incoming_bytes);
    const auto is_hidden = [&](const auto& part) { return has_retired(local, part.dot); };
    return std::ranges::any_of(incoming.siblings, is_hidden) ||
           std::ranges::any_of(incoming.totals, is_hidden);
}

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
    const Dot last = last_entry(cell);
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
    const auto view = CellView::parse(cell_bytes);
    if (!view->exists() || view->siblings() > 1) return false;
    const Cell cell = decode_valid_cell(cell_bytes);
    return std::ranges::any_of(cell.totals, [&](const Total& total) {
        const Dot* const entry = find_entry(cell.context, total.dot);
        return counts(cell, *entry) && !names_something(cell, *entry) && may(*entry);
    });
}

}  // namespace torc
