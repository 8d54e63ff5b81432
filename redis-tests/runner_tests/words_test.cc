#include "words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redis_tests {
namespace {

using ::testing::ElementsAre;

TEST(Words, SplitsAtSpacesAndTabs) {
    EXPECT_THAT(*split_words("  SET\tk  v "), ElementsAre("SET", "k", "v"));
}

TEST(Words, ReadsEscapesInDoubleQuotesOnly) {
    EXPECT_THAT(*split_words(R"("a\r\n\x41\"" 'b\n\'' "")"), ElementsAre("a\r\nA\"", "b\\n'", ""));
    EXPECT_EQ((*split_words(R"("\x00z")"))[0], std::string("\0z", 2));
}

TEST(Words, RepeatsText) {
    EXPECT_THAT(*split_words("<3*ab> <0*x> <ab> <x*y>"), ElementsAre("ababab", "", "<ab>", "<x*y>"));
}

TEST(Words, RefusesWhatItCannotRead) {
    EXPECT_EQ(split_words("SET \"k").error(), "a quote is not closed");
    EXPECT_EQ(split_words("\"a\"b").error(), "a closing quote must be followed by a space");
    EXPECT_EQ(split_words("\"\\q\"").error(), "unknown escape in a quoted word");
    EXPECT_EQ(split_words("\"\\x4\"").error(), "unknown escape in a quoted word");
}

TEST(Words, QuotedWordsReadBackAsThemselves) {
    for (const std::string& word :
         {std::string(), std::string("a b"), std::string("\0\xff\r\n\"\\", 6), std::string("<3*x>"),
          std::string("@2"), std::string("%"), std::string("[")})
        EXPECT_THAT(*split_words(as_word(word)), ElementsAre(word));
    EXPECT_EQ(as_word("plain"), "plain");
}

TEST(Words, EncodesACommandAsAnArrayOfBulks) {
    EXPECT_EQ(encode_command({"GET", ""}), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace redis_tests
