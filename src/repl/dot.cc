#include "repl/dot.h"

#include <algorithm>

namespace torc {
namespace {

bool is_below(const Dot& dot, Stamp floor) {
    return floor != 0 && dot.birth <= floor;
}

}  // namespace

bool entry_before(const Dot& a, const Dot& b) {
    return a.actor != b.actor ? a.actor < b.actor : a.birth < b.birth;
}

bool same_entry(const Dot& a, const Dot& b) {
    return a.actor == b.actor && a.birth == b.birth;
}

const Dot* find_entry(std::span<const Dot> entries, const Dot& dot) {
    const auto at = std::ranges::lower_bound(entries, dot, entry_before);
    return at != entries.end() && same_entry(*at, dot) ? &*at : nullptr;
}

bool covers(std::span<const Dot> entries, Stamp floor, const Dot& dot) {
    const Dot* const entry = find_entry(entries, dot);
    return entry != nullptr ? entry->stamp >= dot.stamp : is_below(dot, floor);
}

bool has_retired(std::span<const Dot> entries, Stamp floor, const Dot& dot) {
    return is_below(dot, floor) && find_entry(entries, dot) == nullptr;
}

bool Context::covers(const Dot& dot) const {
    return torc::covers(entries, floor, dot);
}

void Context::add(const Dot& dot) {
    const auto entry = std::ranges::lower_bound(entries, dot, entry_before);
    if (entry == entries.end() || !same_entry(*entry, dot))
        entries.insert(entry, dot);
    else
        entry->stamp = std::max(entry->stamp, dot.stamp);
}

void Context::join(const Context& other) {
    // What either side lists no more is over for both.
    std::erase_if(entries, [&](const Dot& dot) { return has_retired(other.entries, other.floor, dot); });
    for (const Dot& dot : other.entries)
        if (!has_retired(entries, floor, dot)) add(dot);
    floor = std::max(floor, other.floor);
    for (const Total& total : other.totals) {
        const auto mine = std::ranges::lower_bound(totals, total.dot, entry_before, &Total::dot);
        if (mine == totals.end() || !same_entry(mine->dot, total.dot))
            totals.insert(mine, total);
        else if (mine->dot.stamp < total.dot.stamp)
            *mine = total;
    }
    if (floor != 0)
        std::erase_if(totals, [&](const Total& total) { return find_entry(entries, total.dot) == nullptr; });
}

}  // namespace torc
