#include "node/client_registry.h"

#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class ClientRegistryTest : public NodeFixture {
  protected:
    static std::string id_of(Connection& c) {
        const std::string reply = c("CLIENT ID");
        return reply.substr(1, reply.find('\r') - 1);
    }
};

TEST_F(ClientRegistryTest, UnblockEndsAWaitAsTheDeadlineWould) {
    start();
    Connection& waiting = connect();
    Connection& other = connect();
    const std::string id = id_of(waiting);
    EXPECT_EQ(waiting("WAIT 1 0"), "");
    EXPECT_EQ(other("CLIENT UNBLOCK " + id), ":1\r\n");
    EXPECT_EQ(waiting.take(), ":0\r\n");
    EXPECT_EQ(other("CLIENT UNBLOCK " + id), ":0\r\n");
}

TEST_F(ClientRegistryTest, UnblockMayEndAWaitWithAnError) {
    start();
    Connection& waiting = connect();
    Connection& other = connect();
    const std::string id = id_of(waiting);
    EXPECT_EQ(waiting("WAIT 1 0"), "");
    EXPECT_EQ(other("CLIENT UNBLOCK " + id + " ERROR"), ":1\r\n");
    EXPECT_EQ(waiting.take(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    EXPECT_EQ(waiting("PING"), "+PONG\r\n");
}

TEST_F(ClientRegistryTest, KillClosesOthersAndTheAskerHearsOfItsOwnEnd) {
    start();
    Connection& victim = connect();
    Connection& asker = connect();
    const std::string kill = "CLIENT KILL ID " + id_of(victim);
    EXPECT_EQ(asker(kill), ":1\r\n");
    EXPECT_TRUE(victim.port.closed);
    EXPECT_FALSE(asker.port.closed);
    EXPECT_EQ(asker(kill), ":0\r\n");  // it dies once
    EXPECT_EQ(asker("CLIENT KILL ID " + id_of(asker) + " SKIPME no"), ":1\r\n");
    EXPECT_TRUE(asker.port.closed);
}

TEST_F(ClientRegistryTest, APauseHoldsCommandsUntilItEnds) {
    start();
    Connection& paused = connect();
    Connection& other = connect();
    const std::string id = id_of(paused);
    EXPECT_EQ(other("CLIENT PAUSE 1000 WRITE"), "+OK\r\n");
    EXPECT_EQ(paused("GET k"), "$-1\r\n");
    EXPECT_EQ(paused("SET k v"), "");
    EXPECT_NE(other("INFO clients").find("blocked_clients:1\r\n"), std::string::npos);
    EXPECT_NE(other("CLIENT LIST ID " + id).find(" flags=b "), std::string::npos);
    EXPECT_EQ(other("CLIENT UNBLOCK " + id), ":0\r\n") << "its own command waits for nothing";
    EXPECT_EQ(other("CLIENT UNPAUSE"), "+OK\r\n");
    settle();
    pass_ms(10);
    EXPECT_EQ(paused.take(), "+OK\r\n");
    EXPECT_NE(other("INFO clients").find("blocked_clients:0\r\n"), std::string::npos);
    EXPECT_NE(other("CLIENT LIST ID " + id).find(" flags=N "), std::string::npos);
    EXPECT_EQ(other("CLIENT PAUSE 1000"), "+OK\r\n");
    EXPECT_EQ(paused("GET k"), "");
    pass_ms(1100);
    EXPECT_EQ(paused.take(), "$1\r\nv\r\n");
}

}  // namespace
}  // namespace torc
