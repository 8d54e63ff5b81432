// What this node answers to its peers once the log has passed what the answer depends on: acknowledgements of
// merges and digests of reads that were served without an executor. In the order in which they were made,
// which is nearly that of their LSNs: one that could go waits for one before it, for a moment.
//
// Thread rule: its worker's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"

namespace torc {

struct HeldAnswer {
    Lsn lsn = 0;        // 0: depends on nothing
    uint64_t link = 0;  // number of the link that it goes back on
    uint64_t op = 0;
    bool is_read = false;  // a ReadReply with this digest; else an AckMessage
    uint64_t digest = 0;
};

class HeldAnswers {
  public:
    bool empty() const { return first_ == held_.size(); }
    /// Of the first; there is one.
    Lsn first_lsn() const { return held_[first_].lsn; }
    void add(const HeldAnswer& answer) { held_.push_back(answer); }
    /// Calls `send` for those from the front on that depend on no more than `durable`.
    template <class Send>
    void release(Lsn durable, Send send) {
        for (; first_ < held_.size() && held_[first_].lsn <= durable; ++first_) send(held_[first_]);
        if (empty()) {
            held_.clear();
            first_ = 0;
        } else if (first_ > kMostGone && first_ > held_.size() / 2) {
            held_.erase(held_.begin(), held_.begin() + static_cast<long>(first_));
            first_ = 0;
        }
    }

  private:
    static constexpr size_t kMostGone = 4096;

    std::vector<HeldAnswer> held_;
    size_t first_ = 0;  // before it: gone
};

}  // namespace torc
