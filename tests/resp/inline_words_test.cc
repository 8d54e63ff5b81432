#include "resp/inline_words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace torc {
namespace {

// The words of a line, or {"<refused>"}.
std::vector<std::string> split(std::string line) {
    std::vector<std::string_view> words{"kept"};
    if (!split_inline_words(line, words)) {
        EXPECT_EQ(words.size(), 1u);
        return {"<refused>"};
    }
    for (size_t i = 1; i < words.size(); ++i) {
        EXPECT_GE(words[i].data(), line.data());
        EXPECT_LE(words[i].data() + words[i].size(), line.data() + line.size());
    }
    return {words.begin() + 1, words.end()};
}

using Words = std::vector<std::string>;

TEST(InlineWords, BlanksSeparate) {
    EXPECT_EQ(split(""), Words{});
    EXPECT_EQ(split(" \t\v\f\r"), Words{});
    EXPECT_EQ(split(" a\tb \r"), (Words{"a", "b"}));
    EXPECT_EQ(split("a\vb"), (Words{"a\vb"}));
    EXPECT_EQ(split(std::string("a\0b", 3)), (Words{std::string("a\0b", 3)}));
}

TEST(InlineWords, DoubleQuotesKnowEscapes) {
    EXPECT_EQ(split(R"("\x41\xfF\n\r\t\b\a\\\"\q")"), (Words{"A\xff\n\r\t\b\a\\\"q"}));
    EXPECT_EQ(split(R"("\x4" "\xg1")"), (Words{"x4", "xg1"}));
    EXPECT_EQ(split(R"("" a"b c")"), (Words{"", "ab c"}));
}

TEST(InlineWords, SingleQuotesKnowOne) {
    EXPECT_EQ(split(R"('it\'s' '\n\x41')"), (Words{"it's", R"(\n\x41)"}));
    EXPECT_EQ(split("''"), Words{""});
}

TEST(InlineWords, QuotesMustCloseAtAWordsEnd) {
    for (const char* line : {"\"", "'", "a \"b", "a 'b", "\"a\"b", "'a'b", "\"a\"\"b\"", "\"a\\\"", "'a\\'"})
        EXPECT_EQ(split(line), Words{"<refused>"}) << line;
}

}  // namespace
}  // namespace torc
