#include "repl/cell_value.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace torc {
namespace {

/// The latest state of the total that `value` or a delete beside it has seen; null when none has. A delete
/// counts whatever value wins: it removed these increments, and a racing SET must not bring them back.
const Total* seen_of(const Cell& cell, const Total& total, const Sibling* value) {
    const Total* latest = nullptr;
    for (const Sibling& sibling : cell.siblings) {
        if (!sibling.nil && &sibling != value) continue;
        const Total* seen = find_total(sibling.saw, total.dot);
        if (seen != nullptr && (latest == nullptr || latest->dot.stamp < seen->dot.stamp)) latest = seen;
    }
    return latest;
}

/// The increments unseen; nothing when there is none, or too many digits to add them exactly.
struct Unseen {
    bool any = false;
    std::optional<Decimal> exact = Decimal{};
    long double rounded = 0;
};

Unseen sum_unseen(const Cell& cell, const Sibling* value) {
    Unseen sum;
    for (const Total& total : cell.totals) {
        const Total* seen = seen_of(cell, total, value);
        if (seen != nullptr && seen->dot.stamp >= total.dot.stamp) continue;
        sum.any = true;
        Decimal amount = total.amount;
        const bool fits = seen == nullptr || subtract_decimal(amount, seen->amount);
        sum.rounded += fits ? approximate(amount) : approximate(total.amount) - approximate(seen->amount);
        if (!fits || (sum.exact && !add_decimal(*sum.exact, amount))) sum.exact.reset();
    }
    return sum;
}

}  // namespace

bool ranks_before(const Dot& a, const Dot& b) {
    return std::tie(a.stamp, a.actor, a.birth) > std::tie(b.stamp, b.actor, b.birth);
}

const Dot& last_entry(const Cell& cell) {
    return *std::ranges::min_element(cell.context, ranks_before);
}

const Sibling* winning_value(const Cell& cell) {
    const Sibling* winner = nullptr;
    for (const Sibling& sibling : cell.siblings) {
        if (!sibling.nil && (winner == nullptr || ranks_before(sibling.dot, winner->dot))) winner = &sibling;
    }
    return winner;
}

std::vector<const Sibling*> ranked_values(const Cell& cell) {
    std::vector<const Sibling*> values;
    for (const Sibling& sibling : cell.siblings) {
        if (!sibling.nil) values.push_back(&sibling);
    }
    std::ranges::sort(values,
                      [](const Sibling* a, const Sibling* b) { return ranks_before(a->dot, b->dot); });
    return values;
}

bool has_unseen(const Cell& cell, const Sibling* value) {
    return std::ranges::any_of(cell.totals, [&](const Total& total) {
        const Total* seen = seen_of(cell, total, value);
        return seen == nullptr || seen->dot.stamp < total.dot.stamp;
    });
}

void append_shown(std::string& to, const Cell& cell, const Sibling* value) {
    const Unseen unseen = sum_unseen(cell, value);
    if (value != nullptr && !unseen.any) {
        to.append(value->bytes);
        return;
    }
    std::optional<Decimal> base = value == nullptr ? Decimal{} : parse_decimal(value->bytes);
    std::optional<long double> rounded_base;
    if (!base) {
        rounded_base = parse_approximate(value->bytes);
        if (!rounded_base) {
            to.append(value->bytes);
            return;
        }
        base = decimal_of(*rounded_base);
    }
    if (base && unseen.exact) {
        Decimal sum = *base;
        if (add_decimal(sum, *unseen.exact)) return append_decimal(to, sum);
    }
    append_approximate(to, (rounded_base ? *rounded_base : approximate(*base)) + unseen.rounded);
}

size_t drop_lowest_values(Cell& cell, size_t max) {
    max = std::max<size_t>(max, 1);
    if (cell.siblings.size() <= max) return 0;
    const std::vector<const Sibling*> values = ranked_values(cell);
    if (values.size() <= max) return 0;
    const Dot last = values[max - 1]->dot;
    const auto is_dropped = [&](const Sibling& sibling) {
        return !sibling.nil && ranks_before(last, sibling.dot);
    };
    std::vector<Dot> dropped;
    for (const Sibling& sibling : cell.siblings) {
        if (is_dropped(sibling)) dropped.push_back(sibling.dot);
    }
    erase_from(cell.siblings, is_dropped);
    erase_from(cell.expiries,
               [&](const ExpirySibling& expiry) { return std::ranges::binary_search(dropped, expiry.dot); });
    return dropped.size();
}

int64_t effective_expiry(const Cell& cell) {
    int64_t latest = kNoExpiry;
    for (const ExpirySibling& expiry : cell.expiries) {
        if (expiry.at_ms == kNoExpiry) return kNoExpiry;
        latest = std::max(latest, expiry.at_ms);
    }
    return latest;
}

}  // namespace torc
