#include "node/slow_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace torc {

void SlowLog::add(Args words, int64_t microseconds, int64_t unix_seconds, std::string_view client_address,
                  std::string_view client_name, size_t max_length) {
    SlowLogEntry entry;
    entry.unix_seconds = unix_seconds;
    entry.microseconds = microseconds;
    entry.client_address = client_address;
    entry.client_name = client_name;
    const size_t kept = std::min(words.size(), kMaxWords);
    entry.words.reserve(kept);
    for (size_t i = 0; i < kept; ++i) {
        const std::string_view word = words[i];
        if (i + 1 == kMaxWords && words.size() > kMaxWords) {
            entry.words.push_back(fmt::format("... ({} more arguments)", words.size() - kMaxWords + 1));
        } else if (word.size() > kMaxWordBytes) {
            entry.words.push_back(fmt::format("{}... ({} more bytes)", word.substr(0, kMaxWordBytes),
                                              word.size() - kMaxWordBytes));
        } else {
            entry.words.emplace_back(word);
        }
    }
    std::lock_guard lock(mutex_);
    entry.id = next_id_++;
    entries_.push_front(std::move(entry));
    while (entries_.size() > max_length) entries_.pop_back();
}

std::vector<SlowLogEntry> SlowLog::newest(size_t count) const {
    std::lock_guard lock(mutex_);
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries_.size()));
    return {entries_.begin(), end};
}

size_t SlowLog::size() const {
    std::lock_guard lock(mutex_);
    return entries_.size();
}

void SlowLog::reset() {
    std::lock_guard lock(mutex_);
    entries_.clear();
}

}  // namespace torc
