#include "repl/varint.h"

#include <gtest/gtest.h>

#include <vector>

namespace torc {
namespace {

TEST(Varint, ComesBackInTheExpectedSize) {
    const std::vector<std::pair<uint64_t, size_t>> sizes = {{0, 1},     {1, 1},     {127, 1},        {128, 2},
                                                            {16383, 2}, {16384, 3}, {UINT64_MAX, 10}};
    for (const auto& [value, size] : sizes) {
        std::string bytes;
        append_varint(bytes, value);
        EXPECT_EQ(bytes.size(), size);
        ByteReader from(bytes);
        EXPECT_EQ(from.varint(), value);
        EXPECT_TRUE(from.ok());
        EXPECT_EQ(from.left(), 0u);
    }
}

TEST(Varint, WideAndSigned) {
    const auto lowest = static_cast<__int128>(Wide{1} << 127);
    for (const __int128 value :
         {__int128{0}, __int128{-1}, __int128{1}, __int128{INT64_MIN}, lowest, -(lowest + 1)}) {
        std::string bytes;
        append_wide_varint(bytes, zigzag(value));
        ByteReader from(bytes);
        EXPECT_TRUE(unzigzag(from.wide_varint()) == value);
        EXPECT_TRUE(from.ok());
    }
    EXPECT_TRUE(zigzag(-1) == 1 && zigzag(1) == 2);
}

TEST(Varint, OneFormForEachNumberAndNoneTooLarge) {
    for (const std::string& bytes :
         {std::string("\x80\x00", 2), std::string("\xff\x00", 2), std::string("\x80", 1),
          std::string(9, '\xff') + '\x02', std::string(10, '\xff') + '\x01'}) {
        ByteReader from(bytes);
        EXPECT_EQ(from.varint(), 0u);
        EXPECT_FALSE(from.ok());
    }
    const std::string wide = std::string(18, '\xff') + '\x04';
    ByteReader from(wide);
    EXPECT_TRUE(from.wide_varint() == 0);
    EXPECT_FALSE(from.ok());
}

TEST(ByteReader, StaysInsideAndStaysFailed) {
    ByteReader from("\x01\x02\x03");
    EXPECT_EQ(from.fixed<uint16_t>(), 0x0201);
    EXPECT_EQ(from.fixed<uint16_t>(), 0);
    EXPECT_FALSE(from.ok());
    EXPECT_EQ(from.bytes(1), "");
    EXPECT_FALSE(from.ok());
    EXPECT_EQ(from.left(), 0u);
}

}  // namespace
}  // namespace torc
