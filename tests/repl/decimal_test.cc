#include "repl/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"

namespace torc {
namespace {

std::string shown(const Decimal& decimal) {
    std::string text;
    append_decimal(text, decimal);
    return text;
}

std::string sum(std::string_view a, std::string_view b) {
    Decimal total = *parse_decimal(a);
    EXPECT_TRUE(add_decimal(total, *parse_decimal(b)));
    return shown(total);
}

TEST(Decimal, ReadsAndPrintsTheShortForm) {
    for (const char* text : {"0", "1", "-1", "0.5", "-0.25", "12345678901.1", "0.00000000000000001",
                             "-0.00000000000000001", "-99999999999999999999999999999.99999999999999999"})
        EXPECT_EQ(shown(*parse_decimal(text)), text);
    EXPECT_EQ(shown(*parse_decimal("1.50")), "1.5");
    EXPECT_EQ(shown(*parse_decimal("-0")), "0");
    EXPECT_EQ(shown(*parse_decimal("007")), "7");
}

TEST(Decimal, RefusesWhatItCannotHoldExactly) {
    for (const char* text : {"", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1e3", "0x1", "inf", "nan", "1.2.3",
                             "--1", "0.000000000000000001", "12345678901234567890123456789012345678"})
        EXPECT_FALSE(parse_decimal(text)) << text;
}

TEST(Decimal, AddsAcrossThePointAndTheSign) {
    EXPECT_EQ(sum("0.1", "0.2"), "0.3");
    EXPECT_EQ(sum("0.75", "0.5"), "1.25");
    EXPECT_EQ(sum("-0.25", "0.5"), "0.25");
    EXPECT_EQ(sum("0.25", "-0.5"), "-0.25");
    EXPECT_EQ(sum("-1.5", "-1.75"), "-3.25");
    EXPECT_EQ(sum("1", "-1"), "0");
}

TEST(Decimal, SubtractingUndoesAdding) {
    Rng rng(7);
    for (int i = 0; i < 10'000; ++i) {
        const Decimal a{static_cast<int64_t>(rng.next()), rng.below(Decimal::kOne)};
        const Decimal b{static_cast<int64_t>(rng.next()), rng.below(Decimal::kOne)};
        Decimal c = a;
        ASSERT_TRUE(add_decimal(c, b));
        ASSERT_TRUE(subtract_decimal(c, b));
        ASSERT_EQ(c, a);
        ASSERT_EQ(*parse_decimal(shown(a)), a);
    }
}

TEST(Decimal, OverflowIsTold) {
    const auto highest = static_cast<__int128>(~static_cast<unsigned __int128>(0) >> 1);
    Decimal large{highest, Decimal::kOne - 1};
    EXPECT_EQ(shown(large), "170141183460469231731687303715884105727.99999999999999999");
    EXPECT_FALSE(add_decimal(large, {0, 1}));
    Decimal low{-highest - 1, 0};
    EXPECT_EQ(shown(low), "-170141183460469231731687303715884105728");
    EXPECT_FALSE(subtract_decimal(low, {0, 1}));
}

TEST(Decimal, OfALongDouble) {
    EXPECT_EQ(shown(*decimal_of(0.1L)), "0.1");
    EXPECT_EQ(shown(*decimal_of(-3.5L)), "-3.5");
    EXPECT_EQ(shown(*decimal_of(1e20L)), "100000000000000000000");
    EXPECT_EQ(shown(*decimal_of(1e-20L)), "0");
    EXPECT_FALSE(decimal_of(1e37L));
    EXPECT_FALSE(decimal_of(std::numeric_limits<long double>::infinity()));
    EXPECT_FALSE(decimal_of(std::nanl("")));
}

TEST(Decimal, ApproximateTakesWhatTheCommandsTake) {
    EXPECT_EQ(parse_approximate("1e3"), 1000.0L);
    EXPECT_EQ(parse_approximate("0x10"), 16.0L);
    EXPECT_EQ(parse_approximate("+5"), 5.0L);
    for (const char* text : {"", " 1", "1 ", "abc", "nan", "inf", "1e5000"})
        EXPECT_FALSE(parse_approximate(text)) << text;
    std::string text;
    append_approximate(text, 1e3L);
    append_approximate(text, -0.0L);
    EXPECT_EQ(text, "10000");
}

}  // namespace
}  // namespace torc
