// Cases that a server isn't asked to pass, with the reason: those that ask for what a cluster hasn't got.
//
//   === name of the case
//   because: the reason
//
// A name that no case has is an error, as is a name without a reason.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "case_file.h"

namespace redis_tests {

/// The names.
std::expected<std::vector<std::string>, std::string> parse_skipped(std::string_view text,
                                                                   const std::string& file);

/// Takes them out of the cases. The error says which name is unknown.
std::expected<void, std::string> skip_cases(std::vector<Case>& cases, const std::vector<std::string>& names);

}  // namespace redis_tests
