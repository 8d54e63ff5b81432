#include "sim/copy_record.h"

#include <utility>

namespace torc {

void CopyRecord::begin() {
    known_ = present_ = hidden_ = false;
    looked_ = 0;
    absent_at_ = 0;
    pending_.clear();
}

void CopyRecord::found(std::string_view bytes, const Cell& cell, Lsn lsn) {
    known_ = present_ = true;
    hidden_ = false;
    looked_ = lsn;
    bytes_ = bytes;
    context_ = {.entries = {cell.context.begin(), cell.context.end()}, .floor = cell.floor};
    seen_.join(context_);
    pending_.push_back({lsn, context_});
}

CopyRecord::Gone CopyRecord::missing(Stamp clock, Lsn lsn) {
    known_ = true;
    looked_ = lsn;
    absent_at_ = clock;
    const bool was_hidden = std::exchange(hidden_, false);
    if (std::exchange(present_, false)) return Gone::from_memory;
    return was_hidden ? Gone::from_disk : Gone::no;
}

void CopyRecord::logged(Lsn lsn) {
    size_t n = 0;
    for (; n < pending_.size() && pending_[n].lsn <= lsn; ++n) logged_.join(pending_[n].context);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<long>(n));
}

}  // namespace torc
