#include <gtest/gtest.h>

#include <string>

#include "connected_node.h"

namespace torc::testing {
namespace {

class ConnectionCommands : public ConnectedCommands {
  protected:
    void require_password() {
        configure("requirepass", "secret");
        client.authenticated = false;
    }
};

constexpr auto kOk = "+OK\r\n";
constexpr auto kWrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr auto kBadName = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";

TEST_F(ConnectionCommands, PingAndEchoAnswer) {
    EXPECT_EQ(run("PING"), "+PONG\r\n");
    EXPECT_EQ(run("PING hi"), "$2\r\nhi\r\n");
    EXPECT_EQ(run("PING a b"), "-ERR wrong number of arguments for 'ping' command\r\n");
    EXPECT_EQ(run_words({"ECHO", ""}), "$0\r\n\r\n");
}

TEST_F(ConnectionCommands, SelectChangesTheDatabase) {
    EXPECT_EQ(run("SELECT 5"), kOk);
    EXPECT_EQ(client.db, 5U);
    EXPECT_EQ(run("SELECT 16"), "-ERR DB index is out of range\r\n");
    EXPECT_EQ(run("SELECT -1"), "-ERR DB index is out of range\r\n");
    EXPECT_EQ(run("SELECT x"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(client.db, 5U);
}

TEST_F(ConnectionCommands, QuitAnswersAndCloses) {
    EXPECT_EQ(run("QUIT"), kOk);
    EXPECT_TRUE(client.close_after_reply);
}

TEST_F(ConnectionCommands, AuthWithoutPasswordSet) {
    EXPECT_EQ(run("AUTH x"),
              "-ERR AUTH <password> called without any password configured for the default user. Are you "
              "sure your configuration is correct?\r\n");
    EXPECT_EQ(run("AUTH default anything"), kOk);
    EXPECT_EQ(run("AUTH other anything"), kWrongPass);
    EXPECT_EQ(run("AUTH a b c"), "-ERR syntax error\r\n");
}

TEST_F(ConnectionCommands, AuthWithPassword) {
    require_password();
    EXPECT_EQ(run("AUTH wrong"), kWrongPass);
    EXPECT_EQ(run("AUTH default wrong"), kWrongPass);
    EXPECT_EQ(run("AUTH other secret"), kWrongPass);
    EXPECT_FALSE(client.authenticated);
    EXPECT_EQ(run("AUTH secret"), kOk);
    EXPECT_TRUE(client.authenticated);
    EXPECT_EQ(run("AUTH wrong"), kWrongPass);
    EXPECT_TRUE(client.authenticated);
}

TEST_F(ConnectionCommands, HelloSwitchesTheProtocol) {
    const std::string facts =
        "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:"
        "7\r\n"
        "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
    EXPECT_EQ(run("HELLO 3"), "%7\r\n" + facts);
    EXPECT_EQ(client.protocol, 3);
    EXPECT_EQ(run("HELLO"), "%7\r\n" + facts);
    EXPECT_TRUE(run("HELLO 2").starts_with("*14\r\n"));
    EXPECT_EQ(client.protocol, 2);
    EXPECT_TRUE(run("HELLO").starts_with("*14\r\n"));
}

TEST_F(ConnectionCommands, HelloTakesNameAndPassword) {
    require_password();
    EXPECT_TRUE(run("HELLO 3").starts_with("-NOAUTH HELLO must be called with the client already auth"));
    EXPECT_EQ(run("HELLO 3 AUTH default wrong"), kWrongPass);
    EXPECT_EQ(run("HELLO 3 AUTH default wrong SETNAME \"a b\""), kWrongPass);
    EXPECT_EQ(client.protocol, 2);
    EXPECT_FALSE(client.authenticated);
    EXPECT_TRUE(run("HELLO 3 AUTH default secret SETNAME me").starts_with("%7\r\n"));
    EXPECT_TRUE(client.authenticated);
    EXPECT_EQ(client.name, "me");
}

TEST_F(ConnectionCommands, HelloRefusesMistakes) {
    EXPECT_EQ(run("HELLO x"), "-ERR Protocol version is not an integer or out of range\r\n");
    EXPECT_EQ(run("HELLO 1"), "-NOPROTO unsupported protocol version\r\n");
    EXPECT_EQ(run("HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
    EXPECT_EQ(run("HELLO 3 FOO"), "-ERR Syntax error in HELLO option 'FOO'\r\n");
    EXPECT_EQ(run("HELLO 3 AUTH a"), "-ERR Syntax error in HELLO option 'AUTH'\r\n");
    EXPECT_EQ(run("HELLO 3 SETNAME"), "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
    EXPECT_EQ(run("HELLO 3 SETNAME \"a b\""), kBadName);
    EXPECT_EQ(client.protocol, 2);
}

TEST_F(ConnectionCommands, ResetMakesTheConnectionNew) {
    require_password();
    run("AUTH secret");
    run("HELLO 3 SETNAME me");
    run("SELECT 4");
    run("CLIENT NO-TOUCH on");
    run("CLIENT NO-EVICT on");
    run("CLIENT SETINFO lib-name torc-py");
    client.monitor = true;
    run("MULTI");
    EXPECT_EQ(run("RESET"), "+RESET\r\n");
    EXPECT_EQ(client.protocol, 2);
    EXPECT_EQ(client.db, 0U);
    EXPECT_FALSE(client.in_multi);
    EXPECT_FALSE(client.authenticated);
    EXPECT_FALSE(client.monitor);
    EXPECT_FALSE(client.no_touch);
    EXPECT_FALSE(client.no_evict);
    EXPECT_EQ(client.name, "");
    EXPECT_EQ(client.library_name, "torc-py");
    configure("requirepass", "");
    run("RESET");
    EXPECT_TRUE(client.authenticated);
}

}  // namespace
}  // namespace torc::testing
