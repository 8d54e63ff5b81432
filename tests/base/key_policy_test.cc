#include "base/key_policy.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

Result<KeyPolicies> parse(std::vector<std::string> words) {
    return KeyPolicies::parse(words);
}

std::string refusal(std::vector<std::string> words) {
    const auto parsed = parse(std::move(words));
    return parsed ? "" : parsed.error().message;
}

TEST(KeyPolicies, TheLongestPrefixCounts) {
    const auto policies = parse({"a", "read=one", "a:b:", "write=ALL", "a:", "strict=yes", "sloppy=no"});
    ASSERT_TRUE(policies);
    EXPECT_EQ(policies->find("b"), nullptr);
    EXPECT_EQ(policies->find(""), nullptr);
    EXPECT_EQ(policies->find("ax")->read, Consistency::one);
    EXPECT_FALSE(policies->find("ax")->write);
    EXPECT_EQ(policies->find("a:x")->strict, true);
    EXPECT_EQ(policies->find("a:x")->sloppy, false);
    EXPECT_EQ(policies->find("a:b:")->write, Consistency::all);
    EXPECT_FALSE(policies->find("a:b:c")->strict.has_value());
}

TEST(KeyPolicies, APrefixMayBeNamedTwice) {
    const auto policies = parse({"a", "read=one", "b", "siblings=lww", "a", "max-entry=10kb", "read=quorum"});
    ASSERT_TRUE(policies);
    EXPECT_EQ(policies->text(), "a read=quorum max-entry=10240 b siblings=lww");
}

TEST(KeyPolicies, TheTextIsReadBack) {
    const auto policies = parse({"with space", "write=each_quorum", "x", "strict=yes", "sloppy=yes"});
    ASSERT_TRUE(policies);
    EXPECT_EQ(policies->text(), "\"with space\" write=each_quorum x sloppy=yes strict=yes");
    EXPECT_EQ(parse({"a", "strict=no"})->text(), "a strict=no");
    EXPECT_TRUE(parse({""})->empty());
    EXPECT_TRUE(parse({})->empty());
}

TEST(KeyPolicies, ErrorsNameTheWord) {
    EXPECT_EQ(refusal({"a"}),
              "'a' is followed by none of read=, write=, sloppy=, strict=, siblings=, max-entry=");
    EXPECT_EQ(refusal({"a", "b", "read=one"}),
              "'a' is followed by none of read=, write=, sloppy=, strict=, siblings=, max-entry=");
    EXPECT_EQ(refusal({"read=one"}), "'read=one' needs a prefix before it");
    EXPECT_EQ(refusal({"a", "read=two"}), "'read=two' has no such value");
    EXPECT_EQ(refusal({"a", "strict=1"}), "'strict=1' has no such value");
    EXPECT_EQ(refusal({"a", "max-entry=0"}), "'max-entry=0' has no such value");
    EXPECT_EQ(refusal({"", "read=one"}), "a prefix can't be empty");
    std::vector<std::string> many;
    for (size_t i = 0; i <= KeyPolicies::kMost; ++i) {
        many.push_back("p" + std::to_string(i));
        many.push_back("read=one");
    }
    EXPECT_EQ(refusal(many), "more than 64 prefixes");
}

}  // namespace
}  // namespace torc
