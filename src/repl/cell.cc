#include "repl/cell.h"

#include <algorithm>

#include "base/hash.h"
#include "repl/cell_codec.h"
#include "repl/cell_value.h"

namespace torc {

std::optional<CellView> CellView::parse(std::string_view bytes) {
    CellView view;
    view.bytes_ = bytes;
    if (const auto plain = read_plain(bytes)) {
        view.winner_ = plain->value;
        view.head_size_ = plain->head_size();
        view.siblings_ = 1;
        view.expire_at_ms_ = plain->expire_at_ms;
        view.newest_ = plain->expiry_stamp;
        view.plain_ = view.exists_ = true;
        return view;
    }
    const auto cell = decode_cell(bytes);
    if (!cell) return std::nullopt;
    const Sibling* winner = winning_value(*cell);
    const bool unseen = has_unseen(*cell, winner);
    if (winner != nullptr) view.winner_ = winner->bytes;
    view.head_size_ = cell->head_size;
    view.siblings_ =
        static_cast<size_t>(std::ranges::count_if(cell->siblings, [](const Sibling& s) { return !s.nil; }));
    view.expire_at_ms_ = effective_expiry(*cell);
    for (const Dot& entry : cell->context) view.newest_ = std::max(view.newest_, entry.stamp);
    view.plain_ = winner != nullptr && !unseen;
    view.exists_ = winner != nullptr || unseen;
    view.counter_ = !cell->totals.empty();
    return view;
}

bool CellView::exists() const {
    return exists_;
}

std::string_view CellView::value(std::string& scratch) const {
    if (plain_) return winner_;
    const Cell cell = decode_valid_cell(bytes_);
    scratch.clear();
    append_shown(scratch, cell, winning_value(cell));
    return scratch;
}

std::optional<std::string_view> CellView::plain_value() const {
    if (!plain_) return std::nullopt;
    return winner_;
}

int64_t CellView::expire_at_ms() const {
    return expire_at_ms_;
}

size_t CellView::siblings() const {
    return siblings_;
}

std::vector<std::string> CellView::values() const {
    const Cell cell = decode_valid_cell(bytes_);
    std::vector<std::string> values;
    for (const Sibling* value : ranked_values(cell)) append_shown(values.emplace_back(), cell, value);
    if (values.empty() && exists_) append_shown(values.emplace_back(), cell, nullptr);
    return values;
}

Context CellView::context() const {
    const Cell cell = decode_valid_cell(bytes_);
    return {{cell.context.begin(), cell.context.end()}, {cell.totals.begin(), cell.totals.end()}};
}

Stamp CellView::newest() const {
    return newest_;
}

uint64_t CellView::digest() const {
    const uint64_t form = static_cast<uint8_t>(bytes_[0]) & ~kCellOwn;
    return hash64(bytes_.substr(1, head_size_ - 1), form);
}

bool CellView::is_counter() const {
    return counter_;
}

}  // namespace torc
