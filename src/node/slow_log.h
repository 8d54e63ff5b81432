// The slow log: the newest commands that took longer than `slowlog-log-slower-than`. The caller decides what
// is slow; this keeps and shortens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

#include "commands/args.h"
#include "commands/diagnostics.h"

namespace torc {

class SlowLog final : public SlowLogView {
  public:
    static constexpr size_t kMaxWords = 32;       // of a command, the last may say how many more there were
    static constexpr size_t kMaxWordBytes = 128;  // of a word, likewise

    /// Any thread. Keeps at most `max_length` entries; 0 keeps none.
    void add(Args words, int64_t microseconds, int64_t unix_seconds, std::string_view client_address,
             std::string_view client_name, size_t max_length);

    std::vector<SlowLogEntry> newest(size_t count) const override;
    size_t size() const override;
    void reset() override;

  private:
    mutable std::mutex mutex_;
    std::deque<SlowLogEntry> entries_;  // newest first
    uint64_t next_id_ = 0;
};

}  // namespace torc
