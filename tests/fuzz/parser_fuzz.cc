// Differential: a stream parsed in one piece and in pieces must give the same commands and the same error,
// and every argument must lie in the input. The first bytes choose limits and cuts, the rest is the stream.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "resp/parser.h"

namespace {

using torc::ParseLimits;
using torc::ParseResult;
using torc::ParseStatus;

struct Outcome {
    std::vector<std::vector<std::string>> commands;
    std::string error;
    bool operator==(const Outcome&) const = default;
};

// Feeds the stream in pieces of 1 to `piece` bytes. Each piece comes in memory of its exact size, so that the
// address sanitizer sees a look beyond it, and moves what is pending.
Outcome feed(std::string_view stream, size_t piece, uint64_t seed, const ParseLimits& limits) {
    Outcome outcome;
    torc::Rng random(seed);
    torc::RequestParser parser;
    std::string unread;
    for (size_t fed = 0; fed < stream.size();) {
        const size_t more = std::min<size_t>(1 + random.below(piece), stream.size() - fed);
        unread.append(stream.substr(fed, more));
        fed += more;
        std::vector<char> input(unread.begin(), unread.end());
        std::span<char> rest(input);
        for (bool again = true; again;) {
            std::vector<std::string_view> args;
            const ParseResult result = parser.parse(rest, limits, args);
            TORC_CHECK(result.consumed <= rest.size());
            if (result.status == ParseStatus::error) {
                TORC_CHECK(parser.error().starts_with("ERR Protocol error: "));
                outcome.error = parser.error();
                return outcome;
            }
            rest = rest.subspan(result.consumed);
            unread.erase(0, result.consumed);
            again = result.status == ParseStatus::command;
            TORC_CHECK(again == !args.empty());
            if (!again) {
                TORC_CHECK(parser.needed() > unread.size());
                continue;
            }
            for (const std::string_view arg : args)
                TORC_CHECK(arg.data() >= input.data() &&
                           arg.data() + arg.size() <= input.data() + input.size());
            outcome.commands.emplace_back(args.begin(), args.end());
        }
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const uint64_t seed = data[0];
    const ParseLimits limits{.max_bulk_bytes = (data[1] & 1) != 0 ? 64 : 512LL << 20,
                             .authenticated = (data[1] & 2) != 0};
    const size_t piece = size_t{1} << ((data[1] >> 2) % 12);
    const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Outcome whole = feed(stream, SIZE_MAX, 0, limits);
    TORC_CHECK(feed(stream, piece, seed, limits) == whole);
    TORC_CHECK(feed(stream, 1, seed, limits) == whole);
    return 0;
}
