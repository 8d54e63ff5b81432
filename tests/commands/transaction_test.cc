#include <gtest/gtest.h>

#include <string>

#include "connected_node.h"

namespace torc::testing {
namespace {

class TransactionCommands : public ConnectedCommands {
  protected:
    void queue(std::string_view word) {
        client.queue.push_back({CommandTable::instance().find(word), {std::string(word)}});
        client.queued_commands = static_cast<int>(client.queue.size());
    }
    void expect_ended() {
        EXPECT_FALSE(client.in_multi);
        EXPECT_FALSE(client.multi_failed);
        EXPECT_TRUE(client.queue.empty());
        EXPECT_EQ(client.queued_commands, -1);
        EXPECT_TRUE(here.fake_transactions.watched.empty());
    }
};

constexpr auto kOk = "+OK\r\n";

TEST_F(TransactionCommands, ExecRunsTheQueueAndEnds) {
    EXPECT_EQ(run("WATCH a"), kOk);
    EXPECT_EQ(run("MULTI"), kOk);
    EXPECT_TRUE(client.in_multi);
    EXPECT_EQ(client.queued_commands, 0);
    queue("get");
    queue("ping");
    EXPECT_EQ(run("EXEC"), "*2\r\n$3\r\nget\r\n$4\r\nping\r\n");
    EXPECT_TRUE(here.fake_transactions.was_in_multi);
    expect_ended();
}

TEST_F(TransactionCommands, AChangedKeyMakesExecNull) {
    run("WATCH a");
    here.fake_transactions.changed = true;
    run("MULTI");
    queue("get");
    EXPECT_EQ(run("EXEC"), "*-1\r\n");
    expect_ended();
    use_resp3();
    run("MULTI");
    EXPECT_EQ(run("EXEC"), "_\r\n");
}

TEST_F(TransactionCommands, AnEarlierErrorAbortsExec) {
    run("WATCH a");
    run("MULTI");
    queue("get");
    client.multi_failed = true;
    EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
    EXPECT_FALSE(here.fake_transactions.was_in_multi);
    expect_ended();
}

TEST_F(TransactionCommands, DiscardForgetsQueueAndWatches) {
    run("WATCH a");
    run("MULTI");
    queue("get");
    EXPECT_EQ(run("DISCARD"), kOk);
    expect_ended();
}

TEST_F(TransactionCommands, OrderIsChecked) {
    EXPECT_EQ(run("EXEC"), "-ERR EXEC without MULTI\r\n");
    EXPECT_EQ(run("DISCARD"), "-ERR DISCARD without MULTI\r\n");
    run("MULTI");
    queue("get");
    EXPECT_EQ(run("MULTI"), "-ERR MULTI calls can not be nested\r\n");
    EXPECT_EQ(run("WATCH a"), "-ERR WATCH inside MULTI is not allowed\r\n");
    EXPECT_TRUE(here.fake_transactions.watched.empty());
    EXPECT_TRUE(client.in_multi);
    EXPECT_EQ(run("EXEC"), "*1\r\n$3\r\nget\r\n");
}

TEST_F(TransactionCommands, WatchTakesManyKeysOfTheDatabase) {
    run("SELECT 2");
    EXPECT_EQ(run("WATCH a b"), kOk);
    EXPECT_EQ(here.fake_transactions.watched, (std::vector<std::string>{"2:a", "2:b"}));
    EXPECT_EQ(run("UNWATCH"), kOk);
    EXPECT_TRUE(here.fake_transactions.watched.empty());
    EXPECT_EQ(run("UNWATCH"), kOk);
}

}  // namespace
}  // namespace torc::testing
