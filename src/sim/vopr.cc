// The simulator's command line:
//
//   vopr --seed N [--seconds 20] [--verbose] [--no-faults] [--plain]
//   vopr --seeds A..B [--jobs 2] [--first]     --first: ends with the first bad seed
//   ... --mutant NAME                           in builds with TORC_MUTANTS: with a planted fault
//
// Exit code 0: every seed was good. A seed that wasn't is printed with the line that replays it.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/mutant.h"
#include "sim/trial.h"

namespace torc {
namespace {

struct Arguments {
    uint64_t first = 1, last = 1;
    unsigned jobs = 1;
    TrialOptions trial;
    std::string mutant;
    bool log = false;
    bool stop_at_first = false;
};

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (word == "--verbose") {
            arguments.trial.verbose = true;
        } else if (word == "--no-faults") {
            arguments.trial.faults = false;
        } else if (word == "--plain") {
            arguments.trial.plain = true;
        } else if (word == "--first") {
            arguments.stop_at_first = true;
        } else if (word == "--log") {
            arguments.log = true;
        } else if (value == nullptr) {
            return false;
        } else {
            ++i;
            if (word == "--seed") {
                arguments.first = arguments.last = std::strtoull(value, nullptr, 10);
            } else if (word == "--seeds") {
                char* end = nullptr;
                arguments.first = std::strtoull(value, &end, 10);
                if (std::strncmp(end, "..", 2) != 0) return false;
                arguments.last = std::strtoull(end + 2, nullptr, 10);
            } else if (word == "--jobs") {
                arguments.jobs = static_cast<unsigned>(std::atoi(value));
#ifdef TORC_MUTANTS
            } else if (word == "--mutant") {
                turn_on_mutant(arguments.mutant = value);
#endif
            } else if (word == "--seconds") {
                arguments.trial.seconds = static_cast<unsigned>(std::atoi(value));
            } else {
                return false;
            }
        }
    }
    return arguments.jobs >= 1 && arguments.first <= arguments.last;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

bool run_seed(const Arguments& arguments, uint64_t seed) {
    TrialOptions options = arguments.trial;
    options.seed = seed;
    const auto begin = std::chrono::steady_clock::now();
    const TrialReport report = run_trial(options);
    const double took = seconds_since(begin), simulated = static_cast<double>(report.simulated_us) / 1e6;
    if (options.verbose)
        fmt::print(
            "seed {}: {} commands ({} acknowledged, {} in doubt, {} refused), {} frames, {} events, "
            "{:.1f} s simulated in {:.2f} s: {:.0f} x\n",
            seed, report.commands, report.acknowledged, report.in_doubt, report.refused, report.frames,
            report.events, simulated, took, simulated / took);
    if (report.wrong.empty()) return true;
    std::string text = fmt::format("seed {} FAILED\n", seed);
    for (size_t i = 0; i < report.wrong.size() && i < 20; ++i) text += "  " + report.wrong[i] + "\n";
    text += fmt::format("replay: vopr --seed {} --seconds {}{}{}{} --verbose\n", seed, options.seconds,
                        options.faults ? "" : " --no-faults", options.plain ? " --plain" : "",
                        arguments.mutant.empty() ? "" : " --mutant " + arguments.mutant);
    fmt::print("{}", text);
    std::fflush(stdout);
    return false;
}

/// Every jobs-th seed.
int run_share(const Arguments& arguments, unsigned share) {
    uint64_t bad = 0;
    for (uint64_t seed = arguments.first + share; seed <= arguments.last; seed += arguments.jobs)
        if (!run_seed(arguments, seed) && (++bad, arguments.stop_at_first)) break;
    return bad == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) {
        fmt::print(stderr,
                   "usage: vopr --seed N | --seeds A..B [--jobs J] [--seconds S] [--verbose] [--log] "
                   "[--no-faults] [--plain]\n");
        return 2;
    }
    set_log_level(arguments.log ? LogLevel::debug : LogLevel::nothing);
    const auto begin = std::chrono::steady_clock::now();
    int result = 0;
    if (arguments.jobs == 1) {
        result = run_share(arguments, 0);
    } else {
        std::vector<pid_t> children;
        for (unsigned share = 0; share < arguments.jobs; ++share) {
            const pid_t child = fork();
            if (child == 0) std::_Exit(run_share(arguments, share));
            children.push_back(child);
        }
        for (const pid_t child : children) {
            int status = 0;
            waitpid(child, &status, 0);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) result = 1;
        }
    }
    if (arguments.first != arguments.last)
        fmt::print("seeds {} to {}: {}, {:.1f} s\n", arguments.first, arguments.last,
                   result == 0 ? "all good" : "FAILED", seconds_since(begin));
    return result;
}

}  // namespace
}  // namespace torc

int main(int argc, char** argv) {
    return torc::run(argc, argv);
}
