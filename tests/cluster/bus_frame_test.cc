#include "cluster/bus_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/coding.h"
#include "base/rng.h"

namespace torc {
namespace {

using Status = BusFrame::Status;

std::string framed(std::string_view payload) {
    Buffer buffer;
    append_bus_frame(buffer, payload);
    return std::string(buffer.view());
}

/// What a receiver makes of a stream that comes in pieces of `piece` bytes.
struct Received {
    std::vector<std::string> payloads;
    bool broken = false;
};
Received receive(std::string_view stream, size_t piece, size_t max_payload = kMaxBusFrame) {
    Received received;
    Buffer input;
    while (!stream.empty() && !received.broken) {
        input.append(stream.substr(0, piece));
        stream.remove_prefix(std::min(piece, stream.size()));
        BusFrame frame;
        while ((frame = first_bus_frame(input.view(), max_payload)).status == Status::whole) {
            received.payloads.emplace_back(frame.payload);
            input.consume(frame.size);
        }
        received.broken = frame.status == Status::broken;
    }
    return received;
}

TEST(BusFrame, BytesAreAsDocumented) {
    const std::string bytes = framed("abc");
    ASSERT_EQ(bytes.size(), kBusFrameHeader + 3);
    EXPECT_EQ(load_le<uint32_t>(bytes.data()), 3u);
    EXPECT_EQ(bytes.substr(kBusFrameHeader), "abc");
}

TEST(BusFrame, AStreamCutAnywhereGivesTheSameFrames) {
    const std::vector<std::string> sent = {"a", std::string(1000, 'b'), std::string("\0\0", 2), "end"};
    std::string stream;
    for (const std::string& payload : sent) stream += framed(payload);
    for (size_t piece = 1; piece <= stream.size(); ++piece) {
        const Received received = receive(stream, piece);
        EXPECT_FALSE(received.broken) << piece;
        EXPECT_EQ(received.payloads, sent) << piece;
    }
}

TEST(BusFrame, AnUnfinishedFrameSaysHowMuchIsMissing) {
    const std::string bytes = framed("hello");
    for (size_t n = 0; n < bytes.size(); ++n) {
        const BusFrame frame = first_bus_frame(std::string_view(bytes).substr(0, n));
        EXPECT_EQ(frame.status, Status::incomplete) << n;
        EXPECT_EQ(frame.size, n < 4 ? kBusFrameHeader : bytes.size()) << n;
    }
}

TEST(BusFrame, EveryFlippedBitIsSeen) {
    // Behind it stands more, so that a length that grew finds bytes to be checked.
    const std::string tail(300, 'x');
    const std::string bytes = framed("the payload of a frame");
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string damaged = bytes + tail;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_NE(first_bus_frame(damaged).status, Status::whole) << "bit " << bit;
    }
}

TEST(BusFrame, LengthsOutOfBoundsAreRefusedBeforeTheirBytesCome) {
    std::string header;
    append_le(header, uint32_t{0});
    EXPECT_EQ(first_bus_frame(header).status, Status::broken) << "an empty frame";
    store_le(header.data(), static_cast<uint32_t>(kMaxBusFrame + 1));
    EXPECT_EQ(first_bus_frame(header).status, Status::broken);
    store_le(header.data(), static_cast<uint32_t>(kMaxBusFrame));
    EXPECT_EQ(first_bus_frame(header).status, Status::incomplete);
    EXPECT_EQ(first_bus_frame(header, 100).status, Status::broken) << "above the caller's bound";
    EXPECT_EQ(first_bus_frame(framed(std::string(100, 'p')), 100).status, Status::whole);
    EXPECT_EQ(first_bus_frame(framed(std::string(101, 'p')), 100).status, Status::broken);
}

TEST(BusFrame, ZeroesAreNoFrames) {
    EXPECT_EQ(first_bus_frame(std::string(64, '\0')).status, Status::broken);
}

TEST(BusFrame, RandomBytesAreNoFrames) {
    constexpr uint64_t kSeed = 11;
    Rng rng(kSeed);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(rng.below(64), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (bytes.size() >= 4 && rng.one_in(2)) store_le(bytes.data(), static_cast<uint32_t>(rng.below(64)));
        ASSERT_NE(first_bus_frame(bytes).status, Status::whole) << "seed " << kSeed << ", round " << round;
    }
}

}  // namespace
}  // namespace torc
