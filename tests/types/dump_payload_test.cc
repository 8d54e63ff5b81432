#include "types/dump_payload.h"

#include <gtest/gtest.h>

#include <string>

#include "base/coding.h"
#include "base/crc64.h"

namespace torc {
namespace {

using namespace std::string_literals;

/// What redis-server 7.0.15 answers to DUMP.
const std::string kHello = "\x00\x05hello\x0a\x00\x63r\xdfve4 \x0a"s;
const std::string kInt8 = "\x00\xc0\x7b\x0a\x00H\xe2S\xe1\x00zg\xb9"s;                        // 123
const std::string kInt16 = "\x00\xc1\x7f\xff\x0a\x00\x17`\x82(T\x80\x84\x80"s;                // -129
const std::string kInt32 = "\x00\xc2p\x11\x01\x00\x0a\x00\x01\xa4\x08\xfe\x95\x30\x95\xa5"s;  // 70000
const std::string kBig = "\x00\x0a\x33\x30\x30\x30\x30\x30\x30\x30\x30\x30\x0a\x00\xe7\x07kyT\xbbyG"s;
const std::string kEmpty = "\x00\x00\x0a\x00]\x9b\\@\x0f\x7f\xa2\xda"s;
const std::string kHundredA =
    "\x00\xc3\x09@d\x01\x61\x61\xe0W\x00\x01\x61\x61\x0a\x00\xe8\xa3\xb5\x07\xb0m\xf2q"s;
/// "abcabcabcabcabcabc-" five times and "tail".
const std::string kPattern =
    "\x00\xc3\x17@c\x03\x61\x62\x63\x61\xe0\x05\x02\x00-\xe0\x06\x0f \x0e\xe0\x31\x12\x03tail\x0a\x00J\xd0\x16\x32\x00!i\xd9"s;
const std::string kList =
    "\x12\x01\x02\x0a\x0a\x00\x00\x00\x01\x00\x81\x61\x02\xff\x0a\x00\x09\xb9\xed\xf5\x94\xde\xd9\x95"s;

std::string pattern() {
    std::string bytes;
    for (int i = 0; i < 5; ++i) bytes += "abcabcabcabcabcabc-";
    return bytes + "tail";
}

std::string restored(std::string_view payload) {
    EXPECT_TRUE(payload_is_intact(payload));
    const auto value = read_payload(payload);
    return value ? value->bytes : "error: " + value.error().message;
}

/// A payload with a right footer around any value.
std::string sealed(std::string value, uint16_t version = 10) {
    append_le(value, version);
    append_le(value, crc64(value));
    return value;
}

TEST(DumpPayload, WritesTheBytesThatRedisWrites) {
    EXPECT_EQ(dump_string("hello", true), kHello);
    EXPECT_EQ(dump_string("123", true), kInt8);
    EXPECT_EQ(dump_string("-129", true), kInt16);
    EXPECT_EQ(dump_string("70000", true), kInt32);
    EXPECT_EQ(dump_string("3000000000", true), kBig);
    EXPECT_EQ(dump_string("", true), kEmpty);
    EXPECT_EQ(dump_string(std::string(100, 'a'), true), kHundredA);
    EXPECT_EQ(dump_string(pattern(), true), kPattern);
}

TEST(DumpPayload, ReadsTheBytesThatRedisWrites) {
    EXPECT_EQ(restored(kHello), "hello");
    EXPECT_EQ(restored(kInt8), "123");
    EXPECT_EQ(restored(kInt16), "-129");
    EXPECT_EQ(restored(kInt32), "70000");
    EXPECT_EQ(restored(kBig), "3000000000");
    EXPECT_EQ(restored(kEmpty), "");
    EXPECT_EQ(restored(kHundredA), std::string(100, 'a'));
    EXPECT_EQ(restored(kPattern), pattern());
}

TEST(DumpPayload, RoundTripsEveryFormOfLengthAndNumber) {
    for (const size_t size : {1, 20, 21, 63, 64, 16383, 16384, 100000}) {
        std::string noise;
        for (size_t i = 0; i < size; ++i) noise.push_back(static_cast<char>(i * i * 2654435761U >> 13));
        const std::string even(size, 'e');
        for (const bool compress : {false, true}) {
            EXPECT_EQ(restored(dump_string(noise, compress)), noise);
            EXPECT_EQ(restored(dump_string(even, compress)), even);
        }
    }
    for (const std::string number :
         {"0", "-1", "127", "128", "-128", "32767", "32768", "-32768", "-32769", "2147483647", "2147483648",
          "-2147483648", "-2147483649", "007", "-0", "+1", " 1", "1 ", "0x10"})
        EXPECT_EQ(restored(dump_string(number, true)), number);
}

TEST(DumpPayload, CompressesOnlyWhenAskedAndWhenItPays) {
    EXPECT_LT(dump_string(std::string(100, 'a'), true).size(), 40U);
    EXPECT_EQ(dump_string(std::string(100, 'a'), false).size(), 100U + 1 + 2 + 10);
    EXPECT_EQ(dump_string(std::string(20, 'a'), true).size(), 20U + 1 + 1 + 10);
}

TEST(DumpPayload, DamageAnywhereIsNoticed) {
    std::string payload = kHundredA;
    for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
        const auto flip = static_cast<char>(1 << (bit % 8));
        payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ flip);
        EXPECT_FALSE(payload_is_intact(payload)) << bit;
        payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ flip);
    }
    for (size_t size = 0; size < payload.size(); ++size)
        EXPECT_FALSE(payload_is_intact(std::string_view(payload).substr(0, size))) << size;
}

TEST(DumpPayload, VersionsUpToElevenAreRead) {
    EXPECT_TRUE(payload_is_intact(sealed("\x00\x01x"s, 1)));
    EXPECT_TRUE(payload_is_intact(sealed("\x00\x01x"s, 11)));
    EXPECT_FALSE(payload_is_intact(sealed("\x00\x01x"s, 12)));
}

TEST(DumpPayload, UnknownTypesAndBrokenValuesAreErrors) {
    EXPECT_EQ(restored(kList), "error: Bad data format");
    for (const std::string& value : {
             ""s,                                                      // nothing at all
             "\x00"s,                                                  // no length
             "\x00\x05hell"s,                                          // shorter than its length
             "\x00\x40"s,                                              // half a length
             "\x00\x80\x00\x00\x01"s,                                  // three quarters of one
             "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"s,              // more than there can be
             "\x00\x82"s,                                              // no such length
             "\x00\xc0"s,                                              // no integer
             "\x00\xc2\x01\x02\x03"s,                                  // three bytes of four
             "\x00\xc4\x01"s,                                          // no such encoding
             "\x00\xc3\x03\x03\x02xy"s,                                // compressed bytes cut off
             "\x00\xc3\x04\x05\x02xyz"s,                               // not the promised size
             "\x00\xc3\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00"s,  // a size that it can't make
             "\x00\xc3\xc0\x05\x00"s,                                  // an encoding for a length
         })
        EXPECT_EQ(restored(sealed(value)), "error: Bad data format") << ::testing::PrintToString(value);
}

}  // namespace
}  // namespace torc
