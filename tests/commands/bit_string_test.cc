#include "commands/bit_string.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace torc {
namespace {

bool bit_at(std::string_view bytes, uint64_t at) {
    return (bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

std::string random_bytes(Rng& random, size_t size) {
    std::string bytes(size, '\0');
    // Long runs of equal bytes make the word-wise paths work.
    for (char& c : bytes)
        c = random.one_in(8) ? static_cast<char>(random.next()) : random.one_in(30) ? '\xff' : '\0';
    return bytes;
}

TEST(BitString, CountAndFindAgreeWithBitByBit) {
    Rng random(3);
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = random_bytes(random, 1 + random.below(60));
        if (random.one_in(2))
            for (char& c : bytes) c = static_cast<char>(~c);
        const uint64_t first = random.below(bytes.size() * 8);
        const uint64_t last = first + random.below(bytes.size() * 8 - first);
        uint64_t ones = 0;
        std::optional<uint64_t> found[2];
        for (uint64_t at = first; at <= last; ++at) {
            ones += bit_at(bytes, at);
            if (!found[bit_at(bytes, at)]) found[bit_at(bytes, at)] = at;
        }
        EXPECT_EQ(bits::count(bytes, first, last), ones);
        EXPECT_EQ(bits::find(bytes, true, first, last), found[1]);
        EXPECT_EQ(bits::find(bytes, false, first, last), found[0]);
    }
}

TEST(BitString, FieldsReadBackAndLeaveTheRestAlone) {
    Rng random(4);
    for (int round = 0; round < 5000; ++round) {
        std::string bytes(20, static_cast<char>(random.next()));
        const std::string before = bytes;
        const auto width = static_cast<unsigned>(1 + random.below(64));
        const uint64_t offset = random.below(bytes.size() * 8 - width + 1);
        const uint64_t value = random.next() & (~uint64_t{0} >> (64 - width));
        bits::write(bytes, offset, width, value);
        EXPECT_EQ(bits::read(bytes, offset, width), value);
        for (uint64_t at = 0; at < bytes.size() * 8; ++at)
            if (at < offset || at >= offset + width) {
                EXPECT_EQ(bit_at(bytes, at), bit_at(before, at));
            }
    }
}

TEST(BitString, BehindTheEndAreZeros) {
    EXPECT_EQ(bits::read("\xff", 4, 8), 0xf0u);
    EXPECT_EQ(bits::read("", 1000, 64), 0u);
}

}  // namespace
}  // namespace torc
