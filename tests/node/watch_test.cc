#include "node/watch.h"

#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class Watch : public NodeFixture {
  public:
    /// What EXEC answers to a watcher of `k` when this happens in between.
    std::string exec_after(const std::string& setup, const std::string& happening, bool own = false) {
        Connection& watcher = connect();
        Connection& other = connect();
        other(setup);
        watcher("WATCH k");
        (own ? watcher : other)(happening);
        watcher("MULTI");
        watcher("SET done 1");
        return watcher("EXEC");
    }
};

constexpr const char* kAborted = "*-1\r\n";
constexpr const char* kRan = "*1\r\n+OK\r\n";

TEST_F(Watch, AChangeByAnyoneAbortsAndNothingElseDoes) {
    start();
    EXPECT_EQ(exec_after("SET k 1", "GET k"), kRan);
    EXPECT_EQ(exec_after("SET k 1", "SET other 1"), kRan);
    EXPECT_EQ(exec_after("SET k 1", "SET k 1"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "SET k 2", true), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "EXPIRE k 100"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "APPEND k x"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "SETRANGE k 0 x"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "SETBIT k 0 1"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "RENAME k j"), kAborted);
    EXPECT_EQ(exec_after("SET k 1", "FLUSHALL"), kAborted);
}

// CORRECTNESS 20: by value alone the key looks the same again.
TEST_F(Watch, AbsentThenSetThenDeletedAborts) {
    start();
    EXPECT_EQ(exec_after("DEL k", "SET k 1\nDEL k"), kAborted);
    EXPECT_EQ(exec_after("DEL k", "DEL k"), kRan);
    EXPECT_EQ(exec_after("DEL k", "FLUSHALL"), kRan);
}

TEST_F(Watch, SwappingDatabasesTouchesWhatIsInEither) {
    start();
    EXPECT_EQ(exec_after("SET k 1", "SWAPDB 0 1"), kAborted);
    connect()("FLUSHALL");
    EXPECT_EQ(exec_after("DEL k", "SELECT 1\nSET k 1\nSWAPDB 0 1"), kAborted);
    connect()("FLUSHALL");
    EXPECT_EQ(exec_after("DEL k", "SWAPDB 0 1"), kRan);
}

TEST_F(Watch, AWatchStaysWithTheNumberOfItsDatabase) {
    start();
    Connection& watcher = connect();
    watcher("WATCH k");
    connect()("SWAPDB 0 1");
    connect()("SET k 1");
    EXPECT_EQ(watcher("MULTI\nPING\nEXEC"), "+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_F(Watch, AnExpiryBetweenWatchAndExecAborts) {
    start();
    Connection& watcher = connect();
    Connection& other = connect();
    other("SET k 1 PX 50");
    watcher("WATCH k");
    pass_ms(60);
    EXPECT_EQ(watcher("MULTI\nPING\nEXEC"), "+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_F(Watch, UnwatchAndTheEndOfATransactionForget) {
    start();
    Connection& watcher = connect();
    Connection& other = connect();
    watcher("WATCH k\nUNWATCH");
    other("SET k 1");
    EXPECT_EQ(watcher("MULTI\nPING\nEXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
    watcher("WATCH k\nMULTI\nDISCARD");
    other("SET k 2");
    EXPECT_EQ(watcher("MULTI\nPING\nEXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
}

TEST_F(Watch, TheDeadLeaveTheTables) {
    start();
    for (int i = 0; i < 10; ++i) connect()("WATCH k");
    const ShardId shard = make_key_ref("k", node->core().store->hash_seed()).shard();
    EXPECT_TRUE(node->core().watches.any(shard));
    connections.clear();
    pass_ms(100);
    EXPECT_FALSE(node->core().watches.any(shard));
}

}  // namespace
}  // namespace torc
