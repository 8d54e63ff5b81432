// Bytes on disk: docs/FORMATS.md is the page for readers, this file its constants. Little-endian throughout.
//
//   segment file   [segment header, 64 B][record][record]...; every record starts at a multiple of 16 bytes
//   record         [header, 32 B][expiry, 8 B, if flagged][key][value][zeros to the next multiple of 16]
//   batch          [record of kind batch][count records, their LSNs consecutive, the last the batch's own]
//
// A record is valid when its header checksum holds over header, expiry and key; its value, when the value
// checksum holds. They are separate so that a record with a damaged value still names its key (CORRECTNESS
// 11). The LSN is only known under the log's lock, so it and the directory's id are mixed into a header hash
// that was computed before (record_codec.h). A batch is applied whole or not at all: it's complete when all
// its records are valid in both checksums.
#pragma once

#include <cstddef>
#include <cstdint>

namespace torc::format {

inline constexpr uint64_t kAlignment = 16;
inline constexpr uint64_t aligned(uint64_t size) {
    return (size + kAlignment - 1) & ~(kAlignment - 1);
}

enum class RecordKind : uint8_t {
    put = 1,        // key has this value
    tombstone = 2,  // key is gone: deleted, expired or evicted
    flush = 3,      // every record of this db with a lower LSN is gone; no key
    swap = 4,       // value: two u8 logical databases that were exchanged; no key
    batch = 5,      // opens a batch; value_length: bytes of the records that follow; key_length: their number
                    // (the lengths describe what follows; the batch record itself is 32 bytes)
    sync_mark = 6,  // value: u64, everything up to this LSN was synced when this was appended
    delta = 7,      // reserved for typed values: a change to the record this one links to
};

enum RecordFlags : uint8_t {
    kHasExpiry = 1,  // i64 milliseconds since the epoch follow the header
    kInBatch = 2,    // belongs to the batch record before it
    kHasStamp = 4,   // reserved for the cluster: a dot whose stamp is not the LSN
};

/// Field offsets of a record's header.
struct RecordHeader {
    uint32_t header_checksum;
    uint32_t value_checksum;
    uint64_t lsn;
    uint32_t key_length;
    uint32_t value_length;
    uint16_t slot;
    uint8_t db;
    uint8_t kind;
    uint8_t type;
    uint8_t flags;
    uint16_t reserved;  // zero
};
static_assert(sizeof(RecordHeader) == 32);
static_assert(offsetof(RecordHeader, lsn) == 8 && offsetof(RecordHeader, key_length) == 16);

inline constexpr char kSegmentMagic[8] = {'T', 'O', 'R', 'C', 'S', 'E', 'G', '1'};
inline constexpr char kHintMagic[8] = {'T', 'O', 'R', 'C', 'H', 'N', 'T', '1'};
inline constexpr uint32_t kVersion = 1;

enum class SegmentOrigin : uint8_t { log = 0, compaction = 1 };

struct SegmentHeader {
    char magic[8];
    uint32_t version;
    uint8_t origin;  // SegmentOrigin
    uint8_t reserved0[3];
    uint64_t segment_id;    // increases, never used again in this directory
    uint64_t directory_id;  // random, made with the data directory: a foreign file is refused
    uint64_t base_lsn;      // the log's last LSN when the segment was opened
    uint64_t previous_id;   // the log segment before this one; 0: none since the log was opened
    uint8_t reserved1[12];
    uint32_t checksum;  // over the 60 bytes before
};
static_assert(sizeof(SegmentHeader) == 64);

/// One line of a hint file. Entries are sorted by (slot, hash, hash2, db, lsn); records without a key (flush,
/// swap) come last with slot 0xffff. Blocks of 4096 bytes hold 85 entries and end in their count and
/// checksum.
struct HintEntry {
    uint64_t hash;   // the index hash
    uint64_t hash2;  // a second, independent hash: equal pairs are taken for equal keys
    uint64_t lsn;
    int64_t expire_at_ms;  // kNoExpiry: none
    uint32_t offset;       // 16-byte units
    uint32_t size;         // 16-byte units, padding included
    uint16_t slot;
    uint8_t db;
    uint8_t kind;
    uint8_t type;
    uint8_t flags;  // kHintDamagedValue ...
    uint16_t reserved;
};
static_assert(sizeof(HintEntry) == 48);
inline constexpr uint8_t kHintDamagedValue = 0x80;  // the segment's scan found the value damaged
inline constexpr size_t kHintBlock = 4096;
inline constexpr size_t kHintEntriesPerBlock = 85;

struct HintBlock {
    HintEntry entries[kHintEntriesPerBlock];  // unused ones are zero
    uint32_t count;
    uint32_t reserved[2];
    uint32_t checksum;  // over the 4092 bytes before, seeded with segment id and block number
};
static_assert(sizeof(HintBlock) == kHintBlock);

struct HintHeader {
    char magic[8];
    uint32_t version;
    uint32_t reserved0;
    uint64_t segment_id;
    uint64_t directory_id;
    uint64_t entries;
    uint64_t lowest_lsn;  // of all records in the segment, dead ones included
    uint64_t highest_lsn;
    uint64_t segment_bytes;  // size of the segment file that this describes
    uint8_t reserved1[4028];
    uint32_t checksum;  // over the 4092 bytes before
};
static_assert(sizeof(HintHeader) == kHintBlock);

inline constexpr uint64_t kSecondHashSeed =
    0x5bd1e995a5b35705ULL;  // xored with the directory's seed for hash2

}  // namespace torc::format
