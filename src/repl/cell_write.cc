// Own writes. Which (actor, birth) a write belongs to is CORRECTNESS rule 1: the present one of this copy
// when the copy says that it may be continued, otherwise a new one that begins with this write.
#include <algorithm>

#include "base/check.h"
#include "repl/cell.h"
#include "repl/cell_codec.h"
#include "repl/cell_value.h"

namespace torc {
namespace {

/// Times before 1970 have passed whatever they are.
int64_t stored_expiry(int64_t at_ms) {
    return at_ms == kNoExpiry ? kNoExpiry : std::clamp<int64_t>(at_ms, 0, INT64_MAX - 1);
}

/// Extends the cell's context by a new dot.
Dot issue_dot(Cell& cell, WriteStamp stamp) {
    Dot* present = nullptr;
    if (cell.own) {
        // Sorted by birth, so the last one is the actor's present one. An entry that claims later stamps than
        // ours isn't ours, whoever sent it.
        for (Dot& entry : cell.context) {
            if (entry.actor == stamp.actor && entry.stamp < stamp.stamp) present = &entry;
        }
    }
    cell.own = true;
    if (present != nullptr) {
        present->stamp = stamp.stamp;
        return *present;
    }
    Dot dot{stamp.actor, stamp.stamp, stamp.stamp};
    while (find_entry(cell.context, dot) != nullptr) --dot.birth;  // only a forger was here before
    cell.context.insert(std::ranges::lower_bound(cell.context, dot, entry_before), dot);
    return dot;
}

void insert_sibling(Cell& cell, Sibling sibling) {
    const auto at = std::ranges::lower_bound(cell.siblings, sibling.dot, {}, &Sibling::dot);
    cell.siblings.insert(at, std::move(sibling));
}

void insert_expiry(Cell& cell, ExpirySibling expiry) {
    const auto at = std::ranges::lower_bound(cell.expiries, expiry.dot, {}, &ExpirySibling::dot);
    cell.expiries.insert(at, expiry);
}

bool may_continue(const PlainCell& old, WriteStamp stamp) {
    return old.own && old.dot.actor == stamp.actor && old.expiry_stamp < stamp.stamp;
}

bool add(std::string& out, std::string_view old, WriteStamp stamp, const Decimal& amount) {
    Cell cell = decode_valid_cell(old);
    // An expiry that a race left on a deleted key isn't this new key's.
    if (winning_value(cell) == nullptr && !has_unseen(cell, nullptr)) cell.expiries.clear();
    const Dot dot = issue_dot(cell, stamp);
    const auto at = std::ranges::lower_bound(cell.totals, dot, entry_before, &Total::dot);
    if (at == cell.totals.end() || !same_entry(at->dot, dot)) {
        cell.totals.insert(at, {dot, amount});
    } else {
        at->dot = dot;
        if (!add_decimal(at->amount, amount)) return false;
    }
    encode_cell(out, cell);
    return true;
}

}  // namespace

void write_value(std::string& out, std::string_view old, WriteStamp stamp, std::string_view value,
                 int64_t expire_at_ms) {
    const int64_t at_ms = stored_expiry(expire_at_ms);
    PlainCell plain{.own = true,
                    .dot = {stamp.actor, stamp.stamp, stamp.stamp},
                    .expiry_stamp = stamp.stamp,
                    .expire_at_ms = at_ms,
                    .value = value};
    if (old.empty()) return write_plain(out, plain);
    if (const auto present = read_plain(old); present && may_continue(*present, stamp)) {
        plain.dot.birth = present->dot.birth;
        return write_plain(out, plain);
    }
    Cell cell = decode_valid_cell(old);
    const Dot dot = issue_dot(cell, stamp);
    cell.siblings.clear();
    cell.siblings.push_back({dot, false, value, {cell.totals.begin(), cell.totals.end()}});
    cell.expiries.clear();
    cell.expiries.push_back({dot, at_ms});
    encode_cell(out, cell);
}

void write_delete(std::string& out, std::string_view old, WriteStamp stamp) {
    Cell cell = decode_valid_cell(old);
    const Dot dot = issue_dot(cell, stamp);
    cell.siblings.clear();
    cell.expiries.clear();
    if (!cell.totals.empty())
        cell.siblings.push_back({dot, true, {}, {cell.totals.begin(), cell.totals.end()}});
    encode_cell(out, cell);
}

void write_expiry(std::string& out, std::string_view old, WriteStamp stamp, int64_t expire_at_ms) {
    const int64_t at_ms = stored_expiry(expire_at_ms);
    if (auto present = read_plain(old); present && may_continue(*present, stamp)) {
        present->expiry_stamp = stamp.stamp;
        present->expire_at_ms = at_ms;
        return write_plain(out, *present);
    }
    Cell cell = decode_valid_cell(old);
    const Dot dot = issue_dot(cell, stamp);
    cell.expiries.clear();
    cell.expiries.push_back({dot, at_ms});
    encode_cell(out, cell);
}

bool write_add(std::string& out, std::string_view old, WriteStamp stamp, int64_t amount) {
    return add(out, old, stamp, {amount, 0});
}

bool write_add_decimal(std::string& out, std::string_view old, WriteStamp stamp, long double amount) {
    const auto decimal = decimal_of(amount);
    return decimal && add(out, old, stamp, *decimal);
}

void write_resolved(std::string& out, std::string_view old, WriteStamp stamp, std::string_view value,
                    int64_t expire_at_ms, Context seen, size_t max_siblings) {
    Cell cell = decode_valid_cell(old);
    // Under such a floor this write and all later ones would count as ended.
    if (seen.floor >= stamp.stamp) seen.floor = 0;
    erase_from(cell.siblings, [&](const Sibling& sibling) { return seen.covers(sibling.dot); });
    erase_from(cell.expiries, [&](const ExpirySibling& expiry) { return seen.covers(expiry.dot); });
    // What was read may be more than this copy has: from here on it counts as seen here too.
    Context known = context_of(cell);
    known.join(seen);
    cell.context.assign(known.entries.begin(), known.entries.end());
    cell.totals.assign(known.totals.begin(), known.totals.end());
    cell.floor = known.floor;
    const Dot dot = issue_dot(cell, stamp);
    insert_sibling(cell, {dot, false, value, std::move(seen.totals)});
    if (cell.floor != 0) drop_retired_totals(cell, cell.context);
    insert_expiry(cell, {dot, stored_expiry(expire_at_ms)});
    drop_lowest_values(cell, max_siblings);
    encode_cell(out, cell);
}

}  // namespace torc
