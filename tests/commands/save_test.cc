#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

class SaveTest : public ServerCommands {
  protected:
    /// What the client gets when its wait ends.
    std::string finish() {
        Buffer out;
        ReplyWriter reply(out);
        const CommandSpec spec;
        Call call{spec, {}, keys(), client, here, reply, world.now_ms};
        client.block.finish(call, false);
        return std::string(out.view());
    }
};

TEST_F(SaveTest, BgsaveStartsOrTellsThatOneRuns) {
    EXPECT_EQ(run("BGSAVE"), "+Background saving started\r\n");
    EXPECT_EQ(run("BGSAVE"), "-ERR Background save already in progress\r\n");
    EXPECT_FALSE(here.fake_persistence.scheduled);
    EXPECT_EQ(run("BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    EXPECT_TRUE(here.fake_persistence.scheduled);
    EXPECT_EQ(run("BGSAVE later"), kSyntaxError);
    EXPECT_EQ(run("LASTSAVE"), integer(1'600'000'000));
}

TEST_F(SaveTest, CompactionNeedsNoAsking) {
    EXPECT_EQ(run("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    EXPECT_FALSE(here.fake_persistence.running);
}

TEST_F(SaveTest, SaveWaitsForTheBackup) {
    EXPECT_EQ(run("SAVE"), "");
    EXPECT_EQ(client.block.kind, Block::Kind::backup);
    EXPECT_EQ(client.block.arguments[0], 4);
    EXPECT_EQ(finish(), kOk);
    here.fake_persistence.last_ok = false;
    EXPECT_TRUE(finish().starts_with("-ERR the backup failed"));
    client.block = {};
    EXPECT_EQ(run("SAVE"), "-ERR Background save already in progress\r\n");
    EXPECT_EQ(client.block.kind, Block::Kind::none);
}

TEST_F(SaveTest, ShutdownSaysNothing) {
    EXPECT_EQ(run("SHUTDOWN nosave NOW force"), "");
    EXPECT_TRUE(here.fake_persistence.stopping);
    EXPECT_TRUE(here.fake_persistence.wish.nosave && here.fake_persistence.wish.now &&
                here.fake_persistence.wish.force);
    EXPECT_FALSE(here.fake_persistence.wish.save);
    EXPECT_EQ(client.block.kind, Block::Kind::time);
    EXPECT_EQ(client.block.deadline_ms, 0);
    EXPECT_EQ(run("SHUTDOWN ABORT"), kOk);
    EXPECT_EQ(run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
}

TEST_F(SaveTest, ShutdownErrors) {
    for (const char* line :
         {"SHUTDOWN soon", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN NOW ABORT"})
        EXPECT_EQ(run(line), kSyntaxError) << line;
    here.fake_persistence.can_stop = false;
    EXPECT_EQ(run("SHUTDOWN"), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    EXPECT_EQ(client.block.kind, Block::Kind::none);
}

}  // namespace
}  // namespace torc::testing
