#include "engine/log_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/log_segment.h"

namespace torc {
namespace {

std::string joined(const std::vector<std::string_view>& pieces) {
    std::string all;
    for (const std::string_view piece : pieces) all += piece;
    return all;
}

TEST(LogBuffer, GivesBackBytesAndTheirPlace) {
    LogBuffer buffer;
    const auto segment = std::make_shared<LogSegment>();
    std::vector<std::string_view> pieces;
    LogBuffer::Peeked peeked;
    EXPECT_TRUE(buffer.empty());
    EXPECT_FALSE(buffer.peek(pieces, peeked));
    buffer.append(segment, 100, "abc");
    buffer.append(segment, 103, "def");
    buffer.end_frame(7);
    ASSERT_TRUE(buffer.peek(pieces, peeked));
    EXPECT_EQ(joined(pieces), "abcdef");
    EXPECT_EQ(peeked.offset, 100u);
    EXPECT_EQ(peeked.lsn, 7u);
    buffer.append(segment, 106, "ghi");  // while the first is being written
    buffer.end_frame(8);
    EXPECT_EQ(joined(pieces), "abcdef");
    buffer.consume(peeked);
    ASSERT_TRUE(buffer.peek(pieces, peeked));
    EXPECT_EQ(joined(pieces), "ghi");
    EXPECT_EQ(peeked.offset, 106u);
    EXPECT_EQ(peeked.lsn, 8u);
    buffer.consume(peeked);
    EXPECT_TRUE(buffer.empty());
    EXPECT_FALSE(buffer.peek(pieces, peeked));
}

TEST(LogBuffer, KeepsSegmentsApartAndInOrder) {
    LogBuffer buffer;
    const auto first = std::make_shared<LogSegment>(), second = std::make_shared<LogSegment>();
    buffer.append(first, 0, "one");
    buffer.end_frame(1);
    buffer.append(second, 0, "two");
    buffer.append_moved(second, 3, "and three");
    buffer.end_frame(2);
    buffer.append(second, 12, "four");
    buffer.end_frame(3);
    std::vector<std::string_view> pieces;
    LogBuffer::Peeked peeked;
    ASSERT_TRUE(buffer.peek(pieces, peeked));
    EXPECT_EQ(peeked.segment, first);
    EXPECT_EQ(joined(pieces), "one");
    EXPECT_EQ(peeked.lsn, 1u);
    buffer.consume(peeked);
    ASSERT_TRUE(buffer.peek(pieces, peeked));
    EXPECT_EQ(peeked.segment, second);
    EXPECT_EQ(joined(pieces), "twoand threefour");
    EXPECT_EQ(peeked.lsn, 3u);
    buffer.consume(peeked);
    EXPECT_TRUE(buffer.empty());
}

// A frame that is only partly in what one write takes isn't written with it.
TEST(LogBuffer, AnLsnCountsOnceItsFrameIsWhole) {
    LogBuffer buffer;
    const auto segment = std::make_shared<LogSegment>();
    buffer.append(segment, 0, "small");
    buffer.end_frame(1);
    const std::string large(65 * LogBuffer::kChunkBytes, 'x');  // more chunks than one write takes
    buffer.append(segment, 5, large);
    buffer.end_frame(2);
    std::vector<std::string_view> pieces;
    LogBuffer::Peeked peeked;
    uint64_t offset = 0;
    std::vector<Lsn> lsns;
    while (buffer.peek(pieces, peeked)) {
        EXPECT_EQ(peeked.offset, offset);
        offset += peeked.bytes;
        lsns.push_back(peeked.lsn);
        buffer.consume(peeked);
    }
    EXPECT_EQ(offset, 5 + large.size());
    EXPECT_EQ(lsns, (std::vector<Lsn>{1, 2}));
}

}  // namespace
}  // namespace torc
