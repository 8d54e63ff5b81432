#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/repl/cell_fixture.h"

namespace torc {
namespace {

using ContextToken = ThreeReplicas;

TEST_F(ContextToken, IsPrintableAndComesBack) {
    EXPECT_EQ(parse_context_token(context_token({})), Context{});
    a.set("1");
    b.set("2");
    b.incr(7);
    exchange(a, b);
    a.incr_decimal(-0.5);
    for (const std::string& cell : {a.cell, b.cell}) {
        const Context context = view_of(cell).context();
        const std::string token = context_token(context);
        for (const char c : token)
            EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_');
        EXPECT_EQ(parse_context_token(token), context);
    }
    EXPECT_EQ(a.view().context().totals.size(), 2u);
    Context with_floor = a.view().context();
    with_floor.floor = 77;
    EXPECT_EQ(parse_context_token(context_token(with_floor)), with_floor);
}

TEST_F(ContextToken, AnyChangedCutOrAddedLetterIsRefused) {
    a.set("1");
    a.incr(1000);
    const std::string token = context_token(a.view().context());
    for (size_t i = 0; i < token.size(); ++i) {
        EXPECT_FALSE(parse_context_token(token.substr(0, i))) << i;
        for (const char c : std::string_view("Aa0_-=+ \0\xff", 10)) {
            std::string other = token;
            if (other[i] == c) continue;
            other[i] = c;
            EXPECT_FALSE(parse_context_token(other)) << i << ' ' << c;
        }
    }
    EXPECT_FALSE(parse_context_token(token + "A"));
    EXPECT_FALSE(parse_context_token(token + token));
    EXPECT_FALSE(parse_context_token(std::string(3 << 20, 'A')));
}

TEST_F(ContextToken, RandomLettersAreRefused) {
    constexpr uint64_t kSeed = 11;
    SCOPED_TRACE(kSeed);
    Rng rng(kSeed);
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < 50'000; ++i) {
        std::string token = i % 2 == 0 ? "AQ" : "Ag";  // the version
        for (uint64_t n = rng.below(80); n > 0; --n) token += kLetters[rng.below(kLetters.size())];
        EXPECT_FALSE(parse_context_token(token)) << token;
    }
}

}  // namespace
}  // namespace torc
