// Where a reply of the tested server is meant to differ from the reference's: redis-tests/differences.txt.
//
//   === name of the case
//   GET k                     the line of the case, as written there
//   proto: 3                  optional: only in this protocol
//   torc: +OK                 the tested server's reply, as the runner prints it; several lines are
//   alternatives because: the reason
//
// Several entries may stand under one name. An entry that no reply needed is an error: it hides nothing today
// and would hide a fault tomorrow.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "duel.h"

namespace redis_tests {

class Differences {
  public:
    static std::expected<Differences, std::string> parse(std::string_view text, const std::string& file);

    /// True if an entry expects exactly this; marks it as used.
    bool expects(const Mismatch& mismatch);

    /// "file:line: case: command" of each entry that no mismatch has used, but for those of cases not played.
    std::vector<std::string> unused(const std::vector<std::string>& skipped_cases = {}) const;

  private:
    struct Entry {
        std::string case_name, source, reason;
        std::optional<int> proto;
        std::vector<std::string> expected;
        int line = 0;
        bool used = false;
    };

    std::vector<Entry> entries_;
    std::string file_;
};

}  // namespace redis_tests
