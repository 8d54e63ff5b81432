#include "repl/cell.h"

#include <algorithm>

#include "base/hash.h"
#include "repl/cell_codec.h"
#include "repl/cell_value.h"

namespace torc {

std::optional<CellView> CellView::parse(std::string_view bytes) {
    std::optional<CellView> view(std::in_place);
    if (!view->read(bytes)) view.reset();
    return view;
}

bool CellView::read(std::string_view bytes) {
    bytes_ = bytes;
    if (const auto plain = read_plain(bytes)) {
        winner_ = plain->value;
        head_size_ = plain->head_size();
        siblings_ = 1;
        expire_at_ms_ = plain->expire_at_ms;
        newest_ = plain->expiry_stamp;
        plain_ = exists_ = true;
        return true;
    }
    const auto cell = decode_cell(bytes);
    if (!cell) return false;
    const Sibling* winner = winning_value(*cell);
    const bool unseen = has_unseen(*cell, winner);
    if (winner != nullptr) winner_ = winner->bytes;
    head_size_ = cell->head_size;
    siblings_ =
        static_cast<size_t>(std::ranges::count_if(cell->siblings, [](const Sibling& s) { return !s.nil; }));
    expire_at_ms_ = effective_expiry(*cell);
    newest_ = cell->floor;
    for (const Dot& entry : cell->context) newest_ = std::max(newest_, entry.stamp);
    plain_ = winner != nullptr && !unseen;
    exists_ = winner != nullptr || unseen;
    counter_ = !cell->totals.empty();
    return true;
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
    return context_of(decode_valid_cell(bytes_));
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
