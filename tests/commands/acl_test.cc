#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

constexpr std::string_view kHashOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class AclTest : public ServerCommands {};

TEST_F(AclTest, TheOneUser) {
    EXPECT_EQ(run("ACL WHOAMI"), bulk("default"));
    EXPECT_EQ(run("ACL USERS"), "*1\r\n" + bulk("default"));
    EXPECT_EQ(run("ACL LIST"), "*1\r\n" + bulk("user default on nopass ~* &* +@all"));
    EXPECT_EQ(run("ACL GETUSER default"), "*12\r\n" + bulk("flags") + "*2\r\n" + bulk("on") + bulk("nopass") +
                                              bulk("passwords") + "*0\r\n" + bulk("commands") +
                                              bulk("+@all") + bulk("keys") + bulk("~*") + bulk("channels") +
                                              bulk("&*") + bulk("selectors") + "*0\r\n");
    EXPECT_EQ(run("ACL GETUSER nosuch"), kNull);
}

TEST_F(AclTest, ThePasswordIsShownAsItsHash) {
    configure({"--requirepass", "abc"});
    EXPECT_EQ(run("ACL LIST"),
              "*1\r\n" + bulk("user default on #" + std::string(kHashOfAbc) + " ~* &* +@all"));
    const std::string user = run("ACL GETUSER default");
    EXPECT_NE(user.find(bulk("passwords") + "*1\r\n" + bulk(kHashOfAbc)), std::string::npos);
    EXPECT_EQ(user.find("nopass"), std::string::npos);
}

TEST_F(AclTest, UsersStayAsTheyAre) {
    EXPECT_TRUE(run("ACL SETUSER a on").starts_with("-ERR Torc has one user"));
    EXPECT_EQ(run("ACL DELUSER a b"), integer(0));
    EXPECT_EQ(run("ACL DELUSER a default"), "-ERR The 'default' user cannot be removed\r\n");
    for (const char* line : {"ACL LOAD", "ACL SAVE"})
        EXPECT_TRUE(run(line).starts_with("-ERR This Redis instance is not configured to use an ACL file."));
}

TEST_F(AclTest, CategoriesAndTheirCommands) {
    EXPECT_TRUE(run("ACL CAT").starts_with("*21\r\n$8\r\nkeyspace\r\n"));
    EXPECT_NE(run("ACL CAT bitmap").find(bulk("setbit")), std::string::npos);
    EXPECT_NE(run("ACL CAT Dangerous").find(bulk("acl|setuser")), std::string::npos);
    EXPECT_EQ(run("ACL CAT nosuch"), "-ERR Unknown category 'nosuch'\r\n");
}

TEST_F(AclTest, EveryCommandMayRun) {
    EXPECT_EQ(run("ACL DRYRUN default GET k"), kOk);
    EXPECT_EQ(run("ACL DRYRUN default CONFIG GET k"), kOk);
    EXPECT_EQ(run("ACL DRYRUN default get"), "-ERR wrong number of arguments for 'get' command\r\n");
    EXPECT_EQ(run("ACL DRYRUN default nosuch"), "-ERR Command 'nosuch' not found\r\n");
    EXPECT_EQ(run("ACL DRYRUN a GET k"), "-ERR User 'a' not found\r\n");
}

TEST_F(AclTest, NothingWasNoted) {
    EXPECT_EQ(run("ACL LOG reset"), kOk);
    EXPECT_EQ(run("ACL LOG x"), kNotIntegerError);
    EXPECT_EQ(run("ACL LOG"), "-ERR Torc keeps no log of what it refused\r\n");
}

TEST_F(AclTest, PasswordsByChance) {
    EXPECT_TRUE(run("ACL GENPASS").starts_with("$64\r\n"));
    EXPECT_NE(run("ACL GENPASS"), run("ACL GENPASS"));
    EXPECT_TRUE(run("ACL GENPASS 5").starts_with("$2\r\n"));
    EXPECT_TRUE(run("ACL GENPASS 4096").starts_with("$1024\r\n"));
    for (const char* line : {"ACL GENPASS 0", "ACL GENPASS 4097"})
        EXPECT_TRUE(run(line).starts_with("-ERR ACL GENPASS argument must be")) << line;
}

}  // namespace
}  // namespace torc::testing
