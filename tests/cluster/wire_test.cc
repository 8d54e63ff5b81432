#include "cluster/wire.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

std::string one_of_each() {
    WireWriter writer;
    writer.u8(0xfe);
    writer.u16(0xfedc);
    writer.u32(0xfedcba98);
    writer.u64(0xfedcba9876543210);
    writer.i64(-5);
    writer.varint(300);
    writer.string("hello");
    writer.raw("tail");
    return writer.take();
}

TEST(Wire, FieldsComeBackAsTheyWereWritten) {
    const std::string bytes = one_of_each();
    WireReader reader(bytes);
    EXPECT_EQ(reader.u8(), 0xfe);
    EXPECT_EQ(reader.u16(), 0xfedc);
    EXPECT_EQ(reader.u32(), 0xfedcba98);
    EXPECT_EQ(reader.u64(), 0xfedcba9876543210);
    EXPECT_EQ(reader.i64(), -5);
    EXPECT_EQ(reader.varint(), 300u);
    EXPECT_EQ(reader.string(5), "hello");
    EXPECT_EQ(reader.left(), 4u);
    EXPECT_FALSE(reader.finished());
    EXPECT_EQ(reader.raw(4), "tail");
    EXPECT_TRUE(reader.finished());
}

TEST(Wire, IntegersAreLittleEndian) {
    WireWriter writer;
    writer.u32(0x01020304);
    EXPECT_EQ(writer.size(), 4u);
    EXPECT_EQ(writer.bytes(), std::string("\x04\x03\x02\x01", 4));
}

TEST(Wire, TakingBeginsAnew) {
    WireWriter writer;
    writer.u8(7);
    EXPECT_EQ(writer.take(), "\x07");
    EXPECT_EQ(writer.size(), 0u);
}

TEST(Wire, VarintsOfEveryLength) {
    for (unsigned bits = 0; bits <= 64; ++bits) {
        for (const uint64_t value :
             {bits == 64 ? kMax : (uint64_t{1} << bits) - 1, bits == 64 ? kMax - 1 : uint64_t{1} << bits}) {
            WireWriter writer;
            writer.varint(value);
            WireReader reader(writer.bytes());
            EXPECT_EQ(reader.varint(), value);
            EXPECT_TRUE(reader.finished()) << value;
        }
    }
    WireWriter writer;
    writer.varint(127);
    EXPECT_EQ(writer.size(), 1u);
    writer.varint(kMax);
    EXPECT_EQ(writer.size(), 11u);
}

TEST(Wire, AVarintHasOneForm) {
    const std::vector<std::string> wrong = {
        std::string("\x80\x00", 2),                                // 0 in two bytes
        std::string("\xff\x80\x00", 3),                            // 127 in three
        std::string(9, '\xff') + "\x02",                           // a 65th bit
        std::string(10, '\xff') + "\x01",                          // eleven bytes
        std::string(9, '\x80') + '\0',    std::string("\x80", 1),  // no last byte
    };
    for (const std::string& bytes : wrong) {
        WireReader reader(bytes);
        EXPECT_EQ(reader.varint(), 0u);
        EXPECT_FALSE(reader.ok()) << testing::PrintToString(bytes);
    }
}

TEST(Wire, BoundsOfCountsAndStrings) {
    WireWriter writer;
    writer.varint(10);
    writer.string("abc");
    WireReader exact(writer.bytes());
    EXPECT_EQ(exact.varint(10), 10u);
    EXPECT_EQ(exact.string(3), "abc");
    EXPECT_TRUE(exact.finished());
    WireReader count(writer.bytes());
    EXPECT_EQ(count.varint(9), 0u);
    EXPECT_FALSE(count.ok());
    WireReader text(writer.bytes());
    text.varint();
    EXPECT_EQ(text.string(2), "");
    EXPECT_FALSE(text.ok());
}

TEST(Wire, AFailureStays) {
    WireReader reader("\x01\x02\x03");
    EXPECT_EQ(reader.u64(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);  // though bytes were there
    EXPECT_EQ(reader.string(100), "");
    EXPECT_EQ(reader.raw(0), "");
    EXPECT_EQ(reader.left(), 0u);
    EXPECT_FALSE(reader.finished());
}

TEST(Wire, ACodecMayFailTheReader) {
    WireReader reader("abc");
    EXPECT_EQ(reader.u8(), 'a');
    reader.fail();
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);
}

TEST(Wire, EveryTruncationIsSeen) {
    const std::string whole = one_of_each();
    for (size_t length = 0; length < whole.size(); ++length) {
        const std::string bytes = whole.substr(0, length);
        WireReader reader(bytes);
        reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.i64(), reader.varint(),
            reader.string(5);
        reader.raw(4);
        EXPECT_FALSE(reader.ok()) << length;
    }
}

// Under AddressSanitizer this finds a read past the end; here, that what is read never exceeds what is there.
TEST(Wire, RandomBytesInRandomOrder) {
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        Rng rng(seed);
        std::string bytes(rng.below(40), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        const std::string copy(bytes);
        WireReader reader(copy);
        for (int step = 0; step < 30; ++step) {
            const size_t before = reader.left();
            switch (rng.below(7)) {
                case 0:
                    reader.u8();
                    break;
                case 1:
                    reader.u16();
                    break;
                case 2:
                    reader.u32();
                    break;
                case 3:
                    reader.u64();
                    break;
                case 4:
                    reader.varint();
                    break;
                case 5:
                    EXPECT_LE(reader.string(20).size(), 20u) << "seed " << seed;
                    break;
                case 6:
                    EXPECT_LE(reader.raw(rng.next() >> rng.below(64)).size(), before) << "seed " << seed;
                    break;
            }
            EXPECT_LE(reader.left(), before) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace torc
