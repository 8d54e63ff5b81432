#include "engine/log_batch.h"

namespace torc {
namespace {

constexpr size_t kKeepBytes = 256 << 10;

}  // namespace

void LogBatch::clear() {
    changes_.clear();
    bytes_.clear();
    if (bytes_.capacity() > kKeepBytes) bytes_.shrink_to_fit();
}

size_t LogBatch::add(RecordFields fields) {
    if (changes_.size() == 1) mark_in_batch(changes_.front());
    if (!changes_.empty()) fields.flags = format::kInBatch;
    const auto offset = bytes_.size();
    const uint32_t size = encode_record(bytes_, fields);
    changes_.push_back({static_cast<uint32_t>(offset), size, record_pre_hash(bytes_.data() + offset), 0, {}});
    return changes_.size() - 1;
}

void LogBatch::mark_in_batch(Change& change) {
    char* record = bytes_.data() + change.offset;
    record[offsetof(format::RecordHeader, flags)] |= format::kInBatch;
    change.pre_hash = record_pre_hash(record);
}

size_t LogBatch::add_put(DbId db, const KeyRef& key, ValueType type, const std::string_view& value,
                         int64_t expire_at_ms) {
    return add({.kind = format::RecordKind::put,
                .db = db,
                .slot = key.slot,
                .type = type,
                .key = key.bytes,
                .value = value,
                .expire_at_ms = expire_at_ms});
}

size_t LogBatch::add_tombstone(DbId db, const KeyRef& key) {
    return add({.kind = format::RecordKind::tombstone, .db = db, .slot = key.slot, .key = key.bytes});
}

size_t LogBatch::add_flush(DbId db) {
    return add({.kind = format::RecordKind::flush, .db = db});
}

size_t LogBatch::add_swap(DbId a, DbId b) {
    const char databases[2] = {static_cast<char>(a), static_cast<char>(b)};
    return add({.kind = format::RecordKind::swap, .value = {databases, 2}});
}

}  // namespace torc
