// The two forms of a cell's bytes (docs/FORMATS.md, "Cells") and what they decode to. Every cell has exactly
// one encoding apart from the local flag, so that equal cells have equal bytes and equal digests; what is
// valid but encoded otherwise is refused.
//
//   plain     one value and its expiry, by one (actor, birth), nothing else ever seen. A fixed prefix, then
//   the
//             value: what most cells are. Read and written without decoding
//   general   the context, then totals, siblings and expiries that name their dots by entry of the context
//   and
//             distance below its stamp: what isn't covered can't be expressed. The values' bytes come last,
//             so that a digest leaves them out and the only value of a cell can be used in place
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "repl/dot.h"
#include "repl/varint.h"

namespace torc {

// Byte 0: the form in the upper half, flags below. Flags 2 and 4 belong to the plain form only.
inline constexpr uint8_t kPlainForm = 0x10;
inline constexpr uint8_t kGeneralForm = 0x20;
inline constexpr uint8_t kCellOwn = 0x01;
inline constexpr uint8_t kCellExpires = 0x02;        // 8 bytes: the time
inline constexpr uint8_t kCellExpiryChanged = 0x04;  // 8 bytes: the stamp of the EXPIRE or PERSIST

/// Most cells have one or two of each part: no allocation up to there.
template <class T, size_t N>
using Few = boost::container::small_vector<T, N>;
using DotList = Few<Dot, 4>;
using TotalList = Few<Total, 2>;

template <class List, class Predicate>
void erase_from(List& list, Predicate predicate) {
    list.erase(std::remove_if(list.begin(), list.end(), predicate), list.end());
}

struct PlainCell {
    bool own = false;
    Dot dot;
    Stamp expiry_stamp = 0;  // dot.stamp until EXPIRE or PERSIST; the context is up to here
    int64_t expire_at_ms = kNoExpiry;
    std::string_view value;

    size_t head_size() const;
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

/// Nothing when it isn't of the plain form, or malformed.
std::optional<PlainCell> read_plain(std::string_view bytes);
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

/// Order of the lists: by (actor, birth).
bool entry_before(const Dot& a, const Dot& b);
bool same_entry(const Dot& a, const Dot& b);
/// The context's entry of the dot's (actor, birth); null when there is none.
const Dot* find_entry(std::span<const Dot> context, const Dot& dot);
const Total* find_total(std::span<const Total> totals, const Dot& dot);
bool covers(std::span<const Dot> context, const Dot& dot);

}  // namespace torc
