// redis-tests: see kUsage in options.cc and redis-tests/README.md.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "case_file.h"
#include "differences.h"
#include "duel.h"
#include "generator.h"
#include "options.h"
#include "server_process.h"
#include "shrinker.h"
#include "skipped_cases.h"

namespace redis_tests {
namespace {

constexpr size_t kMaxPrintedReply = 600;

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Unplayable("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T or_throw(std::expected<T, std::string> value) {
    if (!value) throw Unplayable(value.error());
    return *std::move(value);
}

std::vector<Case> load_cases(const std::vector<std::string>& paths) {
    std::set<std::filesystem::path> files;
    for (const std::string& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.insert(path);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(path))
            if (entry.path().extension() == ".txt") files.insert(entry.path());
    }
    std::vector<Case> cases;
    std::set<std::string> names;
    for (const auto& file : files) {
        for (Case& loaded : or_throw(parse_cases(read_file(file), file.filename().string()))) {
            if (!names.insert(loaded.name).second) throw Unplayable("two cases are named " + loaded.name);
            cases.push_back(std::move(loaded));
        }
    }
    return cases;
}

std::string shown(const Reply& reply) {
    std::string text = to_text(reply);
    if (text.size() <= kMaxPrintedReply) return text;
    return text.substr(0, kMaxPrintedReply) + fmt::format("... ({} characters)", text.size());
}

void print(const Mismatch& mismatch) {
    const Reply reference = normalized(mismatch.reference, mismatch.step->comparison);
    const Reply tested = normalized(mismatch.tested, mismatch.step->comparison);
    fmt::print("FAIL {} (RESP{})\n  {}:{}: {}\n  reference: {}\n  tested:    {}\n", mismatch.played->name,
               mismatch.proto, mismatch.played->file, mismatch.step->line, mismatch.step->source,
               shown(reference), shown(tested));
    std::fflush(stdout);
}

int play_cases(const Options& options, Duel& duel) {
    std::vector<Case> cases = load_cases(options.case_paths);
    std::vector<std::string> skipped;
    if (!options.skip.empty()) skipped = or_throw(parse_skipped(read_file(options.skip), options.skip));
    if (const auto known = skip_cases(cases, skipped); !known) throw Unplayable(known.error());
    Differences differences;
    if (!options.differences.empty())
        differences = or_throw(Differences::parse(read_file(options.differences), options.differences));

    size_t played = 0, failed = 0, lines = 0, mismatches = 0, expected = 0;
    for (const Case& next : cases) {
        if (next.name.find(options.only) == std::string::npos) continue;
        ++played;
        bool good = true;
        for (const int proto : next.protos) {
            lines += next.steps.size();
            for (const Mismatch& mismatch : duel.play(next, proto, false)) {
                if (differences.expects(mismatch)) {
                    ++expected;
                    continue;
                }
                print(mismatch);
                ++mismatches;
                good = false;
            }
        }
        failed += !good;
    }
    size_t unused = 0;
    if (options.only.empty()) {
        for (const std::string& entry : differences.unused(skipped)) {
            fmt::print("UNUSED difference {}\n", entry);
            ++unused;
        }
    }
    fmt::print(
        "{} cases, {} lines played: {} cases failed, {} replies differ, {} differ as documented, {} unused\n",
        played, lines, failed, mismatches, expected, unused);
    return mismatches + unused == 0 && played > 0 ? 0 : 1;
}

/// The lines as a case that can be pasted into a case file; empty when a line does not parse.
std::optional<Case> as_case(const Lines& lines, uint64_t seed) {
    Case out;
    out.name = fmt::format("random: seed {}", seed);
    out.file = "random";
    for (const std::string& line : lines) {
        auto step = parse_step(line);
        if (!step) return std::nullopt;
        step->line = static_cast<int>(out.steps.size()) + 1;
        out.steps.push_back(*std::move(step));
    }
    return out;
}

int play_random(const Options& options, Duel& duel) {
    size_t failed = 0, lines_played = 0;
    for (int i = 0; i < options.count; ++i) {
        const uint64_t seed = options.seed + static_cast<uint64_t>(i);
        const int proto = seed % 2 == 0 ? 2 : 3;
        const Lines lines = Generator(seed).sequence(static_cast<size_t>(options.length));
        const auto fails = [&](const Lines& tried) {
            const auto played = as_case(tried, seed);
            return played && !duel.play(*played, proto, true).empty();
        };
        lines_played += lines.size();
        if (!as_case(lines, seed))
            throw Unplayable(fmt::format("seed {} makes a line that does not parse", seed));
        if (!fails(lines)) continue;

        ++failed;
        const Lines shortest = shrink(lines, fails);
        const auto played = as_case(shortest, seed);
        const auto mismatches = duel.play(*played, proto, true);
        if (mismatches.empty()) fmt::print("FAIL seed {}: differs, but not every time\n", seed);
        for (const Mismatch& mismatch : mismatches) print(mismatch);
        fmt::print("\n=== {}\n% proto {}\n", played->name, proto);
        for (const std::string& line : shortest) fmt::print("{}\n", line);
        fmt::print("\nreplay: --random --seed {} --count 1 --length {}\n\n", seed, options.length);
        std::fflush(stdout);
    }
    fmt::print("{} sequences, {} lines played: {} sequences failed (seeds {} to {})\n", options.count,
               lines_played, failed, options.seed, options.seed + static_cast<uint64_t>(options.count) - 1);
    return failed == 0 ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
    const auto options = parse_options(arguments);
    if (!options || options->help) {
        if (!options) fmt::print(stderr, "{}\n\n", options.error());
        fmt::print(stderr, "{}", kUsage);
        return options ? 0 : 2;
    }
    try {
        const std::string debug = "--enable-debug-command";
        ServerProcess reference(options->reference, {"--save", "", "--appendonly", "no", debug, "yes"});
        std::vector<std::string> tested_arguments{debug, "yes"};
        tested_arguments.insert(tested_arguments.end(), options->server_arguments.begin(),
                                options->server_arguments.end());
        ServerProcess tested(options->server, tested_arguments);
        Duel duel(reference, tested, options->timeout);
        return options->random ? play_random(*options, duel) : play_cases(*options, duel);
    } catch (const Unplayable& failure) {
        fmt::print("cannot go on: {}\n", failure.what());
        return 2;
    }
}

}  // namespace
}  // namespace redis_tests

int main(int argc, char** argv) {
    return redis_tests::run({argv + 1, argv + argc});
}
