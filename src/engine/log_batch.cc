#include "engine/log_batch.h"

#include "engine/record_codec.h"

namespace torc {
namespace {

constexpr size_t kKeepBytes = 256 << 10;

}  // namespace

void LogBatch::clear() {
    changes_.clear();
    bytes_.clear();
    if (bytes_.capacity() > kKeepBytes) bytes_.shrink_to_fit();
}

size_t LogBatch::add(format::RecordKind kind, DbId db, const KeyRef& key, ValueType type,
                     std::string_view value, int64_t expire_at_ms) {
    const bool several = !changes_.empty();
    if (changes_.size() == 1) mark_in_batch(changes_.front());
    const auto offset = bytes_.size();
    const uint32_t size = encode_record(bytes_, kind, several ? format::kInBatch : 0, db, key.slot, type,
                                        key.bytes, value, expire_at_ms);
    changes_.push_back({static_cast<uint32_t>(offset), size, record_pre_hash(bytes_.data() + offset), 0, {}});
    return changes_.size() - 1;
}

void LogBatch::mark_in_batch(Change& change) {
    char* record = bytes_.data() + change.offset;
    record[offsetof(format::RecordHeader, flags)] |= format::kInBatch;
    change.pre_hash = record_pre_hash(record);
}

size_t LogBatch::add_put(DbId db, const KeyRef& key, ValueType type, std::string_view value,
                         int64_t expire_at_ms) {
    return add(format::RecordKind::put, db, key, type, value, expire_at_ms);
}

size_t LogBatch::add_tombstone(DbId db, const KeyRef& key) {
    return add(format::RecordKind::tombstone, db, key, ValueType::string, {}, kNoExpiry);
}

size_t LogBatch::add_flush(DbId db) {
    return add(format::RecordKind::flush, db, {}, ValueType::string, {}, kNoExpiry);
}

size_t LogBatch::add_swap(DbId a, DbId b) {
    const char databases[2] = {static_cast<char>(a), static_cast<char>(b)};
    return add(format::RecordKind::swap, 0, {}, ValueType::string, {databases, 2}, kNoExpiry);
}

}  // namespace torc
