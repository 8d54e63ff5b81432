// The subcommands of `torc`. Each gets its arguments without its own name and returns the exit code:
//   0 all is well    1 the data directory is damaged    2 it could not be done (usage, a server runs, the
//   disk)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"

namespace torc {

inline constexpr int kExitDamaged = 1;
inline constexpr int kExitFailed = 2;

int run_check(const std::vector<std::string>& arguments);
int run_dump(const std::vector<std::string>& arguments);

/// Arguments that are neither options nor known ones are a usage error, told on standard error.
struct ParsedArguments {
    std::string directory;
    std::vector<std::string> options;
};
Result<ParsedArguments> parse_arguments(const std::vector<std::string>& arguments,
                                        const std::vector<std::string>& known_options);

/// Takes the lock that a server would hold; the error says that one runs.
Result<std::unique_ptr<DirectoryLock>> lock_at_rest(const std::string& directory);

}  // namespace torc
