#include "engine/record.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace torc {
namespace {

constexpr size_t kMaxShortKey = 0xff;
constexpr size_t kMaxShortValue = (1 << 14) - 1;

bool needs_lengths(size_t key_size, size_t value_size) {
    return key_size > kMaxShortKey || value_size > kMaxShortValue;
}

}  // namespace

size_t Record::size_for(size_t key_size, size_t value_size, bool has_expiry) {
    return kHeader + (has_expiry ? 8 : 0) + (needs_lengths(key_size, value_size) ? 8 : 0) + key_size +
           value_size;
}

size_t Record::allocated_size() const {
    return key_offset() + key_size() + value_size();
}

Record* Record::create(std::string_view key, ValueType type, std::string_view value, int64_t expire_at_ms) {
    TORC_CHECK(key.size() <= UINT32_MAX && value.size() <= UINT32_MAX);
    const bool has_expiry = expire_at_ms != kNoExpiry;
    const bool extended = needs_lengths(key.size(), value.size());
    size_t size = size_for(key.size(), value.size(), has_expiry);
    // Allocators align to 16 only what is at least 16 long; the index drops the lowest four pointer bits.
    if (size < 16) size = 16;
    void* memory = std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    TORC_CHECK((reinterpret_cast<uintptr_t>(memory) & 15) == 0);
    auto* record = static_cast<Record*>(memory);

    uint64_t word = static_cast<uint64_t>(type) << kTypeShift;
    if (has_expiry) word |= kExpiryBit;
    if (extended)
        word |= kExtendedBit;
    else
        word |= static_cast<uint64_t>(value.size()) << kValueLengthShift;
    record->set_word(word);
    record->set_low(extended ? 0 : static_cast<uint32_t>(key.size()));
    if (has_expiry) record->set_expire_at_ms(expire_at_ms);
    if (extended) {
        store_le<uint32_t>(record->bytes() + record->lengths_offset(), static_cast<uint32_t>(key.size()));
        store_le<uint32_t>(record->bytes() + record->lengths_offset() + 4,
                           static_cast<uint32_t>(value.size()));
    }
    char* at = record->bytes() + record->key_offset();
    if (!key.empty()) std::memcpy(at, key.data(), key.size());
    if (!value.empty() && value.data() != nullptr) std::memcpy(at + key.size(), value.data(), value.size());
    return record;
}

void Record::destroy(Record* record) {
    std::free(record);
}

bool Record::assign_same_size(std::string_view value) {
    if (value.size() != value_size()) return false;
    // The new value may be a view of the old one.
    if (!value.empty() && value.data() != nullptr) std::memmove(mutable_value(), value.data(), value.size());
    return true;
}

}  // namespace torc
