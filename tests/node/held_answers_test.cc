#include "node/held_answers.h"

#include <gmock/gmock.h>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint64_t> released(HeldAnswers& held, Lsn durable) {
    std::vector<uint64_t> ops;
    held.release(durable, [&](const HeldAnswer& answer) { ops.push_back(answer.op); });
    return ops;
}

TEST(HeldAnswers, GoInOrderAsTheLogGetsFurther) {
    HeldAnswers held;
    held.add({.lsn = 10, .link = 1, .op = 1});
    held.add({.lsn = 20, .link = 1, .op = 2});
    held.add({.lsn = 15, .link = 1, .op = 3});  // waits for the one before it
    EXPECT_THAT(released(held, 9), IsEmpty());
    EXPECT_THAT(released(held, 15), ElementsAre(1));
    EXPECT_FALSE(held.empty());
    EXPECT_THAT(released(held, 20), ElementsAre(2, 3));
    EXPECT_TRUE(held.empty());
}

TEST(HeldAnswers, ManyThatComeAndGoKeepTheirOrder) {
    HeldAnswers held;
    uint64_t next = 1;
    for (uint64_t i = 1; i <= 20'000; ++i) {
        held.add({.lsn = i, .link = 1, .op = i});
        if (i % 3 != 0) continue;
        for (const uint64_t op : released(held, i / 2)) EXPECT_EQ(op, next++);
    }
    for (const uint64_t op : released(held, 20'000)) EXPECT_EQ(op, next++);
    EXPECT_EQ(next, 20'001u);
    EXPECT_TRUE(held.empty());
}

}  // namespace
}  // namespace torc
