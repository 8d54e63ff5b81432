#include "cluster/slots.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(Slots, CrcMatchesThePublishedCheckValue) { EXPECT_EQ(crc16("123456789"), 0x31C3); }

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
