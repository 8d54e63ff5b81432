// The two forms of a cell's bytes (docs/FORMATS.md, "Cells") and what they decode to. Every cell has exactly
// one encoding apart from the local flag, so that equal cells have equal bytes and equal digests; what is
// valid but encoded otherwise is refused.
//
//   plain     one value and its expiry, by one (actor, birth), nothing else ever seen. A fixed prefix, then
//             the value: what most cells are. Read and written without decoding
//   general   the context, then totals, siblings and expiries that name their dots by entry of the context
//             and distance below its stamp: what isn't covered can't be expressed. The values' bytes come
//             last, so that a digest leaves them out and the only value of a cell can be used in place
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/types.h"
#include "repl/dot.h"
#include "repl/varint.h"

namespace torc {

// Byte 0: the form in the upper half, flags below. Flags 2 and 4 belong to the plain form only, 8 to the
// general one.
inline constexpr uint8_t kPlainForm = 0x10;
inline constexpr uint8_t kGeneralForm = 0x20;
inline constexpr uint8_t kCellOwn = 0x01;
inline constexpr uint8_t kCellExpires = 0x02;        // 8 bytes: the time
inline constexpr uint8_t kCellExpiryChanged = 0x04;  // 8 bytes: the stamp of the EXPIRE or PERSIST
inline constexpr uint8_t kCellHasFloor = 0x08;       // 8 bytes: the context's floor

/// Most cells have one or two of each part: no allocation up to there.
template <class T, size_t N>
using Few = boost::container::small_vector<T, N>;
using DotList = Few<Dot, 4>;
using TotalList = Few<Total, 2>;

template <class List, class Predicate>
void erase_from(List& list, Predicate predicate) {
    list.erase(std::remove_if(list.begin(), list.end(), predicate), list.end());
}

inline constexpr size_t kDotSize = 24;
inline constexpr size_t kPlainHead = 1 + kDotSize;

inline Dot load_dot(const char* from) {
    return {load_le<uint64_t>(from), load_le<uint64_t>(from + 8), load_le<uint64_t>(from + 16)};
}

struct PlainCell {
    bool own = false;
    Dot dot;
    Stamp expiry_stamp = 0;  // dot.stamp until EXPIRE or PERSIST; the context is up to here
    int64_t expire_at_ms = kNoExpiry;
    std::string_view value;

    size_t head_size() const {
        return kPlainHead + (expire_at_ms != kNoExpiry ? 8 : 0) + (expiry_stamp != dot.stamp ? 8 : 0);
    }
};

struct Sibling {
    Dot dot;
    bool nil = false;
    std::string_view bytes;  // into the encoded cell
    std::vector<Total> saw;  // by (actor, birth)
};

struct ExpirySibling {
    Dot dot;
    int64_t at_ms = kNoExpiry;
};

/// Everything sorted by dot.
struct Cell {
    bool own = false;
    Stamp floor = 0;  // of the context (dot.h)
    DotList context;
    TotalList totals;
    Few<Sibling, 1> siblings;
    Few<ExpirySibling, 2> expiries;
    size_t head_size = 0;  // where the values begin; set by decoding
};

inline bool has_own_flag(std::string_view cell) {
    return !cell.empty() && (static_cast<uint8_t>(cell[0]) & kCellOwn) != 0;
}
void set_own_flag(std::string& cell, bool own);

/// Nothing when it isn't of the plain form, or malformed. Inline: of what it returns most callers need
/// little.
inline std::optional<PlainCell> read_plain(std::string_view bytes) {
    if (bytes.size() < kPlainHead) return std::nullopt;
    const auto first = static_cast<uint8_t>(bytes[0]);
    constexpr uint8_t kFlags = kCellOwn | kCellExpires | kCellExpiryChanged;
    if ((first & ~kFlags) != kPlainForm) return std::nullopt;
    PlainCell cell;
    cell.own = (first & kCellOwn) != 0;
    cell.dot = load_dot(bytes.data() + 1);
    cell.expiry_stamp = cell.dot.stamp;
    if (cell.dot.stamp < cell.dot.birth) return std::nullopt;
    size_t at = kPlainHead;
    if ((first & kCellExpires) != 0) {
        if (bytes.size() < at + 8) return std::nullopt;
        cell.expire_at_ms = load_le<int64_t>(bytes.data() + at);
        if (cell.expire_at_ms < 0 || cell.expire_at_ms == INT64_MAX) return std::nullopt;
        at += 8;
    }
    if ((first & kCellExpiryChanged) != 0) {
        if (bytes.size() < at + 8) return std::nullopt;
        cell.expiry_stamp = load_le<uint64_t>(bytes.data() + at);
        if (cell.expiry_stamp <= cell.dot.stamp) return std::nullopt;
        at += 8;
    }
    cell.value = bytes.substr(at);
    return cell;
}
/// Replaces `out`.
void write_plain(std::string& out, const PlainCell& cell);

/// Of either form. Nothing when malformed.
std::optional<Cell> decode_cell(std::string_view bytes);
/// For bytes that were validated before; an empty cell for none.
Cell decode_valid_cell(std::string_view bytes);
/// Replaces `out`, in the form that the cell must have.
void encode_cell(std::string& out, const Cell& cell);

/// The context and totals as they stand in the general form; context tokens have them too.
void append_context(std::string& to, std::span<const Dot> context, std::span<const Total> totals);
bool read_context(ByteReader& from, DotList& context, TotalList& totals);

/// What is known of totals goes where `listed` has their entries no more: they add nothing (cell_trim.cc).
void drop_retired_totals(Cell& cell, std::span<const Dot> listed);

/// The total of the dot's (actor, birth); null when there is none.
const Total* find_total(std::span<const Total> totals, const Dot& dot);
inline bool covers(const Cell& cell, const Dot& dot) {
    return covers(cell.context, cell.floor, dot);
}
inline bool has_retired(const Cell& cell, const Dot& dot) {
    return has_retired(cell.context, cell.floor, dot);
}
Context context_of(const Cell& cell);

}  // namespace torc
