#include "tools/command.h"

#include <fmt/format.h>

#include <algorithm>

namespace torc {

Result<ParsedArguments> parse_arguments(const std::vector<std::string>& arguments,
                                        const std::vector<std::string>& known_options) {
    ParsedArguments parsed;
    for (const auto& argument : arguments) {
        if (argument.starts_with("-")) {
            if (std::ranges::find(known_options, argument) == known_options.end())
                return fail(ErrorKind::invalid, fmt::format("unknown option {}; see torc --help", argument));
            parsed.options.push_back(argument);
        } else if (parsed.directory.empty()) {
            parsed.directory = argument;
            while (parsed.directory.size() > 1 && parsed.directory.ends_with('/'))
                parsed.directory.pop_back();
        } else {
            return fail(ErrorKind::invalid, fmt::format("one directory only, please: {}", argument));
        }
    }
    if (parsed.directory.empty()) return fail(ErrorKind::invalid, "which data directory? see torc --help");
    return parsed;
}

Result<std::unique_ptr<DirectoryLock>> lock_at_rest(const std::string& directory) {
    if (!posix_disk().exists(directory))
        return fail(ErrorKind::not_found, fmt::format("{}: no such directory", directory));
    auto lock = posix_disk().lock_directory(directory);
    if (!lock && lock.error().kind == ErrorKind::busy)
        return fail(ErrorKind::busy,
                    fmt::format("{}: a server runs on this directory; stop it first, or look at a backup",
                                directory));
    return lock;
}

}  // namespace torc
