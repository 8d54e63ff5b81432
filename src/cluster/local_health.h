// How far this node trusts itself (Lifeguard's local health multiplier): a node that misses what it should
// have heard may be slow or cut off itself, and gives the others more time before it accuses them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace torc {

class LocalHealth {
  public:
    static constexpr unsigned kWorst = 8;

    void worse() { score_ = std::min(score_ + 1, kWorst); }
    void better() { score_ -= score_ > 0 ? 1 : 0; }
    unsigned score() const { return score_; }
    int64_t stretched(int64_t time_ms) const { return time_ms * (1 + static_cast<int64_t>(score_)); }

  private:
    unsigned score_ = 0;
};

}  // namespace torc
