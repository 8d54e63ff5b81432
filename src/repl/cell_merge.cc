// Joining two copies of a cell. For two plain ones of the same (actor, birth), which is what replication in
// health brings, comparing stamps says it all; everything else is decoded.
#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "repl/cell.h"
#include "repl/cell_codec.h"
#include "repl/cell_value.h"

namespace torc {
namespace {

/// How the result compares with the two sides.
struct Difference {
    bool from_local = false;
    bool from_incoming = false;
};

const Dot& dot_of(const Dot& dot) {
    return dot;
}
template <class T>
const Dot& dot_of(const T& part) {
    return part.dot;
}

/// Siblings of values and of expiries: kept when both sides hold the dot, or the other doesn't cover it.
template <class List>
void merge_siblings(List& out, List& local, const Cell& local_cell, List& incoming, const Cell& incoming_cell,
                    Difference& difference) {
    auto l = local.begin(), i = incoming.begin();
    while (l != local.end() || i != incoming.end()) {
        if (l != local.end() && i != incoming.end() && l->dot == i->dot) {
            out.push_back(std::move(*l++));
            ++i;
        } else if (i == incoming.end() || (l != local.end() && l->dot < i->dot)) {
            const bool kept = !covers(incoming_cell, l->dot);
            if (kept) out.push_back(std::move(*l));
            (kept ? difference.from_incoming : difference.from_local) = true;
            ++l;
        } else {
            const bool kept = !covers(local_cell, i->dot);
            if (kept) out.push_back(std::move(*i));
            (kept ? difference.from_local : difference.from_incoming) = true;
            ++i;
        }
    }
}

/// Contexts and totals: of each (actor, birth) the later stamp. What one side has retired goes.
template <class List>
void merge_latest(List& out, const List& local, const Cell& local_cell, const List& incoming,
                  const Cell& incoming_cell, Difference& difference) {
    auto l = local.begin(), i = incoming.begin();
    while (l != local.end() || i != incoming.end()) {
        const bool has_local =
            i == incoming.end() || (l != local.end() && !entry_before(dot_of(*i), dot_of(*l)));
        const bool has_incoming =
            l == local.end() || (i != incoming.end() && !entry_before(dot_of(*l), dot_of(*i)));
        const bool take_incoming = has_incoming && (!has_local || dot_of(*l).stamp < dot_of(*i).stamp);
        const bool take_local = has_local && (!has_incoming || dot_of(*i).stamp < dot_of(*l).stamp);
        const bool retired = (!has_local && has_retired(local_cell, dot_of(*i))) ||
                             (!has_incoming && has_retired(incoming_cell, dot_of(*l)));
        if (!retired) out.push_back(take_incoming ? *i : *l);
        difference.from_local |= take_incoming != retired;
        difference.from_incoming |= take_local != retired;
        if (has_local) ++l;
        if (has_incoming) ++i;
    }
}

Merged take(std::string& out, std::string_view incoming, bool own) {
    out.assign(incoming);
    set_own_flag(out, own);
    return Merged::taken;
}

enum class Newer : uint8_t { local, incoming, unclear };

Newer newer_plain(const PlainCell& local, const PlainCell& incoming) {
    if (!same_entry(local.dot, incoming.dot)) return Newer::unclear;
    if (local.dot.stamp == incoming.dot.stamp)
        return local.expiry_stamp < incoming.expiry_stamp ? Newer::incoming : Newer::local;
    if (local.expiry_stamp < incoming.dot.stamp) return Newer::incoming;
    if (incoming.expiry_stamp < local.dot.stamp) return Newer::local;
    return Newer::unclear;
}

Merged merge_general(std::string& out, std::string_view local_bytes, std::string_view incoming_bytes,
                     size_t max_siblings, size_t* dropped) {
    Cell local = decode_valid_cell(local_bytes), incoming = decode_valid_cell(incoming_bytes);
    Cell result;
    Difference difference;
    result.own = local.own || mutant("birth-continued");
    result.floor = std::max(local.floor, incoming.floor);
    difference.from_local = local.floor < result.floor;
    difference.from_incoming = incoming.floor < result.floor;
    merge_latest(result.context, local.context, local, incoming.context, incoming, difference);
    if (result.floor != 0) {
        // Only of cells that nobody should have made: trim_cell() keeps the last entry.
        if (result.context.empty()) {
            const bool ours = ranks_before(last_entry(local), last_entry(incoming));
            result.context.push_back(last_entry(ours ? local : incoming));
            difference = {true, true};
        }
        drop_retired_totals(local, result.context);
        drop_retired_totals(incoming, result.context);
    }
    merge_latest(result.totals, local.totals, local, incoming.totals, incoming, difference);
    merge_siblings(result.siblings, local.siblings, local, incoming.siblings, incoming, difference);
    merge_siblings(result.expiries, local.expiries, local, incoming.expiries, incoming, difference);
    if (const size_t gone = drop_lowest_values(result, max_siblings); gone != 0) {
        difference = {true, true};
        if (dropped != nullptr) *dropped += gone;
    }
    if (!difference.from_local) return Merged::unchanged;
    if (!difference.from_incoming) return take(out, incoming_bytes, result.own);
    encode_cell(out, result);
    return Merged::joined;
}

}  // namespace

Merged merge_cells(std::string& out, std::string_view local, std::string_view incoming, size_t max_siblings,
                   size_t* dropped) {
    const auto new_plain = read_plain(incoming);
    if (mutant("merge-takes-incoming")) return take(out, incoming, false);
    if (local.empty() && new_plain) return take(out, incoming, mutant("birth-continued"));
    if (const auto present = new_plain ? read_plain(local) : std::nullopt) {
        switch (newer_plain(*present, *new_plain)) {
            case Newer::local:
                return Merged::unchanged;
            case Newer::incoming:
                return take(out, incoming, present->own);
            case Newer::unclear:
                break;
        }
    }
    return merge_general(out, local, incoming, max_siblings, dropped);
}

void append_replicated(std::string& to, std::string_view cell) {
    const size_t at = to.size();
    to.append(cell);
    if (!cell.empty()) to[at] = static_cast<char>(static_cast<uint8_t>(to[at]) & ~kCellOwn);
}

}  // namespace torc
