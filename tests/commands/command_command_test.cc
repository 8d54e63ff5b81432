#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CommandCommandTest : public ServerCommands {};

TEST_F(CommandCommandTest, InfoInBothProtocols) {
    EXPECT_EQ(
        run("COMMAND INFO get nosuch"),
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@read\r\n"
        "+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search"
        "\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n"
        "*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:"
        "1\r\n"
        "$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n");
    use_resp3();
    EXPECT_EQ(
        run("COMMAND INFO config|get"),
        "*1\r\n*10\r\n$10\r\nconfig|get\r\n:-3\r\n~4\r\n+admin\r\n+noscript\r\n+loading\r\n+stale\r\n:0\r\n:0"
        "\r\n:0\r\n~3\r\n+@admin\r\n+@slow\r\n+@dangerous\r\n~0\r\n~0\r\n~0\r\n");
}

TEST_F(CommandCommandTest, BareAndCountAgree) {
    const std::string count = run("COMMAND COUNT");
    EXPECT_TRUE(run("COMMAND").starts_with("*" + count.substr(1)));
    EXPECT_TRUE(run("COMMAND INFO").starts_with("*" + count.substr(1)));
    EXPECT_TRUE(run("COMMAND LIST").starts_with("*" + count.substr(1)));
    use_resp3();
    EXPECT_TRUE(run("COMMAND DOCS").starts_with("%" + count.substr(1)));
}

TEST_F(CommandCommandTest, SeveralKeySpecsBecomeOneRange) {
    EXPECT_THAT(run("COMMAND INFO bitop"), HasSubstr(":2\r\n:-1\r\n:1\r\n"));
    EXPECT_THAT(run("COMMAND INFO copy"), HasSubstr(":1\r\n:2\r\n:1\r\n"));
    EXPECT_THAT(run("COMMAND INFO mset"), HasSubstr(":1\r\n:-1\r\n:2\r\n"));
}

TEST_F(CommandCommandTest, TipsAreTold) {
    EXPECT_THAT(run("COMMAND INFO dbsize"),
                HasSubstr("*2\r\n$25\r\nrequest_policy:all_shards\r\n$23\r\nresponse_policy:agg_sum\r\n"));
}

TEST_F(CommandCommandTest, GetKeys) {
    EXPECT_EQ(run("COMMAND GETKEYS mset a b c d"), "*2\r\n$1\r\na\r\n$1\r\nc\r\n");
    EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS set a b get"),
              "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n");
    EXPECT_EQ(run("COMMAND GETKEYS nosuch a"), "-ERR Invalid command specified\r\n");
    EXPECT_EQ(run("COMMAND GETKEYS config nosuch"), "-ERR Invalid command specified\r\n");
    EXPECT_EQ(run("COMMAND GETKEYS time now"), "-ERR The command has no key arguments\r\n");
    EXPECT_EQ(run("COMMAND GETKEYS debug object a"), "-ERR The command has no key arguments\r\n");
    EXPECT_EQ(run("COMMAND GETKEYS get a b"), "-ERR Invalid number of arguments specified for command\r\n");
}

TEST_F(CommandCommandTest, ListFilters) {
    EXPECT_EQ(run("COMMAND LIST FILTERBY PATTERN CONFIG|re*"),
              "*2\r\n$16\r\nconfig|resetstat\r\n$14\r\nconfig|rewrite\r\n");
    EXPECT_EQ(run("COMMAND LIST FILTERBY MODULE any"), "*0\r\n");
    EXPECT_EQ(run("COMMAND LIST FILTERBY ACLCAT nosuch"), "*0\r\n");
    const std::string bitmaps = run("COMMAND LIST FILTERBY ACLCAT bitmap");
    EXPECT_THAT(bitmaps, HasSubstr("bitpos"));
    EXPECT_THAT(bitmaps, Not(HasSubstr("strlen")));
    EXPECT_EQ(run("COMMAND LIST FILTERBY ACLCAT"), kSyntaxError);
    EXPECT_EQ(run("COMMAND LIST FILTERBY COLOUR red"), kSyntaxError);
    EXPECT_EQ(run("COMMAND LIST all"), kSyntaxError);
}

TEST_F(CommandCommandTest, DocsOfOneCommand) {
    use_resp3();
    const std::string docs = run("COMMAND DOCS getset nosuch");
    EXPECT_TRUE(docs.starts_with("%1\r\n$6\r\ngetset\r\n%8\r\n$7\r\nsummary\r\n"));
    EXPECT_THAT(
        docs,
        HasSubstr("$5\r\ngroup\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n"
                  "$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n$16\r\ndeprecated_since\r\n$5\r\n6.2.0\r\n"));
    EXPECT_THAT(
        docs,
        HasSubstr("$9\r\narguments\r\n*2\r\n%4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n"
                  "$12\r\ndisplay_text\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n"));
    EXPECT_EQ(run("COMMAND DOCS nosuch"), "%0\r\n");
}

TEST_F(CommandCommandTest, DocsOfSubcommandsAndHistory) {
    use_resp3();
    EXPECT_THAT(run("COMMAND DOCS config"), HasSubstr("$11\r\nsubcommands\r\n%5\r\n$10\r\nconfig|get\r\n"));
    const std::string docs = run("COMMAND DOCS flushall");
    EXPECT_THAT(docs, HasSubstr("$7\r\nhistory\r\n~2\r\n*2\r\n$5\r\n4.0.0\r\n"));
    EXPECT_THAT(docs, HasSubstr("$5\r\ntoken\r\n$5\r\nASYNC\r\n$5\r\nsince\r\n$5\r\n4.0.0\r\n"));
    EXPECT_THAT(docs, HasSubstr("$5\r\nflags\r\n~1\r\n+optional\r\n"));
}

}  // namespace
}  // namespace torc::testing
