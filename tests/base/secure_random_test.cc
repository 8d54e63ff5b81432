#include "base/secure_random.h"

#include <gtest/gtest.h>

#include <array>

namespace torc {
namespace {

TEST(SecureRandom, FillsAllAndNeverTheSame) {
    std::array<std::byte, 1000> a{}, b{};
    fill_secure_random(a);
    fill_secure_random(b);
    EXPECT_NE(a, b);
    // A byte is zero by chance once in 256: half of the last hundred never are.
    EXPECT_LT(std::ranges::count(std::span(a).last(100), std::byte{0}), 50);
    fill_secure_random({});
}

}  // namespace
}  // namespace torc
