// Addresses in the log, as the index keeps them in 43 bits.
#pragma once

#include <cstdint>

namespace torc {

/// Where a record lies in the log: segment place (19 bits) and offset in 16-byte units (24 bits). Places are
/// given out at run time and used again; an address never leaves the process.
struct LogAddress {
    uint64_t units = 0;  // 0: none (no record lies at offset 0, where the segment's header is)

    static constexpr unsigned kBits = 43;
    static constexpr unsigned kOffsetBits = 24;
    static constexpr unsigned kPlaceBits = kBits - kOffsetBits;
    static constexpr uint64_t kUnit = 16;  // bytes

    /// An offset beyond 256 MB runs on into the next place: a larger segment has several in a row.
    static LogAddress of(uint32_t place, uint64_t byte_offset) {
        return {(static_cast<uint64_t>(place) << kOffsetBits) + byte_offset / kUnit};
    }
    uint32_t place() const { return static_cast<uint32_t>(units >> kOffsetBits); }
    uint64_t byte_offset() const { return (units & ((1ULL << kOffsetBits) - 1)) * kUnit; }
    explicit operator bool() const { return units != 0; }
    friend bool operator==(const LogAddress&, const LogAddress&) = default;
};

}  // namespace torc
