#include "base/inline_function.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace torc {
namespace {

TEST(InlineFunction, CallsWhatItWasMadeOf) {
    int sum = 0;
    const InlineFunction<void(int)> add = [&sum](int n) { sum += n; };
    add(3);
    add(4);
    EXPECT_EQ(sum, 7);
    EXPECT_TRUE(static_cast<bool>(add));
    EXPECT_FALSE(static_cast<bool>(InlineFunction<void(int)>()));
}

TEST(InlineFunction, IsMovedWithWhatItOwns) {
    auto owned = std::make_unique<std::string>("mine");
    InlineFunction<size_t()> first = [owned = std::move(owned)] { return owned->size(); };
    InlineFunction<size_t()> second = std::move(first);
    EXPECT_FALSE(static_cast<bool>(first));
    EXPECT_EQ(second(), 4u);
    first = std::move(second);
    EXPECT_FALSE(static_cast<bool>(second));
    EXPECT_EQ(first(), 4u);
}

TEST(InlineFunction, LargeClosuresLiveElsewhere) {
    std::array<char, 500> large{};
    large[499] = 'x';
    InlineFunction<char(size_t)> at = [large](size_t i) { return large[i]; };
    InlineFunction<char(size_t)> moved = std::move(at);
    EXPECT_EQ(moved(499), 'x');
}

TEST(InlineFunction, EndsWhatItOwnsOnce) {
    const auto counted = std::make_shared<int>(1);
    {
        InlineFunction<int()> small = [counted] { return *counted; };
        InlineFunction<int()> large = [counted, room = std::array<char, 200>()] {
            return *counted + room[0];
        };
        EXPECT_EQ(counted.use_count(), 3);
        InlineFunction<int()> other = std::move(large);
        EXPECT_EQ(counted.use_count(), 3);
        small = std::move(other);
        EXPECT_EQ(counted.use_count(), 2);
        EXPECT_EQ(small(), 1);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

TEST(InlineFunctionDeathTest, AnEmptyOneIsNotCalled) {
    InlineFunction<void()> empty;
    EXPECT_DEATH(empty(), "");
}

}  // namespace
}  // namespace torc
