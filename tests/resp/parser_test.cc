#include "resp/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

using Words = std::vector<std::string>;

// What a connection's bytes amount to.
struct Outcome {
    std::vector<Words> commands;
    std::string error;
    bool operator==(const Outcome&) const = default;
};

// Feeds `stream` in pieces that end at `cuts` (ascending) and moves the bytes to fresh memory before each.
Outcome feed(std::string_view stream, const std::vector<size_t>& cuts, const ParseLimits& limits = {}) {
    Outcome outcome;
    RequestParser parser;
    std::string unread;
    size_t fed = 0;
    const auto run = [&](size_t upto) {
        unread.append(stream.substr(fed, upto - fed));
        fed = upto;
        std::vector<char> input(unread.begin(), unread.end());
        std::span<char> rest(input);
        for (;;) {
            std::vector<std::string_view> args{"kept"};
            const ParseResult result = parser.parse(rest, limits, args);
            EXPECT_LE(result.consumed, rest.size());
            EXPECT_EQ(args[0], "kept");
            if (result.status == ParseStatus::error) {
                outcome.error = parser.error();
                return false;
            }
            rest = rest.subspan(result.consumed);
            unread.erase(0, result.consumed);
            if (result.status == ParseStatus::incomplete) {
                EXPECT_EQ(args.size(), 1u);
                EXPECT_GT(parser.needed(), unread.size());
                return true;
            }
            EXPECT_GT(args.size(), 1u);
            for (size_t i = 1; i < args.size(); ++i) {
                EXPECT_GE(args[i].data(), input.data());
                EXPECT_LE(args[i].data() + args[i].size(), input.data() + input.size());
            }
            outcome.commands.emplace_back(args.begin() + 1, args.end());
        }
    };
    for (const size_t cut : cuts)
        if (!run(cut)) return outcome;
    run(stream.size());
    return outcome;
}

Outcome feed(std::string_view stream, const ParseLimits& limits = {}) {
    return feed(stream, {}, limits);
}

std::string protocol_error(std::string_view stream, const ParseLimits& limits = {}) {
    return feed(stream, limits).error;
}

TEST(RequestParser, ReadsArraysOfBulks) {
    EXPECT_EQ(feed("*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n").commands,
              (std::vector<Words>{{"PING"}, {"SET", "k", ""}}));
}

TEST(RequestParser, BulksHoldAnyBytes) {
    const std::string value("\r\n$3\r\n*1\r\n\0\xff", 12);
    EXPECT_EQ(feed("*2\r\n$4\r\nECHO\r\n$12\r\n" + value + "\r\n").commands,
              (std::vector<Words>{{"ECHO", value}}));
}

TEST(RequestParser, ViewsLieInTheInput) {
    std::string input = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
    RequestParser parser;
    std::vector<std::string_view> args;
    const auto result = parser.parse(input, {}, args);
    EXPECT_EQ(result.status, ParseStatus::command);
    EXPECT_EQ(result.consumed, input.size());
    ASSERT_EQ(args.size(), 2u);
    EXPECT_EQ(args[1].data(), input.data() + 17);
}

TEST(RequestParser, EmptyRequestsAreSkipped) {
    EXPECT_EQ(feed("*0\r\n\r\n*-1\r\n*-77\r\n \n\nPING\r\n*0\r\n").commands, (std::vector<Words>{{"PING"}}));
}

TEST(RequestParser, SkippedBytesCountAsConsumedWhenTheRestIsIncomplete) {
    std::string input = "*0\r\n\r\n*1\r\n$4\r\nPI";
    RequestParser parser;
    std::vector<std::string_view> args;
    const auto result = parser.parse(input, {}, args);
    EXPECT_EQ(result.status, ParseStatus::incomplete);
    EXPECT_EQ(result.consumed, 6u);
    EXPECT_EQ(parser.needed(), 14u);
    EXPECT_TRUE(parser.pending());
}

TEST(RequestParser, InlineWordsAndQuotes) {
    EXPECT_EQ(feed("  SET\tkey  \"a \\x41\\n\\q\" 'it\\'s \\n' x\"y z\"\r\n").commands,
              (std::vector<Words>{{"SET", "key", "a A\nq", "it's \\n", "xy z"}}));
    EXPECT_EQ(feed("GET \"\" '' \"\\xzz\\\"\"\n").commands, (std::vector<Words>{{"GET", "", "", "xzz\""}}));
    EXPECT_EQ(feed("a\vb \vc\f\r\n").commands, (std::vector<Words>{{"a\vb", "c\f"}}));
}

TEST(RequestParser, InlineRequestsAreMarked) {
    RequestParser parser;
    std::vector<std::string_view> args;
    std::string after_an_empty_array = "*0\r\nGET \"k\"\r\n";
    EXPECT_TRUE(parser.parse(after_an_empty_array, {}, args).was_inline);
    std::string array = "\r\n*1\r\n$4\r\nPING\r\n";
    EXPECT_FALSE(parser.parse(array, {}, args).was_inline);
    std::string unusual = "*1\r\n$4\rxPING..";
    EXPECT_FALSE(parser.parse(unusual, {}, args).was_inline);
}

TEST(RequestParser, UnbalancedQuotes) {
    const std::string expected = "ERR Protocol error: unbalanced quotes in request";
    for (const char* line :
         {"GET \"a\r\n", "GET 'a\r\n", "GET \"a\"b\r\n", "GET 'a'b\r\n", "GET \"a\\\"\r\n", "'\n"})
        EXPECT_EQ(protocol_error(line), expected) << line;
}

