// When replies may leave (CORRECTNESS 12 and 13), through a whole node.
#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class Durability : public NodeFixture {
  public:
    /// The process dies without warning; what it had written is there.
    void crash_and_restart(std::vector<std::string> directives = {}) {
        stop(false);
        disk->crash();
        start(std::move(directives));
    }
};

TEST_F(Durability, AnAcknowledgedWriteSurvivesACrash) {
    start();
    EXPECT_EQ(connect()("SET k v"), "+OK\r\n");
    crash_and_restart();
    EXPECT_EQ(connect()("GET k"), "$1\r\nv\r\n");
}

TEST_F(Durability, UnderAlwaysRepliesWaitForTheSync) {
    start({"--appendfsync", "always"}, 2);
    Connection& writer = connect(0);
    Connection& reader = connect(1);
    EXPECT_EQ(writer("SET k v"), "");
    // Whoever has seen the value must not learn of it before it is safe either.
    EXPECT_EQ(reader("GET k"), "");
    // What depends on nothing unsynced needn't wait.
    EXPECT_EQ(connect(1)("GET other"), "$-1\r\n");
    node->sync_step();
    settle();
    EXPECT_EQ(writer.take(), "+OK\r\n");
    EXPECT_EQ(reader.take(), "$1\r\nv\r\n");
}

TEST_F(Durability, ADiskThatIsFullMakesWritesDoubtfulThenRefusedAndClearsItself) {
    start();
    Connection& c = connect();
    ASSERT_EQ(c("SET before 1"), "+OK\r\n");
    disk->set_capacity(disk->used_bytes());
    EXPECT_EQ(c("SET k v").substr(0, 9), "-INDOUBT ");
    EXPECT_EQ(c("SET k w").substr(0, 9), "-MISCONF ");
    EXPECT_EQ(c("GET before"), "$1\r\n1\r\n");
    EXPECT_EQ(c("GET k"), "$1\r\nv\r\n");
    disk->set_capacity(UINT64_MAX);
    node->sync_step();
    settle();
    EXPECT_EQ(c("SET k w"), "+OK\r\n");
    crash_and_restart();
    EXPECT_EQ(connect()("MGET before k"), "*2\r\n$1\r\n1\r\n$1\r\nw\r\n");
}

TEST_F(Durability, AMultiKeyCommandIsAllOrNothingWhereverTheProcessDies) {
    for (uint64_t after = 1; after < 40; ++after) {
        disk = std::make_unique<SimDisk>(after);
        start();
        Connection& c = connect();
        ASSERT_EQ(c("MSET a 1 b 1"), "+OK\r\n");
        disk->stop_at(disk->operations() + after);
        std::string last = "1";
        for (int i = 2; i < 12 && !disk->stopped(); ++i) {
            const std::string n = std::to_string(i);
            const std::string reply =
                c("MULTI\nSET a " + n + "\nRENAME b x\nRENAME x b\nSET b " + n + "\nEXEC");
            if (reply.find("*4\r\n") != std::string::npos) last = n;
        }
        crash_and_restart();
        const std::string both = connect()("MGET a b");
        // Either nothing of the last, unacknowledged transaction, or all of it.
        const std::string next = std::to_string(std::stoi(last) + 1);
        const auto pair = [](const std::string& n) {
            const std::string bulk = "$" + std::to_string(n.size()) + "\r\n" + n + "\r\n";
            return "*2\r\n" + bulk + bulk;
        };
        EXPECT_TRUE(both == pair(last) || both == pair(next))
            << "died at operation " << after << ": " << both;
        stop(false);
    }
}

TEST_F(Durability, WithoutALogNothingIsWrittenButWhatIsThereIsLoaded) {
    start();
    ASSERT_EQ(connect()("SET old 1"), "+OK\r\n");
    stop();
    start({"--appendonly", "no"});
    Connection& c = connect();
    EXPECT_EQ(c("GET old"), "$1\r\n1\r\n");
    const uint64_t before = disk->used_bytes();
    EXPECT_EQ(c("SET new 1"), "+OK\r\n");
    EXPECT_EQ(disk->used_bytes(), before);
}

// CORRECTNESS 18
TEST_F(Durability, SwitchingTheLogOnWritesEveryLiveRecordBeforeItSaysOk) {
    start({"--appendonly", "no"});
    Connection& c = connect();
    for (int i = 0; i < 100; ++i) ASSERT_EQ(c("SET k" + std::to_string(i) + " v"), "+OK\r\n");
    EXPECT_NE(c("MULTI\nSET k0 v\nCONFIG SET appendonly yes\nEXEC").find("not inside a transaction"),
              std::string::npos);
    ASSERT_EQ(c("CONFIG SET appendonly yes"), "+OK\r\n");
    crash_and_restart();
    Connection& after = connect();
    EXPECT_EQ(after("DBSIZE"), ":100\r\n");
    EXPECT_EQ(after("GET k42"), "$1\r\nv\r\n");
}

TEST_F(Durability, ABackupWithoutALogHoldsWhatIsThere) {
    start({"--appendonly", "no"});
    ASSERT_EQ(connect()("SET k v"), "+OK\r\n");
    EXPECT_EQ(connect()("SAVE"), "");  // the reply comes when it's done
    node->maintenance_step();
    pass_ms(100);
    const std::string backups = node->core().store->segments().directory() + "/backups";
    const auto names = disk->list(backups);
    ASSERT_TRUE(names);
    ASSERT_EQ(names->size(), 1u);
    EXPECT_FALSE(node->core().store->log_enabled());
    stop();
    start({"--dir", backups + "/" + names->front()});
    EXPECT_EQ(connect()("GET k"), "$1\r\nv\r\n");
}

// CORRECTNESS 13: the reader's thread has written nothing itself.
TEST_F(Durability, AValueThatSomeoneHasReadIsNotLostByACrash) {
    start({}, 2);
    Connection& writer = connect(0);
    Connection& reader = connect(1);
    // The writer's command runs, but its loop doesn't come to the end of its turn.
    workers[0]->begin_turn();
    writer.client->input().append("SET k v\r\n");
    writer.client->on_input();
    reader.send_only("GET k\r\n");
    const std::string seen = reader.take();
    stop(false);
    disk->crash();
    start();
    EXPECT_EQ(connect()("GET k"), seen.empty() ? "$-1\r\n" : seen);
}

}  // namespace
}  // namespace torc
