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

}  // namespace

bool Context::covers(const Dot& dot) const {
    const auto entry = std::ranges::lower_bound(entries, dot, before);
    return entry != entries.end() && same_entry(*entry, dot) && entry->stamp >= dot.stamp;
}

void Context::add(const Dot& dot) {
    const auto entry = std::ranges::lower_bound(entries, dot, before);
    if (entry == entries.end() || !same_entry(*entry, dot))
        entries.insert(entry, dot);
    else
        entry->stamp = std::max(entry->stamp, dot.stamp);
}

void Context::join(const Context& other) {
    for (const Dot& dot : other.entries) add(dot);
    for (const Total& total : other.totals) {
        const auto mine = std::ranges::lower_bound(totals, total.dot, before, &Total::dot);
        if (mine == totals.end() || !same_entry(mine->dot, total.dot))
            totals.insert(mine, total);
        else if (mine->dot.stamp < total.dot.stamp)
            *mine = total;
    }
}

}  // namespace torc
