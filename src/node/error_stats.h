// How often each error code was replied. Errors are rare enough for a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/diagnostics.h"

namespace torc {

class ErrorStats final : public ErrorStatsView {
  public:
    /// At most this many codes are told apart: whoever can choose codes (DEBUG ERROR) can't fill the memory.
    static constexpr size_t kMaxCodes = 128;

    /// `text`: the reply without its '-': "WRONGTYPE Operation against ...". Any thread.
    void count(std::string_view text);

    std::vector<std::pair<std::string, uint64_t>> counts() const override;
    uint64_t total() const override;
    void reset() override;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, uint64_t, std::less<>> counts_;
    uint64_t total_ = 0;
};

}  // namespace torc
