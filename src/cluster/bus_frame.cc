#include "cluster/bus_frame.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "base/hash.h"

namespace torc {

void append_bus_frame(Buffer& to, std::string_view payload) {
    TORC_CHECK(!payload.empty() && payload.size() <= kMaxBusFrame);
    char* at = to.prepare(kBusFrameHeader + payload.size());
    store_le(at, static_cast<uint32_t>(payload.size()));
    store_le(at + 4, checksum32(payload, payload.size()));
    std::memcpy(at + kBusFrameHeader, payload.data(), payload.size());
    to.commit(kBusFrameHeader + payload.size());
}

BusFrame first_bus_frame(std::string_view input, size_t max_payload) {
    using Status = BusFrame::Status;
    if (input.size() < sizeof(uint32_t)) return {Status::incomplete, {}, kBusFrameHeader};
    const size_t length = load_le<uint32_t>(input.data());
    if (length == 0 || length > std::min(max_payload, kMaxBusFrame)) return {Status::broken, {}, 0};
    const size_t size = kBusFrameHeader + length;
    if (input.size() < size) return {Status::incomplete, {}, size};
    const std::string_view payload = input.substr(kBusFrameHeader, length);
    if (load_le<uint32_t>(input.data() + 4) != checksum32(payload, length)) return {Status::broken, {}, 0};
    return {Status::whole, payload, size};
}

}  // namespace torc
