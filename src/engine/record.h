// A live record in RAM: one allocation of a 12-byte header, optional fields, key and value.
//
//   [header 12][expiry 8, if flagged][lengths 8, if extended][key][value]
//
//   header: 43 bits log address | 3 bits type | has expiry | extended | pinned | pending | 14 bits value
//   length
//           32 bits: 8 bits key length | 24 bits access clock (LRU seconds or LFU, as engine/eviction.h keeps
//           it)
//
// A 16-byte key with a 100-byte value takes exactly 128 bytes, a size class of both mimalloc and jemalloc.
// All access is under the lock of the record's shard.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/coding.h"
#include "base/types.h"
#include "engine/address.h"

namespace torc {

class Record {
  public:
    Record() = delete;

    /// Allocates a record; the value's bytes are left for the caller to fill when `value.data()` is null.
    static Record* create(std::string_view key, ValueType type, std::string_view value, int64_t expire_at_ms);
    static void destroy(Record* record);
    /// Bytes that the allocation takes, as asked for.
    static size_t size_for(size_t key_size, size_t value_size, bool has_expiry);
    size_t allocated_size() const;

    std::string_view key() const { return {bytes() + key_offset(), key_size()}; }
    std::string_view value() const { return {bytes() + key_offset() + key_size(), value_size()}; }
    char* mutable_value() { return bytes() + key_offset() + key_size(); }
    size_t key_size() const {
        return extended() ? load_le<uint32_t>(bytes() + lengths_offset()) : (low() & 0xff);
    }
    size_t value_size() const {
        return extended() ? load_le<uint32_t>(bytes() + lengths_offset() + 4) : (word() >> kValueLengthShift);
    }
    /// Overwrites the value in place when the record's shape allows it (same size).
    bool assign_same_size(std::string_view value);

    ValueType type() const { return static_cast<ValueType>((word() >> kTypeShift) & 7); }
    int64_t expire_at_ms() const { return has_expiry() ? load_le<int64_t>(bytes() + kHeader) : kNoExpiry; }
    /// Only when has_expiry(): a record gains or loses the field by being created anew.
    void set_expire_at_ms(int64_t at) { store_le<int64_t>(bytes() + kHeader, at); }
    bool has_expiry() const { return (word() & kExpiryBit) != 0; }
    void set_type(ValueType type) {
        set_word((word() & ~(7ULL << kTypeShift)) | (static_cast<uint64_t>(type) << kTypeShift));
    }

    LogAddress address() const { return {word() & kAddressMask}; }
    void set_address(LogAddress address) { set_word((word() & ~kAddressMask) | address.units); }

    /// Pinned: fetched for a command that's about to run; eviction passes it by.
    bool pinned() const { return (word() & kPinnedBit) != 0; }
    void set_pinned(bool on) { set_word(on ? word() | kPinnedBit : word() & ~kPinnedBit); }
    /// Pending: part of a batch that isn't appended yet, so the address is still to come; until then
    /// address() holds the change's place in the batch.
    bool pending() const { return (word() & kPendingBit) != 0; }
    void set_pending(bool on) { set_word(on ? word() | kPendingBit : word() & ~kPendingBit); }

    uint32_t access() const { return low() >> 8; }
    void set_access(uint32_t access24) { set_low((low() & 0xff) | (access24 << 8)); }

    static constexpr size_t kHeader = 12;

  private:
    static constexpr uint64_t kAddressMask = (1ULL << LogAddress::kBits) - 1;
    static constexpr unsigned kTypeShift = 43;
    static constexpr uint64_t kExpiryBit = 1ULL << 46;
    static constexpr uint64_t kExtendedBit = 1ULL << 47;
    static constexpr uint64_t kPinnedBit = 1ULL << 48;
    static constexpr uint64_t kPendingBit = 1ULL << 49;
    static constexpr unsigned kValueLengthShift = 50;

    const char* bytes() const { return reinterpret_cast<const char*>(this); }
    char* bytes() { return reinterpret_cast<char*>(this); }
    uint64_t word() const { return load_le<uint64_t>(bytes()); }
    void set_word(uint64_t w) { store_le(bytes(), w); }
    uint32_t low() const { return load_le<uint32_t>(bytes() + 8); }
    void set_low(uint32_t w) { store_le(bytes() + 8, w); }
    bool extended() const { return (word() & kExtendedBit) != 0; }
    size_t lengths_offset() const { return kHeader + (has_expiry() ? 8 : 0); }
    size_t key_offset() const { return lengths_offset() + (extended() ? 8 : 0); }
};

}  // namespace torc
