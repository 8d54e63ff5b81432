#include "node/dispatch.h"

#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class Dispatch : public NodeFixture {};

TEST_F(Dispatch, AValueWrittenIsReadBack) {
    start();
    Connection& c = connect();
    EXPECT_EQ(c("SET k v"), "+OK\r\n");
    EXPECT_EQ(c("GET k"), "$1\r\nv\r\n");
    EXPECT_EQ(c("GET absent"), "$-1\r\n");
}

TEST_F(Dispatch, RefusesInRedisWords) {
    start();
    Connection& c = connect();
    EXPECT_EQ(c("nosuch a b"), "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \r\n");
    EXPECT_EQ(c("GET"), "-ERR wrong number of arguments for 'get' command\r\n");
    EXPECT_EQ(c("CONFIG nosuch"), "-ERR unknown subcommand 'nosuch'. Try CONFIG HELP.\r\n");
    EXPECT_EQ(c("CONFIG GET"), "-ERR wrong number of arguments for 'config|get' command\r\n");
}

TEST_F(Dispatch, WhatHasBeenSentIsNobodysOutputAnyMore) {
    start();
    Connection& idle = connect();
    EXPECT_EQ(idle("PING"), "+PONG\r\n");
    const std::string list = connect()("CLIENT LIST");
    EXPECT_NE(list.find(" oll=0 omem=0 "), std::string::npos) << list;
    EXPECT_EQ(list.find(" oll=1 "), std::string::npos) << list;
}

TEST_F(Dispatch, AnExecThatCannotRunEndsTheTransaction) {
    start();
    Connection& c = connect();
    const std::string aborted =
        "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n";
    EXPECT_EQ(c("EXEC now"), aborted);
    EXPECT_EQ(c("MULTI"), "+OK\r\n");
    EXPECT_EQ(c("SET k v"), "+QUEUED\r\n");
    EXPECT_EQ(c("EXEC now"), aborted);
    EXPECT_EQ(c("GET k"), "$-1\r\n");
    EXPECT_EQ(c("EXEC"), "-ERR EXEC without MULTI\r\n");
}

TEST_F(Dispatch, PipelinesAnswerInOrderInEverySplit) {
    start();
    const std::string input = "SET a 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\nGET a\r\nSET b 'x y'\r\nGET b\r\n";
    for (size_t cut = 0; cut <= input.size(); ++cut) {
        Connection& c = connect();
        c.send_only(std::string_view(input).substr(0, cut));
        c.send_only(std::string_view(input).substr(cut));
        settle();
        EXPECT_EQ(c.take(), "+OK\r\n:2\r\n$1\r\n2\r\n+OK\r\n$3\r\nx y\r\n") << "cut at " << cut;
    }
}

// CORRECTNESS 6: no thread waits for a lock.
TEST_F(Dispatch, ALockedShardParksTheCommandUntilItIsUnlocked) {
    start();
    Connection& c = connect();
    ASSERT_EQ(c("SET k v"), "+OK\r\n");
    ShardLock& lock =
        node->core().store->shard_lock(make_key_ref("k", node->core().store->hash_seed()).shard());
    ASSERT_TRUE(lock.try_lock());
    EXPECT_EQ(c("GET k"), "");
    EXPECT_TRUE(c.client->paused());
    // What comes behind it waits too: a connection executes in order.
    EXPECT_EQ(c("PING"), "");
    lock.unlock();
    settle();
    EXPECT_EQ(c.take(), "$1\r\nv\r\n+PONG\r\n");
    EXPECT_FALSE(c.client->paused());
}

TEST_F(Dispatch, AParkedConnectionMayDie) {
    start();
    Connection& c = connect();
    ShardLock& lock =
        node->core().store->shard_lock(make_key_ref("k", node->core().store->hash_seed()).shard());
    ASSERT_TRUE(lock.try_lock());
    EXPECT_EQ(c("GET k"), "");
    connections.clear();
    lock.unlock();
    EXPECT_EQ(connect()("GET k"), "$-1\r\n");
}

