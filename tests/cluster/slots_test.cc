#include "cluster/slots.h"

#include <gtest/gtest.h>

#include <string>

namespace torc {
namespace {

TEST(Slots, CrcMatchesThePublishedCheckValue) { EXPECT_EQ(crc16("123456789"), 0x31C3); }

TEST(Slots, LongInputsAgreeWithTheDefinitionBitByBit) {
    std::string bytes;
    for (int length = 0; length < 100; ++length) {
        uint16_t expected = 0;
        for (const char c : bytes) {
            expected = static_cast<uint16_t>(expected ^ (static_cast<uint8_t>(c) << 8));
            for (int bit = 0; bit < 8; ++bit)
                expected = static_cast<uint16_t>((expected & 0x8000) != 0 ? (expected << 1) ^ 0x1021 : expected << 1);
        }
        ASSERT_EQ(crc16(bytes), expected) << length;
        bytes.push_back(static_cast<char>(length * 37 + 11));
    }
}

TEST(Slots, OnlyANonEmptyFirstTagCounts) {
    EXPECT_EQ(key_slot("{user1000}.following"), key_slot("user1000"));
    EXPECT_EQ(key_slot("foo{}{bar}"), crc16("foo{}{bar}") % 16384);
    EXPECT_EQ(key_slot("foo{{bar}}zap"), key_slot("{bar"));
    EXPECT_EQ(key_slot("foo{bar}{zap}"), key_slot("bar"));
    EXPECT_EQ(key_slot("no{close"), crc16("no{close") % 16384);
}

TEST(Slots, KnownSlots) {
    EXPECT_EQ(key_slot("foo"), 12182);
    EXPECT_EQ(key_slot("bar"), 5061);
    EXPECT_EQ(key_slot(""), 0);
}

}  // namespace
}  // namespace torc