TEST(RequestParser, ProtocolErrors) {
    const auto error = [](std::string_view what) { return "ERR Protocol error: " + std::string(what); };
    for (const char* bad : {"*x\r\n", "*\r\n", "*01\r\n", "*+1\r\n", "*2147483648\r\n", "* 1\r\n", "*1 \r\n",
                            "*99999999999999999999\r\n", "*1\n$4\nPING\n\r\n"})
        EXPECT_EQ(protocol_error(bad), error("invalid multibulk length")) << bad;
    for (const char* bad : {"*1\r\n$-1\r\n", "*1\r\n$\r\n", "*1\r\n$04\r\n", "*1\r\n$536870913\r\n",
                            "*1\r\n$1x\r\n", "*1\r\n$99999999999999999999\r\n"})
        EXPECT_EQ(protocol_error(bad), error("invalid bulk length")) << bad;
    EXPECT_EQ(protocol_error("*1\r\nPING\r\n"), error("expected '$', got 'P'"));
    EXPECT_EQ(protocol_error("*2\r\n$1\r\na\r\n\r\n"), error("expected '$', got '\r'"));
    EXPECT_EQ(protocol_error("*1\r\n*1\r\n"), error("expected '$', got '*'"));
    // Only the whole line tells: until then it's incomplete.
    EXPECT_EQ(protocol_error("*1\r\nPING"), "");
}

TEST(RequestParser, LinesAreBounded) {
    const std::string digits(RequestParser::kMaxLineBytes + 1, '1');
    EXPECT_EQ(protocol_error("*" + digits), "ERR Protocol error: too big mbulk count string");
    EXPECT_EQ(protocol_error("*1\r\n$" + digits), "ERR Protocol error: too big bulk count string");
    EXPECT_EQ(protocol_error(digits), "ERR Protocol error: too big inline request");
    EXPECT_EQ(protocol_error(digits.substr(1)), "");
    // However much arrives at once.
    EXPECT_EQ(protocol_error(digits + "\r\n"), "ERR Protocol error: too big inline request");
    EXPECT_EQ(protocol_error("*" + digits + "\r\n"), "ERR Protocol error: too big mbulk count string");
}

TEST(RequestParser, LimitsBeforeAuthentication) {
    const ParseLimits stranger{.authenticated = false};
    EXPECT_EQ(protocol_error("*11\r\n", stranger), "ERR Protocol error: unauthenticated multibulk length");
    EXPECT_EQ(protocol_error("*1\r\n$16385\r\n", stranger),
              "ERR Protocol error: unauthenticated bulk length");
    EXPECT_EQ(protocol_error("*10\r\n$16384\r\n", stranger), "");
    const std::string argument = "$16384\r\n" + std::string(16384, 'x') + "\r\n";
    std::string ten = "*10\r\n";
    for (int i = 0; i < 10; ++i) ten += argument;
    EXPECT_EQ(feed(ten, stranger).commands.size(), 1u);
}

TEST(RequestParser, BulkLimitFollowsTheConfiguration) {
    const ParseLimits limits{.max_bulk_bytes = 4};
    EXPECT_EQ(feed("*1\r\n$4\r\nPING\r\n", limits).commands.size(), 1u);
    EXPECT_EQ(protocol_error("*1\r\n$5\r\nHELLO\r\n", limits), "ERR Protocol error: invalid bulk length");
}

TEST(RequestParser, TellsHowMuchABigBulkStillNeeds) {
    std::string input = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc";
    RequestParser parser;
    std::vector<std::string_view> args;
    EXPECT_EQ(parser.parse(input, {}, args).status, ParseStatus::incomplete);
    EXPECT_EQ(parser.needed(), input.size() - 3 + 536870912 + 2);
}

TEST(RequestParser, BytesAfterAnErrorAreNotLookedAt) {
    const Outcome outcome = feed("PING\r\n*x\r\nPING\r\n");
    EXPECT_EQ(outcome.commands, (std::vector<Words>{{"PING"}}));
    EXPECT_EQ(outcome.error, "ERR Protocol error: invalid multibulk length");
}

TEST(RequestParser, EverySplitGivesTheSame) {
    const std::string stream =
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\n\r\n$5\r\nhello!\r\n\r\n*0\r\nSET k \"a b\\x41\"\r\n"
        "*2\r\n$3\r\nGET\r\n$0\r\n\r\n*-1\r\n*1\r\n$1\r\nx\r\n*1\r\n$q\r\n";
    const Outcome whole = feed(stream);
    EXPECT_EQ(whole.commands.size(), 4u);
    EXPECT_FALSE(whole.error.empty());
    std::vector<size_t> each;
    for (size_t cut = 1; cut < stream.size(); ++cut) {
        EXPECT_EQ(feed(stream, std::vector<size_t>{cut}), whole) << cut;
        each.push_back(cut);
    }
    EXPECT_EQ(feed(stream, each), whole);
    Rng random(7);
    for (int round = 0; round < 500; ++round) {
        std::vector<size_t> cuts;
        for (size_t at = 1 + random.below(20); at < stream.size(); at += 1 + random.below(20))
            cuts.push_back(at);
        EXPECT_EQ(feed(stream, cuts), whole) << round;
    }
}

TEST(RequestParser, ManyArgumentsInManyPieces) {
    std::string stream = "*100001\r\n$4\r\nMGET\r\n";
    for (int i = 0; i < 100000; ++i) stream += "$2\r\nkk\r\n";
    RequestParser parser;
    std::vector<std::string_view> args;
    for (size_t size = 1000; size < stream.size(); size += 1000)
        ASSERT_EQ(parser.parse(std::span(stream.data(), size), {}, args).status, ParseStatus::incomplete);
    ASSERT_EQ(parser.parse(stream, {}, args).status, ParseStatus::command);
    EXPECT_EQ(args.size(), 100001u);
    EXPECT_EQ(args.back(), "kk");
}

}  // namespace
}  // namespace torc
