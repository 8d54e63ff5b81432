#include "repl/cell_codec.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace torc {
namespace {

void store_dot(char* to, const Dot& dot) {
    store_le(to, dot.actor);
    store_le(to + 8, dot.birth);
    store_le(to + 16, dot.stamp);
}

/// One (actor, birth), one value with bytes, one expiry that is the newest of all, no totals.
bool is_plain(const Cell& cell) {
    return cell.floor == 0 && cell.context.size() == 1 && cell.totals.empty() && cell.siblings.size() == 1 &&
           !cell.siblings[0].nil && cell.expiries.size() == 1 &&
           cell.expiries[0].dot.stamp == cell.context[0].stamp;
}

void append_amount(std::string& to, const Decimal& amount) {
    append_wide_varint(to, zigzag(amount.whole));
    append_varint(to, amount.fraction);
}

Decimal read_amount(ByteReader& from) {
    Decimal amount{unzigzag(from.wide_varint()), from.varint()};
    if (amount.fraction >= Decimal::kOne) from.fail();
    return amount;
}

/// A dot by its entry in `context`.
void append_dot(std::string& to, std::span<const Dot> context, const Dot& dot) {
    const Dot* entry = find_entry(context, dot);
    TORC_CHECK(entry != nullptr && entry->stamp >= dot.stamp);
    append_varint(to, static_cast<uint64_t>(entry - context.data()));
    append_varint(to, entry->stamp - dot.stamp);
}

Dot read_dot(ByteReader& from, std::span<const Dot> context) {
    const uint64_t index = from.varint(), back = from.varint();
    if (index >= context.size() || back > context[index].stamp - context[index].birth) {
        from.fail();
        return {};
    }
    Dot dot = context[index];
    dot.stamp -= back;
    return dot;
}

/// A count of things that take at least `size` bytes each.
size_t read_count(ByteReader& from, size_t size) {
    const uint64_t count = from.varint();
    if (count <= from.left() / size) return count;
    from.fail();
    return 0;
}

// What a writer saw of the totals: entries of `totals`; the amount only where the total has gone on since.

void append_saw(std::string& to, std::span<const Total> totals, std::span<const Total> saw) {
    append_varint(to, saw.size());
    for (const Total& seen : saw) {
        const Total* total = find_total(totals, seen.dot);
        TORC_CHECK(total != nullptr && total->dot.stamp >= seen.dot.stamp);
        append_varint(to, static_cast<uint64_t>(total - totals.data()));
        append_varint(to, total->dot.stamp - seen.dot.stamp);
        if (total->dot.stamp != seen.dot.stamp) append_amount(to, seen.amount);
    }
}

void read_saw(ByteReader& from, std::span<const Total> totals, std::vector<Total>& saw) {
    const size_t count = read_count(from, 2);
    saw.reserve(count);
    for (size_t i = 0; i < count && from.ok(); ++i) {
        const uint64_t index = from.varint(), back = from.varint();
        if (index >= totals.size() || back > totals[index].dot.stamp - totals[index].dot.birth)
            return from.fail();
        Total seen = totals[index];
        seen.dot.stamp -= back;
        if (back != 0) seen.amount = read_amount(from);
        if (!saw.empty() && !entry_before(saw.back().dot, seen.dot)) return from.fail();
        saw.push_back(seen);
    }
}

bool read_siblings(ByteReader& from, Cell& cell, Few<size_t, 4>& sizes) {
    const size_t count = read_count(from, 4);
    cell.siblings.reserve(count);
    sizes.reserve(count);
    for (size_t i = 0; i < count && from.ok(); ++i) {
        Sibling sibling;
        sibling.dot = read_dot(from, cell.context);
        const uint64_t size = from.varint();  // plus one; 0 is nil
        sibling.nil = size == 0;
        read_saw(from, cell.totals, sibling.saw);
        if (!cell.siblings.empty() && !(cell.siblings.back().dot < sibling.dot)) return false;
        // A delete that saw no totals leaves nothing but the context.
        if (sibling.nil && sibling.saw.empty()) return false;
        sizes.push_back(sibling.nil ? 0 : size - 1);
        cell.siblings.push_back(std::move(sibling));
    }
    return from.ok();
}

bool read_expiries(ByteReader& from, Cell& cell) {
    const size_t count = read_count(from, 3);
    cell.expiries.reserve(count);
    for (size_t i = 0; i < count && from.ok(); ++i) {
        ExpirySibling expiry;
        expiry.dot = read_dot(from, cell.context);
        const uint64_t at = from.varint();  // plus one; 0 is never
        if (at > static_cast<uint64_t>(INT64_MAX)) return false;
        expiry.at_ms = static_cast<int64_t>(at) - 1;
        if (!cell.expiries.empty() && !(cell.expiries.back().dot < expiry.dot)) return false;
        cell.expiries.push_back(expiry);
    }
    return from.ok();
}

std::optional<Cell> decode_general(std::string_view bytes) {
    ByteReader from(bytes);
    const auto first = from.fixed<uint8_t>();
    if ((first & ~(kCellOwn | kCellHasFloor)) != kGeneralForm) return std::nullopt;
    Cell cell;
    cell.own = (first & kCellOwn) != 0;
    if ((first & kCellHasFloor) != 0) {
        cell.floor = from.fixed<uint64_t>();
        if (cell.floor == 0) return std::nullopt;
    }
    Few<size_t, 4> sizes;
    if (!read_context(from, cell.context, cell.totals) || !read_siblings(from, cell, sizes) ||
        !read_expiries(from, cell))
        return std::nullopt;
    if (cell.context.empty() || is_plain(cell)) return std::nullopt;
    cell.head_size = bytes.size() - from.left();
    for (size_t i = 0; i < sizes.size(); ++i) cell.siblings[i].bytes = from.bytes(sizes[i]);
    if (!from.ok() || from.left() != 0) return std::nullopt;
    return cell;
}

Cell widen(const PlainCell& plain) {
    Cell cell;
    cell.own = plain.own;
    Dot newest = plain.dot;
    newest.stamp = plain.expiry_stamp;
    cell.context.push_back(newest);
    cell.siblings.push_back({plain.dot, false, plain.value, {}});
    cell.expiries.push_back({newest, plain.expire_at_ms});
    cell.head_size = plain.head_size();
    return cell;
}

}  // namespace

