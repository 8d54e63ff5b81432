// Frames of the cluster bus over a byte stream:
//
//   0   u32  length of the payload, 1 .. the receiver's bound
//   4   u32  checksum32 of the payload, seeded with its length
//   8        payload
//
// What comes back from a stream that lost or flipped a bit is an error, never a frame; after an error nothing
// behind it can be trusted, so the link is broken. The parser keeps no state: bytes stay in the caller's
// buffer until their frame is whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"

namespace torc {

inline constexpr size_t kBusFrameHeader = 8;
inline constexpr size_t kMaxBusFrame = 64u << 20;  // of the payload

/// Adds one frame. 1 .. kMaxBusFrame bytes of payload.
void append_bus_frame(Buffer& to, std::string_view payload);

struct BusFrame {
    enum class Status : uint8_t {
        whole,       // `payload` is valid until the input changes; consume `size` bytes afterwards
        incomplete,  // more is needed: `size` bytes in all, as far as can be told
        broken,      // bad length or checksum: break the link
    };
    Status status = Status::incomplete;
    std::string_view payload;
    size_t size = 0;
};

/// The first frame in `input`:
///     for (BusFrame f; (f = first_bus_frame(in.view())).status == BusFrame::Status::whole;
///     in.consume(f.size))
BusFrame first_bus_frame(std::string_view input, size_t max_payload = kMaxBusFrame);

}  // namespace torc
