#include "base/crc64.h"

#include <gtest/gtest.h>

#include <string>

namespace torc {
namespace {

TEST(Crc64, HasJonesCheckValue) {
    EXPECT_EQ(crc64("123456789"), 0xe9c6d914c4b8d9caULL);
    EXPECT_EQ(crc64(""), 0U);
}

TEST(Crc64, GoesOnWhereItStopped) {
    const std::string bytes = "The pieces are shorter and longer than eight bytes, and their borders move.";
    const uint64_t whole = crc64(bytes);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        const std::string_view view(bytes);
        EXPECT_EQ(crc64(view.substr(cut), crc64(view.substr(0, cut))), whole) << cut;
    }
}

TEST(Crc64, NoticesEveryFlippedBit) {
    std::string bytes = "twenty-one bytes here";
    const uint64_t whole = crc64(bytes);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        const auto flip = static_cast<char>(1 << (bit % 8));
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ flip);
        EXPECT_NE(crc64(bytes), whole) << bit;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ flip);
    }
}

}  // namespace
}  // namespace torc