TEST_F(Dispatch, SeveralKeysAreLockedTogetherOrNotAtAll) {
    start();
    Connection& c = connect();
    Store& store = *node->core().store;
    ShardLock& lock = store.shard_lock(make_key_ref("b", store.hash_seed()).shard());
    ASSERT_TRUE(lock.try_lock());
    EXPECT_EQ(c("MSET a 1 b 2 c 3"), "");
    // The others were given back: another connection uses them meanwhile.
    EXPECT_EQ(connect()("GET a"), "$-1\r\n");
    lock.unlock();
    settle();
    EXPECT_EQ(c.take(), "+OK\r\n");
    EXPECT_EQ(c("MGET a b c"), "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
}

TEST_F(Dispatch, CommandsOfALoadingNodeAreRefusedButItAnswersWhatItCan) {
    start();
    node->core().loading = true;
    Connection& c = connect();
    EXPECT_EQ(c("GET k"), "-LOADING Redis is loading the dataset in memory\r\n");
    EXPECT_NE(c("INFO persistence").find("loading:1"), std::string::npos);
    node->core().loading = false;
}

TEST_F(Dispatch, ClientReplyOffAndSkip) {
    start();
    Connection& c = connect();
    EXPECT_EQ(c("CLIENT REPLY OFF"), "");
    EXPECT_EQ(c("SET k v"), "");
    EXPECT_EQ(c("nosuch"), "");
    EXPECT_EQ(c("CLIENT REPLY ON"), "+OK\r\n");
    EXPECT_EQ(c("CLIENT REPLY SKIP"), "");
    EXPECT_EQ(c("GET k"), "");
    EXPECT_EQ(c("GET k"), "$1\r\nv\r\n");
}

TEST_F(Dispatch, MonitorsSeeWhatRuns) {
    start();
    Connection& watcher = connect();
    Connection& c = connect();
    EXPECT_EQ(watcher("MONITOR"), "+OK\r\n");
    c("SET k \"a\\n\"");
    const std::string seen = watcher.take();
    EXPECT_NE(seen.find("[0 127.0.0.1:50001] \"SET\" \"k\" \"a\\n\""), std::string::npos) << seen;
}

TEST_F(Dispatch, AnExecThatIsGivenUpCountsAsAnError) {
    start();
    Connection& c = connect();
    c("MULTI");
    c("SET k");
    EXPECT_TRUE(c("EXEC").starts_with("-EXECABORT"));
    const std::string errors = c("INFO errorstats");
    EXPECT_NE(errors.find("errorstat_EXECABORT:count=1\r\n"), std::string::npos) << errors;
    EXPECT_NE(errors.find("errorstat_ERR:count=1\r\n"), std::string::npos) << errors;
    EXPECT_NE(c("INFO stats").find("total_error_replies:2\r\n"), std::string::npos);
    // An error of one of its commands is that command's alone.
    c("SET s x");
    c("MULTI");
    c("INCR s");
    c("EXEC");
    const std::string commands = c("INFO commandstats");
    const size_t exec = commands.find("cmdstat_exec:calls=2,");
    ASSERT_NE(exec, std::string::npos) << commands;
    EXPECT_EQ(commands.find("rejected_calls=0,failed_calls=1\r\n", exec),
              commands.find("rejected_calls", exec));
    EXPECT_NE(c("INFO stats").find("total_error_replies:3\r\n"), std::string::npos);
}

TEST_F(Dispatch, WhatWasRefusedIsNotProcessed) {
    start();
    Connection& c = connect();
    Connection& asker = connect();
    c("GET k\r\nGET\r\nnosuch\r\nMULTI\r\nGET k x\r\nGET k");
    EXPECT_NE(asker("INFO stats").find("total_commands_processed:2\r\n"), std::string::npos) << "GET, MULTI";
    c("DISCARD");
    c("MULTI\r\nGET k\r\nGET k\r\nEXEC");
    EXPECT_NE(asker("INFO stats").find("total_commands_processed:8\r\n"), std::string::npos)
        << "EXEC's two, too";
}

TEST_F(Dispatch, ATransactionMayNotGrowWithoutBound) {
    start({"--client-query-buffer-limit", "1mb"});
    Connection& c = connect();
    EXPECT_EQ(c("MULTI"), "+OK\r\n");
    const std::string command = "SET k " + std::string(10'000, 'x');
    int queued = 0;
    while (!c.port.closed && queued < 1000) {
        c(command);
        ++queued;
    }
    EXPECT_TRUE(c.port.closed);
    EXPECT_LT(queued, 120);
}

TEST_F(Dispatch, EntriesAboveTheLimitAreRefused) {
    start({"--max-entry-size", "1kb"});
    Connection& c = connect();
    EXPECT_EQ(c("SET k " + std::string(1025, 'x')), "-ERR entry is larger than max-entry-size\r\n");
    EXPECT_EQ(c("SET k " + std::string(1024, 'x')), "+OK\r\n");
}

}  // namespace
}  // namespace torc
