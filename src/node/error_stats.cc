#include "node/error_stats.h"

namespace torc {

void ErrorStats::count(std::string_view text) {
    // As in Redis, a text without a code of its own counts under its first word as well.
    const std::string_view code = text.substr(0, text.find(' '));
    std::lock_guard lock(mutex_);
    ++total_;
    const auto found = counts_.find(code);
    if (found != counts_.end()) {
        ++found->second;
    } else if (counts_.size() < kMaxCodes) {
        counts_.emplace(code, 1);
    }
}

std::vector<std::pair<std::string, uint64_t>> ErrorStats::counts() const {
    std::lock_guard lock(mutex_);
    return {counts_.begin(), counts_.end()};
}

uint64_t ErrorStats::total() const {
    std::lock_guard lock(mutex_);
    return total_;
}

void ErrorStats::reset() {
    std::lock_guard lock(mutex_);
    counts_.clear();
    total_ = 0;
}

}  // namespace torc
