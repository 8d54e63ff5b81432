#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/version.h"
#include "tools/command.h"

namespace {

constexpr const char* kHelp = R"(torc: looks after data directories that no server runs on.

  torc check DIR           verify every byte; name each damaged record by file and offset
  torc check --repair DIR  the same, then keep every good record and set damaged files aside (nothing is deleted)
  torc dump DIR            print all records as text, one a line; keys and values cut at 64 bytes
  torc dump --full DIR     the same, uncut
  torc --help              this text
  torc --version           the version

Exit codes: 0 all is well, 1 the directory is (or stays) damaged, 2 it could not be done.
)";

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string command = arguments.empty() ? "" : arguments.front();
    if (!arguments.empty()) arguments.erase(arguments.begin());
    if (command == "check") return torc::run_check(arguments);
    if (command == "dump") return torc::run_dump(arguments);
    if (command == "--version" || command == "-v") {
        fmt::print("torc {}\n", torc::kTorcVersion);
        return 0;
    }
    if (command == "--help" || command == "-h") {
        fmt::print("{}", kHelp);
        return 0;
    }
    if (!command.empty()) fmt::print(stderr, "torc: unknown command {}\n\n", command);
    fmt::print(stderr, "{}", kHelp);
    return torc::kExitFailed;
}