void drop_retired_totals(Cell& cell, std::span<const Dot> listed) {
    const auto retired = [&](const Total& total) { return find_entry(listed, total.dot) == nullptr; };
    erase_from(cell.totals, retired);
    for (Sibling& sibling : cell.siblings) std::erase_if(sibling.saw, retired);
    erase_from(cell.siblings, [](const Sibling& sibling) { return sibling.nil && sibling.saw.empty(); });
}

const Total* find_total(std::span<const Total> totals, const Dot& dot) {
    const auto at = std::ranges::lower_bound(totals, dot, entry_before, &Total::dot);
    return at != totals.end() && same_entry(at->dot, dot) ? &*at : nullptr;
}

Context context_of(const Cell& cell) {
    return {{cell.context.begin(), cell.context.end()}, {cell.totals.begin(), cell.totals.end()}, cell.floor};
}

void set_own_flag(std::string& cell, bool own) {
    const auto flags = static_cast<uint8_t>(cell[0]);
    cell[0] = static_cast<char>(own ? flags | kCellOwn : flags & ~kCellOwn);
}

void write_plain(std::string& out, const PlainCell& cell) {
    char head[kPlainHead + 16];
    uint8_t first = kPlainForm;
    if (cell.own) first |= kCellOwn;
    store_dot(head + 1, cell.dot);
    size_t at = kPlainHead;
    if (cell.expire_at_ms != kNoExpiry) {
        first |= kCellExpires;
        store_le(head + at, cell.expire_at_ms);
        at += 8;
    }
    if (cell.expiry_stamp != cell.dot.stamp) {
        first |= kCellExpiryChanged;
        store_le(head + at, cell.expiry_stamp);
        at += 8;
    }
    head[0] = static_cast<char>(first);
    out.clear();
    out.reserve(at + cell.value.size());
    out.append(head, at);
    out.append(cell.value);
}

void append_context(std::string& to, std::span<const Dot> context, std::span<const Total> totals) {
    append_varint(to, context.size());
    for (const Dot& entry : context) {
        char bytes[kDotSize];
        store_dot(bytes, entry);
        to.append(bytes, sizeof bytes);
    }
    append_varint(to, totals.size());
    for (const Total& total : totals) {
        append_dot(to, context, total.dot);
        append_amount(to, total.amount);
    }
}

bool read_context(ByteReader& from, DotList& context, TotalList& totals) {
    size_t count = read_count(from, kDotSize);
    context.reserve(count);
    for (size_t i = 0; i < count && from.ok(); ++i) {
        const Dot entry = load_dot(from.bytes(kDotSize).data());
        if (entry.stamp < entry.birth) return false;
        if (!context.empty() && !entry_before(context.back(), entry)) return false;
        context.push_back(entry);
    }
    count = read_count(from, 4);
    totals.reserve(count);
    for (size_t i = 0; i < count && from.ok(); ++i) {
        Total total;
        total.dot = read_dot(from, context);
        total.amount = read_amount(from);
        if (!totals.empty() && !entry_before(totals.back().dot, total.dot)) return false;
        totals.push_back(total);
    }
    return from.ok();
}

std::optional<Cell> decode_cell(std::string_view bytes) {
    if (const auto plain = read_plain(bytes)) return widen(*plain);
    return decode_general(bytes);
}

Cell decode_valid_cell(std::string_view bytes) {
    if (bytes.empty()) return {};
    auto cell = decode_cell(bytes);
    TORC_CHECK(cell.has_value());
    return *std::move(cell);
}

void encode_cell(std::string& out, const Cell& cell) {
    if (is_plain(cell)) {
        return write_plain(out, {.own = cell.own,
                                 .dot = cell.siblings[0].dot,
                                 .expiry_stamp = cell.expiries[0].dot.stamp,
                                 .expire_at_ms = cell.expiries[0].at_ms,
                                 .value = cell.siblings[0].bytes});
    }
    out.clear();
    out +=
        static_cast<char>(kGeneralForm | (cell.own ? kCellOwn : 0) | (cell.floor != 0 ? kCellHasFloor : 0));
    if (cell.floor != 0) append_le(out, cell.floor);
    append_context(out, cell.context, cell.totals);
    append_varint(out, cell.siblings.size());
    size_t bytes = 0;
    for (const Sibling& sibling : cell.siblings) {
        append_dot(out, cell.context, sibling.dot);
        append_varint(out, sibling.nil ? 0 : sibling.bytes.size() + 1);
        append_saw(out, cell.totals, sibling.saw);
        bytes += sibling.bytes.size();
    }
    append_varint(out, cell.expiries.size());
    for (const ExpirySibling& expiry : cell.expiries) {
        append_dot(out, cell.context, expiry.dot);
        append_varint(out, static_cast<uint64_t>(expiry.at_ms + 1));
    }
    out.reserve(out.size() + bytes);
    for (const Sibling& sibling : cell.siblings) out.append(sibling.bytes);
}

}  // namespace torc
