#include "base/secret.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(Secret, EqualOnlyWhenAllBytesAre) {
    EXPECT_TRUE(secrets_equal("secret", "secret"));
    EXPECT_FALSE(secrets_equal("secret", "secreT"));
    EXPECT_FALSE(secrets_equal("secret", "Secret"));
    EXPECT_FALSE(secrets_equal("secret", "secre"));
    EXPECT_FALSE(secrets_equal("secret", "secretsecret"));
    EXPECT_FALSE(secrets_equal("secret", ""));
}

TEST(Secret, EmptySecretEqualsOnlyTheEmptyGuess) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(secrets_equal("", ""));
    EXPECT_FALSE(secrets_equal("", "x"));
    EXPECT_FALSE(secrets_equal("", "\0"sv));
}

}  // namespace
}  // namespace torc
