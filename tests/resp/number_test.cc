#include "resp/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/rng.h"

namespace torc {
namespace {

std::string print(double value) {
    char text[kMaxDoubleChars];
    return {text, format_double(text, value)};
}

TEST(Number, IntegersHaveOneForm) {
    EXPECT_EQ(parse_integer("0"), 0);
    EXPECT_EQ(parse_integer("-1"), -1);
    EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<int64_t>::max());
    EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<int64_t>::min());
    for (const char* bad : {"", "-", "+1", "01", "-0", "00", " 1", "1 ", "1.0", "0x1", "1e3", "--1",
                            "9223372036854775808", "-9223372036854775809", "18446744073709551616",
                            "99999999999999999999", "-99999999999999999999", "100000000000000000000"})
        EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_integer(std::string_view("1\0", 2)), std::nullopt);
}

TEST(Number, IntegersReadBack) {
    Rng random(1);
    for (int i = 0; i < 10000; ++i) {
        const auto value =
            static_cast<int64_t>(random.next() >> random.below(64)) * (random.one_in(2) ? -1 : 1);
        char text[kMaxIntegerChars];
        EXPECT_EQ(parse_integer({text, format_integer(text, value)}), value);
    }
}

TEST(Number, DoublesAreReadAsTheCLibraryReadsThem) {
    EXPECT_EQ(parse_double("3.5"), 3.5);
    EXPECT_EQ(parse_double("+3.5e1"), 35.0);
    EXPECT_EQ(parse_double("0x10"), 16.0);
    EXPECT_EQ(parse_double("-inf"), -INFINITY);
    EXPECT_EQ(parse_double("Infinity"), INFINITY);
    EXPECT_EQ(parse_long_double("1e4000"), 1e4000L);
    for (const char* bad : {"", " 1", "1 ", "nan", "-nan", "abc", "1e400", "1e-5000", "1..2"})
        EXPECT_EQ(parse_double(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_double(std::string_view("1\0", 2)), std::nullopt);
    EXPECT_EQ(parse_long_double(std::string(4000, '1')),
              parse_long_double("0." + std::string(200, '1') + "e4000"));
    EXPECT_EQ(parse_long_double(std::string(5120, '0')), std::nullopt);
}

TEST(Number, DoublesArePrintedShortest) {
    EXPECT_EQ(print(0), "0");
    EXPECT_EQ(print(-0.0), "-0");
    EXPECT_EQ(print(3), "3");
    EXPECT_EQ(print(-17), "-17");
    EXPECT_EQ(print(0.1), "0.1");
    EXPECT_EQ(print(-123.456), "-123.456");
    EXPECT_EQ(print(1e15), "1000000000000000");
    EXPECT_EQ(print(1e21), "1e+21");
    EXPECT_EQ(print(1.5e300), "1.5e+300");
    EXPECT_EQ(print(0.0001), "0.0001");
    EXPECT_EQ(print(1e-7), "1e-7");
    EXPECT_EQ(print(1e-6), "0.000001");
    EXPECT_EQ(print(1.25e-5), "1.25e-5");
    EXPECT_EQ(print(INFINITY), "inf");
    EXPECT_EQ(print(-INFINITY), "-inf");
    EXPECT_EQ(print(NAN), "nan");
}

TEST(Number, DoublesReadBack) {
    Rng random(2);
    for (int i = 0; i < 20000; ++i) {
        const uint64_t bits = random.next();
        double value;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isnormal(value)) continue;
        EXPECT_EQ(parse_double(print(value)), value) << print(value);
    }
}

TEST(Number, LongDoublesArePrintedWithoutExponent) {
    EXPECT_EQ(format_long_double(3.0L), "3");
    EXPECT_EQ(format_long_double(-0.0L), "0");
    EXPECT_EQ(format_long_double(10.6L), "10.6");
    EXPECT_EQ(format_long_double(100.0L), "100");
    EXPECT_EQ(format_long_double(-1e-17L), "-0.00000000000000001");
    EXPECT_EQ(format_long_double(1e20L), "100000000000000000000");
}

}  // namespace
}  // namespace torc
