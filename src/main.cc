// torc-server: arguments as redis-server takes them.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/log.h"
#include "base/version.h"
#include "server/process.h"
#include "server/server.h"

// jemalloc reads this at its first allocation. Records lie all over the heap and every command touches a
// random one, so address translation costs as much as the data does: huge pages cut the CPU time of a GET or
// SET by a quarter (docs/PERFORMANCE.md). There's no fork here that would copy them.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "thp:always,metadata_thp:auto,background_thread:true,oversize_threshold:0";
}

namespace {

constexpr const char* kHelp = R"(Usage: torc-server [configuration file] [--directive value ...] [-]

  torc-server                                 start with the built-in defaults, data in the current directory
  torc-server /etc/torc.conf                  start with a configuration file
  torc-server torc.conf --port 7000           directives given here win over the file's
  torc-server --port 7000 -                   a configuration on standard input as well
  torc-server --version
  torc-server --help

Every directive is explained in conf/torc.conf.
)";

int complain(const std::string& message) {
    fmt::print(stderr, "torc-server: {}\n", message);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 1) {
        const std::string& word = arguments.front();
        if (word == "--version" || word == "-v") {
            fmt::print("Torc server v={} (redis_version {})\n", torc::kTorcVersion, torc::kRedisVersion);
            return 0;
        }
        if (word == "--help" || word == "-h") {
            fmt::print("{}", kHelp);
            return 0;
        }
    }

    torc::Config config;
    if (auto loaded = config.load(arguments); !loaded) return complain(loaded.error().message);
    if (config.text("daemonize") == "yes") {
        if (auto done = torc::daemonize(); !done) return complain(done.error().message);
    }
    const auto level = torc::log_level_named(config.text("loglevel")).value_or(torc::LogLevel::notice);
    if (auto opened = torc::open_log(config.text("logfile"), level); !opened)
        return complain(opened.error().message);

    int exit_code = 1;
    {
        torc::Server server(config);
        if (auto opened = server.open(); opened) {
            exit_code = server.run();
        } else {
            torc::log_warning("{}", opened.error().message);
            complain(opened.error().message);
        }
    }
    torc::close_log();
    return exit_code;
}
