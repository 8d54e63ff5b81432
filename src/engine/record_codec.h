// Bytes of one log record: encoding, and the checks that decide whether bytes are a record at all.
//
// The header checksum covers header, expiry and key, then the LSN and the directory's id: a record that a
// client stored inside a value, or that stands in a file of another data directory, is not valid here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "engine/format.h"

namespace torc {

/// A record whose header and key are right. The views point into the bytes it was parsed from.
struct RecordView {
    Lsn lsn = 0;
    int64_t expire_at_ms = kNoExpiry;
    std::string_view key;
    std::string_view value;     // empty when damaged
    uint64_t padded_size = 0;   // of this record; of a batch record alone: 32
    uint64_t batch_bytes = 0;   // batch: bytes of the records that follow
    uint32_t batch_count = 0;   // batch: their number
    uint32_t value_length = 0;  // also of a damaged one
    SlotId slot = 0;
    DbId db = 0;
    format::RecordKind kind{};
    ValueType type{};
    uint8_t flags = 0;
    bool value_damaged = false;  // value or padding fails its check, or the bytes end before it
    bool cut = false;            // the bytes end before the record does
};

/// The part of the header checksum that doesn't depend on the LSN. `record` starts at the header and holds at
/// least header, expiry and key.
uint64_t record_pre_hash(const char* record);

/// Few instructions: it runs under the log's lock.
inline uint32_t record_header_checksum(uint64_t pre_hash, uint64_t directory_id, Lsn lsn) {
    uint64_t x = (pre_hash ^ directory_id) + lsn * 0x9e3779b97f4a7c15ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return static_cast<uint32_t>(x >> 32) ^ static_cast<uint32_t>(x);
}

/// What is to be written. Passed by reference: so many arguments would go by memory anyway, and a view that
/// is stored in halves and loaded whole stalls until everything stored before it has reached the cache.
struct RecordFields {
    format::RecordKind kind{};
    uint8_t flags = 0;
    DbId db = 0;
    SlotId slot = 0;
    ValueType type = ValueType::string;
    std::string_view key = {}, value = {};
    int64_t expire_at_ms = kNoExpiry;
};
/// Appends the record to `to`, with zero for LSN and header checksum, padded. Returns its padded size.
uint32_t encode_record(std::string& to, const RecordFields& fields);

/// Sets LSN and header checksum of an encoded record.
void stamp_record(char* record, uint64_t pre_hash, uint64_t directory_id, Lsn lsn);

/// Padded size of the record that this header (32 bytes) announces, believed unchecked; 0 when the header is
/// plainly none.
uint64_t announced_size(const char* header);
/// Bytes up to the end of the key, likewise.
uint64_t announced_head_size(const char* header);

/// Verifies the record at the start of `bytes`. Nothing when header or key are wrong or not all there.
std::optional<RecordView> parse_record(std::string_view bytes, uint64_t directory_id);

}  // namespace torc
