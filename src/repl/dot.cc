#include "repl/dot.h"

#include <algorithm>
#include <utility>

namespace torc {
namespace {

bool before(const Dot& a, const Dot& b) {
    return std::pair(a.actor, a.birth) < std::pair(b.actor, b.birth);
}

bool same_entry(const Dot& a, const Dot& b) {
    return a.actor == b.actor && a.birth == b.birth;
}

const Dot* entry_of(const std::vector<Dot>& entries, const Dot& dot) {
    const auto at = std::ranges::lower_bound(entries, dot, before);
    return at != entries.end() && same_entry(*at, dot) ? &*at : nullptr;
}

}  // namespace

bool Context::covers(const Dot& dot) const {
    const Dot* const entry = entry_of(entries, dot);
    return entry != nullptr ? entry->stamp >= dot.stamp : is_below(dot, floor);
}

void Context::add(const Dot& dot) {
    const auto entry = std::ranges::lower_bound(entries, dot, before);
    if (entry == entries.end() || !same_entry(*entry, dot))
        entries.insert(entry, dot);
    else
        entry->stamp = std::max(entry->stamp, dot.stamp);
}

void Context::join(const Context& other) {
    // What either side lists no more is over for both.
    const auto retired_by = [](const Context& side, const Dot& dot) {
        return is_below(dot, side.floor) && entry_of(side.entries, dot) == nullptr;
    };
    std::erase_if(entries, [&](const Dot& dot) { return retired_by(other, dot); });
    for (const Dot& dot : other.entries)
        if (!retired_by(*this, dot)) add(dot);
    floor = std::max(floor, other.floor);
    for (const Total& total : other.totals) {
        const auto mine = std::ranges::lower_bound(totals, total.dot, before, &Total::dot);
        if (mine == totals.end() || !same_entry(mine->dot, total.dot))
            totals.insert(mine, total);
        else if (mine->dot.stamp < total.dot.stamp)
            *mine = total;
    }
    if (floor != 0)
        std::erase_if(totals, [&](const Total& total) { return entry_of(entries, total.dot) == nullptr; });
}

}  // namespace torc
