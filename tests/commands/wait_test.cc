#include <gtest/gtest.h>

#include <string>

#include "connected_node.h"

namespace torc::testing {
namespace {

class WaitCommands : public ConnectedCommands {
  protected:
    /// What the dispatcher does when a wait is over.
    std::string end_wait(bool timed_out) {
        const Block block = client.block;
        client.block = Block{};
        Buffer out;
        ReplyWriter reply(out, client.protocol);
        Call call{*CommandTable::instance().find("wait"), {}, keys(), client, here, reply, world.now_ms};
        block.finish(call, timed_out);
        return std::string(out.view());
    }
    bool waits() const { return client.block.kind != Block::Kind::none; }
};

TEST_F(WaitCommands, WaitForNobodyAnswersAtOnce) {
    EXPECT_EQ(run("WAIT 0 1000"), ":0\r\n");
    EXPECT_EQ(run("WAIT -1 1000"), ":0\r\n");
    EXPECT_FALSE(waits());
}

TEST_F(WaitCommands, WaitForReplicasLastsUntilTheDeadline) {
    EXPECT_EQ(run("WAIT 1 500"), "");
    EXPECT_EQ(client.block.kind, Block::Kind::replicated);
    EXPECT_EQ(client.block.deadline_ms, world.now_ms + 500);
    EXPECT_EQ(end_wait(true), ":0\r\n");
    EXPECT_EQ(run("WAIT 1 0"), "");
    EXPECT_EQ(client.block.deadline_ms, 0);
}

TEST_F(WaitCommands, NothingWaitsInATransaction) {
    client.in_multi = true;
    here.fake_clients.synced = false;
    EXPECT_EQ(run("WAIT 1 500"), ":0\r\n");
    EXPECT_EQ(run("WAITAOF 1 0 500"), "*2\r\n:0\r\n:0\r\n");
    EXPECT_FALSE(waits());
}

TEST_F(WaitCommands, WaitaofLastsUntilTheLogIsSynced) {
    EXPECT_EQ(run("WAITAOF 1 0 0"), "*2\r\n:1\r\n:0\r\n");
    EXPECT_FALSE(waits());
    here.fake_clients.synced = false;
    client.last_write_lsn = 42;
    EXPECT_EQ(run("WAITAOF 0 0 0"), "*2\r\n:0\r\n:0\r\n");
    EXPECT_EQ(run("WAITAOF 1 0 300"), "");
    EXPECT_EQ(client.block.kind, Block::Kind::synced);
    EXPECT_EQ(client.block.lsn, 42U);
    EXPECT_EQ(client.block.deadline_ms, world.now_ms + 300);
    here.fake_clients.synced = true;
    EXPECT_EQ(end_wait(false), "*2\r\n:1\r\n:0\r\n");
}

TEST_F(WaitCommands, WaitaofForReplicasTellsTheLocalStateAtTheEnd) {
    here.fake_clients.synced = false;
    EXPECT_EQ(run("WAITAOF 1 2 300"), "");
    EXPECT_EQ(client.block.kind, Block::Kind::synced_by_replicas);
    EXPECT_EQ(client.block.arguments[0], 1);
    EXPECT_EQ(client.block.arguments[1], 2);
    EXPECT_EQ(end_wait(true), "*2\r\n:0\r\n:0\r\n");
}

TEST_F(WaitCommands, MistakesAreRefused) {
    EXPECT_EQ(run("WAIT x 1"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("WAIT 1 x"), "-ERR timeout is not an integer or out of range\r\n");
    EXPECT_EQ(run("WAIT 1 -1"), "-ERR timeout is negative\r\n");
    EXPECT_EQ(run("WAIT 1 9223372036854775807"), "-ERR timeout is out of range\r\n");
    EXPECT_EQ(run("WAITAOF x 0 0"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("WAITAOF 2 0 0"), "-ERR value is out of range, value must between 0 and 1\r\n");
    EXPECT_EQ(run("WAITAOF 1 -1 0"), "-ERR value is out of range, must be positive\r\n");
    EXPECT_EQ(run("WAITAOF 1 x 0"), "-ERR value is out of range, must be positive\r\n");
    EXPECT_EQ(run("WAITAOF 1 0 -1"), "-ERR timeout is negative\r\n");
    configure("appendonly", "no");
    EXPECT_EQ(run("WAITAOF 1 0 0"),
              "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n");
    EXPECT_EQ(run("WAITAOF 0 0 0"), "*2\r\n:1\r\n:0\r\n");
    EXPECT_FALSE(waits());
}

}  // namespace
}  // namespace torc::testing
