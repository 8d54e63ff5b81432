#include "node/op_table.h"

#include <gmock/gmock.h>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct PlainOp final : BusOp {};

uint64_t add_to(OpTable& table) {
    auto op = std::make_unique<PlainOp>();
    const PlainOp& added = *op;
    table.add(std::move(op));
    return added.number;
}

TEST(OpTable, AnOpIsFoundUntilItIsOver) {
    OpTable table;
    const uint64_t first = add_to(table);
    const uint64_t second = add_to(table);
    EXPECT_NE(first, 0u);
    EXPECT_EQ(table.find(first)->number, first);
    EXPECT_EQ(table.find(second)->number, second);
    table.erase(first);
    EXPECT_EQ(table.find(first), nullptr);
    EXPECT_EQ(table.find(second)->number, second);
    table.erase(first);  // once more: nothing
    EXPECT_EQ(table.find(12345), nullptr);
    EXPECT_EQ(table.find(0), nullptr);
}

TEST(OpTable, AnAnswerThatComesTooLateDoesNotFindWhoCameAfter) {
    OpTable table;
    const uint64_t first = add_to(table);
    table.erase(first);
    const uint64_t second = add_to(table);
    EXPECT_NE(first, second);
    EXPECT_EQ(table.find(first), nullptr);
    EXPECT_NE(table.find(second), nullptr);
}

TEST(OpTable, TheyAreListedByAge) {
    OpTable table;
    const uint64_t a = add_to(table);
    const uint64_t b = add_to(table);
    table.erase(a);
    const uint64_t c = add_to(table);  // where `a` was
    EXPECT_THAT(table.numbers(), ElementsAre(b, c));
    table.clear();
    EXPECT_THAT(table.numbers(), IsEmpty());
    EXPECT_EQ(table.find(b), nullptr);
}

}  // namespace
}  // namespace torc
