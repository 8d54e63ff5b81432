#include "engine/database_map.h"

#include <gtest/gtest.h>

#include <vector>

namespace torc {
namespace {

format::HintEntry swap_of(Lsn lsn, DbId a, DbId b) {
    format::HintEntry entry{};
    entry.kind = static_cast<uint8_t>(format::RecordKind::swap);
    entry.lsn = lsn;
    entry.db = a;
    entry.type = b;
    return entry;
}

TEST(DatabaseMap, AppliesSwapsOnceAndInTheOrderOfTheirLsns) {
    std::vector<DbId> map;
    widen_database_map(map, 4);
    Lsn applied = 10;
    apply_swaps(map, applied, {swap_of(13, 1, 2), swap_of(12, 0, 1), swap_of(9, 0, 3), swap_of(12, 0, 1)});
    EXPECT_EQ(map, (std::vector<DbId>{1, 2, 0, 3}));
    EXPECT_EQ(applied, 13u);
    apply_swaps(map, applied, {swap_of(13, 1, 2), swap_of(12, 0, 1)});
    EXPECT_EQ(map, (std::vector<DbId>{1, 2, 0, 3}));
}

TEST(DatabaseMap, PassesByOtherRecordsAndDamagedOnes) {
    std::vector<DbId> map{0, 1};
    Lsn applied = 0;
    format::HintEntry flush = swap_of(1, 0, 1), damaged = swap_of(2, 0, 1);
    flush.kind = static_cast<uint8_t>(format::RecordKind::flush);
    damaged.flags = format::kHintDamagedValue;
    apply_swaps(map, applied, {flush, damaged});
    EXPECT_EQ(map, (std::vector<DbId>{0, 1}));
    EXPECT_EQ(applied, 0u);
}

TEST(DatabaseMap, WidensForDatabasesThatTheConfigurationLost) {
    std::vector<DbId> map{0, 1};
    Lsn applied = 0;
    apply_swaps(map, applied, {swap_of(1, 0, 3)});
    EXPECT_EQ(map, (std::vector<DbId>{3, 1, 2, 0}));
}

}  // namespace
}  // namespace torc
