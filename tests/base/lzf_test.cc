#include "base/lzf.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace torc {
namespace {

using namespace std::string_literals;

void expect_round_trip(const std::string& bytes) {
    const auto packed = lzf_compress(bytes, bytes.size() * 2 + 16);
    ASSERT_TRUE(packed);
    const auto back = lzf_decompress(*packed, bytes.size());
    ASSERT_TRUE(back) << bytes.size();
    EXPECT_EQ(*back, bytes);
}

TEST(Lzf, RoundTripsWhateverTheContent) {
    Rng rng(7);
    for (const unsigned alphabet : {1U, 2U, 5U, 256U})
        for (const size_t size : {0, 1, 2, 3, 4, 31, 32, 33, 264, 265, 266, 267, 8192, 8200, 50000}) {
            std::string bytes;
            for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(rng.below(alphabet)));
            expect_round_trip(bytes);
        }
}

TEST(Lzf, ReachesBackExactlyAsFarAsTheFormatCan) {
    Rng rng(8);
    for (const size_t distance : {8190, 8191, 8192, 8193, 8194}) {
        std::string filler;
        for (size_t i = 0; i < distance - 6; ++i) filler.push_back(static_cast<char>(rng.below(128)));
        // Bytes above 127 stand nowhere else.
        expect_round_trip("\xf1\xf2\xf3\xf4\xf5\xf6"s + filler + "\xf1\xf2\xf3\xf4\xf5\xf6"s);
    }
}

TEST(Lzf, MakesRepetitionsSmall) {
    const auto packed = lzf_compress(std::string(1000, 'a'), 1000);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), 20U);
}

TEST(Lzf, GivesUpBeyondTheLimit) {
    EXPECT_FALSE(lzf_compress("abcdefghijklmnopqrstuvwxyz", 26));
    EXPECT_EQ(lzf_compress("abcdefghijklmnopqrstuvwxyz", 40),
              "\x19"
              "abcdefghijklmnopqrstuvwxyz");
    const auto packed = lzf_compress(std::string(1000, 'a'), 1000);
    EXPECT_FALSE(lzf_compress(std::string(1000, 'a'), packed->size() - 1));
}

TEST(Lzf, ReadsTheFormatByItsDescription) {
    EXPECT_EQ(lzf_decompress("\x02xyz"s, 3), "xyz");
    EXPECT_EQ(lzf_decompress("\x02xyz\x20\x02"s, 6), "xyzxyz");                   // length 3, offset 3
    EXPECT_EQ(lzf_decompress("\x00z\xe0\x05\x00"s, 15), std::string(15, 'z'));    // length 14, offset 1
    EXPECT_EQ(lzf_decompress("\x00z\xe0\xff\x00"s, 265), std::string(265, 'z'));  // the longest
}

TEST(Lzf, RefusesMalformedBytes) {
    EXPECT_FALSE(lzf_decompress("\x02xy"s, 3));                 // literals cut off
    EXPECT_FALSE(lzf_decompress("\x02xyz\x20"s, 6));            // offset missing
    EXPECT_FALSE(lzf_decompress("\x02xyz\xe0\x05"s, 20));       // offset missing after a long length
    EXPECT_FALSE(lzf_decompress("\x02xyz\x20\x03"s, 6));        // before the beginning
    EXPECT_FALSE(lzf_decompress("\x02xyz\x20\x02"s, 5));        // more than promised
    EXPECT_FALSE(lzf_decompress("\x02xyz\x20\x02"s, 7));        // less than promised
    EXPECT_FALSE(lzf_decompress("\x03wxyz"s, 3));               // literals beyond the promised size
    EXPECT_FALSE(lzf_decompress("\x02xyz"s, size_t{1} << 60));  // a size that no such input makes
}

TEST(Lzf, SurvivesNoise) {
    Rng rng(9);
    for (int round = 0; round < 20000; ++round) {
        std::string noise;
        for (size_t i = rng.below(24); i != 0; --i) noise.push_back(static_cast<char>(rng.below(256)));
        const size_t size = rng.below(400);
        const auto out = lzf_decompress(noise, size);
        EXPECT_TRUE(!out || out->size() == size);
    }
}

}  // namespace
}  // namespace torc
