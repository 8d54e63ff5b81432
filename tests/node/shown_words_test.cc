#include "node/shown_words.h"

#include <gtest/gtest.h>

#include <string>

#include "commands/command_table.h"

namespace torc {
namespace {

/// The words that are shown of a line without quotes.
std::string shown(std::string_view line) {
    std::vector<std::string_view> words;
    for (size_t at = 0; at < line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    const CommandSpec* spec = CommandTable::instance().find(words[0]);
    if (!spec->subcommands.empty()) spec = CommandTable::find_subcommand(*spec, words[1]);
    const ShownWords what(*spec, words);
    std::string text;
    for (const std::string_view word : Args(what)) text += std::string(word) + ' ';
    text.pop_back();
    return text;
}

TEST(ShownWordsTest, PasswordsAreNot) {
    EXPECT_EQ(shown("AUTH secret"), "AUTH (redacted)");
    EXPECT_EQ(shown("auth user secret"), "auth (redacted) (redacted)");
    EXPECT_EQ(shown("CONFIG SET requirepass secret"), "CONFIG SET requirepass (redacted)");
    EXPECT_EQ(shown("config set timeout 1 REQUIREPASS secret hz 10"),
              "config set timeout 1 REQUIREPASS (redacted) hz 10");
    EXPECT_EQ(shown("CONFIG SET requirepass"), "CONFIG SET requirepass");
    EXPECT_EQ(shown("ACL SETUSER user >secret"), "ACL SETUSER (redacted) (redacted)");
}

TEST(ShownWordsTest, HelloKeepsItsOtherWords) {
    EXPECT_EQ(shown("HELLO 3 AUTH user secret SETNAME name"),
              "HELLO 3 AUTH (redacted) (redacted) SETNAME name");
    EXPECT_EQ(shown("HELLO 3 SETNAME name auth user secret"),
              "HELLO 3 SETNAME name auth (redacted) (redacted)");
    EXPECT_EQ(shown("HELLO 3 AUTH secret"), "HELLO 3 AUTH (redacted)");
    EXPECT_EQ(shown("HELLO 3"), "HELLO 3");
}

TEST(ShownWordsTest, EverythingElseIs) {
    EXPECT_EQ(shown("SET requirepass secret"), "SET requirepass secret");
    EXPECT_EQ(shown("CONFIG GET requirepass"), "CONFIG GET requirepass");
    EXPECT_EQ(shown("GET auth"), "GET auth");
}

}  // namespace
}  // namespace torc
