// TORC.WITH [R level] [W level] command ...: one command at its own consistency levels. The dispatcher takes
// the prefix off and runs what's left; here the prefix is read and checked.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>

#include "base/consistency.h"
#include "commands/args.h"

namespace torc {

struct WithPrefix {
    std::optional<Consistency> read, write;  // those that were given
    size_t words = 0;                        // where the command's name stands
};

/// `args` from TORC.WITH on. The prefix, or the error reply. Whether the command exists isn't looked at.
std::expected<WithPrefix, std::string> parse_with(Args args);

}  // namespace torc
