#include "options.h"

#include <charconv>

namespace redis_tests {

const char* const kUsage =
    R"(redis-tests: plays the same commands on redis-server and torc-server and compares the replies.

  redis-tests --server torc-server [options] CASES...     text cases: files, or folders of *.txt
  redis-tests --server torc-server --random [options]     random sequences

  --server PROGRAM        the server under test
  --reference PROGRAM     the server that is right (redis-server)
  --server-arg WORD       a further argument of the server under test; may be repeated
  --differences FILE      where the two are meant to differ
  --skip FILE             cases that the server under test isn't asked to pass
  --only TEXT             only cases whose name contains TEXT
  --timeout-ms N          how long to wait for a reply (5000)
  --random                random sequences instead of cases
  --seed N                the first sequence's seed (1); sequence i has seed N + i
  --count N               how many sequences (1000)
  --length N              how many commands in each (40)

Exit code: 0 no difference, 1 differences, 2 could not be played.
)";

namespace {

template <class Number>
bool read_number(const std::string& word, Number& out) {
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::expected<Options, std::string> parse_options(const std::vector<std::string>& arguments) {
    Options out;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& name = arguments[i];
        if (!name.starts_with("--")) {
            out.case_paths.push_back(name);
            continue;
        }
        if (name == "--random" || name == "--help") {
            (name == "--random" ? out.random : out.help) = true;
            continue;
        }
        if (++i == arguments.size()) return std::unexpected(name + " needs a value, or is unknown");
        const std::string& value = arguments[i];
        bool good = true;
        int milliseconds = 0;
        if (name == "--server") {
            out.server = value;
        } else if (name == "--reference") {
            out.reference = value;
        } else if (name == "--server-arg") {
            out.server_arguments.push_back(value);
        } else if (name == "--differences") {
            out.differences = value;
        } else if (name == "--skip") {
            out.skip = value;
        } else if (name == "--only") {
            out.only = value;
        } else if (name == "--timeout-ms") {
            good = read_number(value, milliseconds) && milliseconds > 0;
            out.timeout = std::chrono::milliseconds(milliseconds);
        } else if (name == "--seed") {
            good = read_number(value, out.seed);
        } else if (name == "--count") {
            good = read_number(value, out.count) && out.count > 0;
        } else if (name == "--length") {
            good = read_number(value, out.length) && out.length > 0;
        } else {
            return std::unexpected("unknown option " + name);
        }
        if (!good) return std::unexpected(name + " cannot be " + value);
    }
    if (out.help) return out;
    if (out.server.empty()) return std::unexpected("--server is missing");
    if (!out.random && out.case_paths.empty()) return std::unexpected("no case files given");
    return out;
}

}  // namespace redis_tests
