#include "engine/record.h"

#include <gtest/gtest.h>

#include <memory>

namespace torc {
namespace {

struct Destroy {
    void operator()(Record* record) const { Record::destroy(record); }
};
using Owned = std::unique_ptr<Record, Destroy>;

Owned make(std::string_view key, std::string_view value, int64_t expire = kNoExpiry,
           ValueType type = ValueType::string) {
    return Owned(Record::create(key, type, value, expire));
}

TEST(Record, SixteenByteKeyAndHundredByteValueTakeOneSizeClass) {
    EXPECT_EQ(Record::size_for(16, 100, false), 128u);
    EXPECT_EQ(make(std::string(16, 'k'), std::string(100, 'v'))->allocated_size(), 128u);
}

TEST(Record, KeepsKeyValueTypeAndExpiryOfEverySize) {
    for (const size_t key_size : {0, 1, 16, 255, 256, 5000}) {
        for (const size_t value_size : {0, 1, 100, 16383, 16384, 100000}) {
            for (const int64_t expire : {kNoExpiry, int64_t{0}, int64_t{1893456000000}}) {
                const std::string key(key_size, 'k');
                const std::string value(value_size, 'v');
                const Owned record = make(key, value, expire, ValueType::hash);
                EXPECT_EQ(record->key(), key);
                EXPECT_EQ(record->value(), value);
                EXPECT_EQ(record->expire_at_ms(), expire);
                EXPECT_EQ(record->has_expiry(), expire != kNoExpiry);
                EXPECT_EQ(record->type(), ValueType::hash);
                EXPECT_EQ(record->allocated_size(),
                          Record::size_for(key_size, value_size, expire != kNoExpiry));
                EXPECT_EQ(reinterpret_cast<uintptr_t>(record.get()) % 16, 0u);
            }
        }
    }
}

TEST(Record, HeaderFieldsDoNotDisturbEachOther) {
    const Owned record = make("key", "value", 1234);
    const LogAddress address{(1ULL << LogAddress::kBits) - 1};
    record->set_address(address);
    record->set_pinned(true);
    record->set_pending(true);
    record->set_access(0xffffff);
    record->set_type(ValueType::stream);
    EXPECT_EQ(record->address(), address);
    EXPECT_TRUE(record->pinned());
    EXPECT_TRUE(record->pending());
    EXPECT_EQ(record->access(), 0xffffffu);
    EXPECT_EQ(record->type(), ValueType::stream);
    record->set_pinned(false);
    record->set_pending(false);
    record->set_address({});
    record->set_access(0);
    record->set_type(ValueType::string);
    EXPECT_FALSE(record->pinned());
    EXPECT_FALSE(record->pending());
    EXPECT_FALSE(record->address());
    EXPECT_EQ(record->key(), "key");
    EXPECT_EQ(record->value(), "value");
    EXPECT_EQ(record->expire_at_ms(), 1234);
}

TEST(Record, AssignsInPlaceOnlyTheSameSize) {
    const Owned record = make("key", "value");
    EXPECT_FALSE(record->assign_same_size("longer value"));
    EXPECT_FALSE(record->assign_same_size("v"));
    EXPECT_EQ(record->value(), "value");
    EXPECT_TRUE(record->assign_same_size("other"));
    EXPECT_EQ(record->value(), "other");
    EXPECT_TRUE(record->assign_same_size(record->value()));
    EXPECT_EQ(record->value(), "other");
}

TEST(Record, LeavesTheValueToTheCallerWhenItHasNoData) {
    const Owned record = make("key", std::string_view(nullptr, 3));
    std::memcpy(record->mutable_value(), "abc", 3);
    EXPECT_EQ(record->value(), "abc");
}

}  // namespace
}  // namespace torc
