#include "engine/record_codec.h"

#include <algorithm>
#include <cstring>

#include "base/coding.h"
#include "base/hash.h"

namespace torc {
namespace {

using format::RecordHeader;
using format::RecordKind;

constexpr size_t kHeader = sizeof(RecordHeader);
constexpr size_t kHashedFrom = offsetof(RecordHeader, key_length);

RecordHeader load_header(const char* bytes) {
    RecordHeader header;
    std::memcpy(&header, bytes, kHeader);
    return header;
}

size_t expiry_bytes(const RecordHeader& header) {
    return (header.flags & format::kHasExpiry) != 0 ? sizeof(int64_t) : 0;
}

uint64_t head_size(const RecordHeader& header) {
    const uint64_t key = header.kind == static_cast<uint8_t>(RecordKind::batch) ? 0 : header.key_length;
    return kHeader + expiry_bytes(header) + key;
}

uint64_t full_size(const RecordHeader& header) {
    if (header.kind == static_cast<uint8_t>(RecordKind::batch)) return kHeader;
    return head_size(header) + header.value_length;
}

/// Whether these 32 bytes could be a header at all: the fields that have few legal values.
bool plausible(const RecordHeader& header) {
    constexpr uint8_t kKnownFlags = format::kHasExpiry | format::kInBatch | format::kHasStamp;
    if (header.reserved != 0 || (header.flags & ~kKnownFlags) != 0) return false;
    switch (static_cast<RecordKind>(header.kind)) {
        case RecordKind::put:
        case RecordKind::delta:
            return true;
        case RecordKind::tombstone:
            return header.value_length == 0;
        case RecordKind::flush:
            return header.key_length == 0 && header.value_length == 0;
        case RecordKind::swap:
            return header.key_length == 0 && header.value_length == 2;
        case RecordKind::sync_mark:
            return header.key_length == 0 && header.value_length == 8;
        case RecordKind::batch:
            return (header.flags & format::kHasExpiry) == 0 && header.key_length > 1 &&
                   header.value_length % format::kAlignment == 0;
    }
    return false;
}

bool all_zero(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

}  // namespace

uint64_t record_pre_hash(const char* record) {
    const RecordHeader header = load_header(record);
    return hash64({record + kHashedFrom, head_size(header) - kHashedFrom}, header.value_checksum);
}

uint32_t encode_record(std::string& to, const RecordFields& fields) {
    const bool expires = fields.expire_at_ms != kNoExpiry;
    RecordHeader header{};
    header.value_checksum = checksum32(fields.value);
    header.key_length = static_cast<uint32_t>(fields.key.size());
    header.value_length = static_cast<uint32_t>(fields.value.size());
    header.slot = fields.slot;
    header.db = fields.db;
    header.kind = static_cast<uint8_t>(fields.kind);
    header.type = static_cast<uint8_t>(fields.type);
    header.flags = static_cast<uint8_t>(fields.flags | (expires ? format::kHasExpiry : 0));

    const size_t start = to.size();
    const uint64_t size = full_size(header);
    const uint64_t padded = format::aligned(size);
    to.append(reinterpret_cast<const char*>(&header), kHeader);
    if (expires) append_le<int64_t>(to, fields.expire_at_ms);
    to.append(fields.key).append(fields.value);
    to.append(start + padded - to.size(), '\0');
    return static_cast<uint32_t>(padded);
}

void stamp_record(char* record, uint64_t pre_hash, uint64_t directory_id, Lsn lsn) {
    store_le(record, record_header_checksum(pre_hash, directory_id, lsn));
    store_le(record + offsetof(RecordHeader, lsn), lsn);
}

uint64_t announced_size(const char* bytes) {
    const RecordHeader header = load_header(bytes);
    return plausible(header) ? format::aligned(full_size(header)) : 0;
}

uint64_t announced_head_size(const char* bytes) {
    return head_size(load_header(bytes));
}

std::optional<RecordView> parse_record(std::string_view bytes, uint64_t directory_id) {
    if (bytes.size() < kHeader) return std::nullopt;
    const RecordHeader header = load_header(bytes.data());
    if (!plausible(header)) return std::nullopt;
    const uint64_t head = head_size(header);
    if (bytes.size() < head) return std::nullopt;
    if (header.header_checksum !=
        record_header_checksum(record_pre_hash(bytes.data()), directory_id, header.lsn))
        return std::nullopt;

    RecordView view;
    view.lsn = header.lsn;
    view.slot = header.slot;
    view.db = header.db;
    view.kind = static_cast<RecordKind>(header.kind);
    view.type = static_cast<ValueType>(header.type);
    view.flags = header.flags;
    const size_t expiry = expiry_bytes(header);
    if (expiry != 0) view.expire_at_ms = load_le<int64_t>(bytes.data() + kHeader);
    view.padded_size = format::aligned(full_size(header));
    if (view.kind == RecordKind::batch) {
        view.batch_bytes = header.value_length;
        view.batch_count = header.key_length;
        return view;
    }
    view.key = bytes.substr(kHeader + expiry, header.key_length);
    view.value_length = header.value_length;
    view.cut = bytes.size() < view.padded_size;
    if (view.cut) {
        view.value_damaged = true;
        return view;
    }
    const std::string_view value = bytes.substr(head, header.value_length);
    const std::string_view padding = bytes.substr(head + value.size(), view.padded_size - full_size(header));
    view.value_damaged = checksum32(value) != header.value_checksum || !all_zero(padding);
    if (!view.value_damaged) view.value = value;
    return view;
}

}  // namespace torc
