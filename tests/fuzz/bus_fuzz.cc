// What comes in on the bus port. The first byte chooses:
//
//   framing    a stream in one piece and in pieces gives the same frames and the same error, and every
//   payload
//              lies in the input
//   stranger   a stream against either end of a handshake: the same outcome and answer however it is cut, and
//              without the secret never a link
//   tampering  two honest ends, and one bit flipped on the way: who reads it doesn't take the other for a
//   peer
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/check.h"
#include "base/rng.h"
#include "cluster/bus_frame.h"
#include "cluster/bus_handshake.h"

namespace {

using namespace torc;
using State = BusHandshake::State;

struct Frames {
    std::vector<std::string> payloads;
    bool broken = false;
    bool operator==(const Frames&) const = default;
};

// Each piece comes in memory of its exact size, so that the address sanitizer sees a look beyond it.
Frames read_frames(std::string_view stream, size_t piece, uint64_t seed) {
    Frames frames;
    Rng random(seed);
    std::string unread;
    while (!stream.empty()) {
        const size_t more = std::min<size_t>(1 + random.below(piece), stream.size());
        unread.append(stream.substr(0, more));
        stream.remove_prefix(more);
        for (;;) {
            const std::vector<char> input(unread.begin(), unread.end());
            const BusFrame frame = first_bus_frame({input.data(), input.size()});
            if (frame.status == BusFrame::Status::incomplete) {
                TORC_CHECK(frame.size > unread.size());
                break;
            }
            if (frame.status == BusFrame::Status::broken) {
                frames.broken = true;
                return frames;
            }
            TORC_CHECK(frame.size <= input.size() && !frame.payload.empty());
            TORC_CHECK(frame.payload.data() >= input.data() &&
                       frame.payload.data() + frame.payload.size() <= input.data() + input.size());
            frames.payloads.emplace_back(frame.payload);
            unread.erase(0, frame.size);
        }
    }
    return frames;
}

BusHandshake end_of(BusRole role, std::string secret) {
    BusHello hello;
    hello.node = role == BusRole::dialler ? 1 : 2;
    hello.cluster_id = 7;
    hello.nonce.fill(static_cast<uint8_t>(hello.node));
    return BusHandshake(role, hello, std::move(secret));
}

struct Talk {
    State state = State::talking;
    std::string said;
    bool operator==(const Talk&) const = default;
};

Talk talk(BusRole role, std::string_view stream, size_t piece, uint64_t seed) {
    Rng random(seed);
    BusHandshake handshake = end_of(role, "a secret");
    Buffer input, output;
    Talk result;
    result.state = handshake.step(input, output);
    while (!stream.empty() && result.state == State::talking) {
        const size_t more = std::min<size_t>(1 + random.below(piece), stream.size());
        input.append(stream.substr(0, more));
        stream.remove_prefix(more);
        result.state = handshake.step(input, output);
        if (result.state == State::talking) TORC_CHECK(input.size() < kBusFrameHeader + kMaxBusHello);
    }
    TORC_CHECK(result.state != State::done);
    result.said = output.view();
    return result;
}

void tamper(std::string_view script) {
    if (script.size() < 2) return;
    const size_t flip_at = static_cast<uint8_t>(script[0]);
    const auto flip = static_cast<char>(1 << (script[1] & 7));
    const size_t victim = static_cast<uint8_t>(script[1]) >> 3 & 1;
    std::array<BusHandshake, 2> ends{end_of(BusRole::dialler, "a secret"),
                                     end_of(BusRole::acceptor, "a secret")};
    std::array<Buffer, 2> inputs;
    std::array<size_t, 2> received{0, 0};
    for (int round = 0; round < 6; ++round) {
        const size_t at = round % 2;
        Buffer output;
        ends[at].step(inputs[at], output);
        Buffer& to = inputs[1 - at];
        const size_t before = to.size();
        to.append(output.view());
        size_t& seen = received[1 - at];
        if (1 - at == victim && flip_at >= seen && flip_at < seen + output.size())
            to.data()[before + flip_at - seen] ^= flip;
        seen += output.size();
    }
    if (flip_at < received[victim])
        TORC_CHECK(ends[victim].state() != State::done);
    else
        TORC_CHECK(ends[0].state() == State::done && ends[1].state() == State::done);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const uint64_t seed = data[1];
    const size_t piece = size_t{1} << (data[0] >> 3 & 7);
    const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
    switch (data[0] % 4) {
        case 0:
            TORC_CHECK(read_frames(stream, SIZE_MAX, 0) == read_frames(stream, piece, seed));
            break;
        case 1:
        case 2: {
            const BusRole role = data[0] % 4 == 1 ? BusRole::dialler : BusRole::acceptor;
            const Talk whole = talk(role, stream, SIZE_MAX, 0);
            TORC_CHECK(whole == talk(role, stream, piece, seed));
            TORC_CHECK(whole == talk(role, stream, 1, seed));
            break;
        }
        default:
            tamper(stream);
            break;
    }
    return 0;
}
