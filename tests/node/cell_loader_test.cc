#include "node/cell_loader.h"

#include <gmock/gmock.h>

#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::HasSubstr;

class Loading : public ClusterFixture {
  protected:
    /// A directory as a node without a cluster leaves it.
    void fill_plain(int keys) {
        start();
        Connection& client = connect();
        for (int i = 0; i < keys; ++i) client("SET k" + std::to_string(i) + " v" + std::to_string(i));
        client("SET timed v PX 100000");
        client("SET gone v PX 1");
        client("INCR counter");
        stop();
    }
    void begin_cluster() {
        start_node();
        ring = found_ring(kClusterId, 1, member(self));
        settle_all();
        publish();
    }
    void expect_all(int keys) {
        expect_recount(*node->core().store, core());
        Connection& client = connect();
        for (int i = 0; i < keys; ++i) {
            const std::string value = "v" + std::to_string(i);
            ASSERT_EQ(client("GET k" + std::to_string(i)),
                      "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n");
        }
        EXPECT_EQ(client("GET counter"), "$1\r\n1\r\n");
    }
    /// Opens and loads without expecting anything.
    Result<void> try_start() {
        config = std::make_unique<Config>();
        EXPECT_TRUE(config->load({"--dir", "data", "--io-threads", "1", "--cluster-enabled", "yes",
                                  "--cluster-seeds", "127.0.0.1:1"}));
        node = std::make_unique<Node>(*config, Node::Environment{*disk, clock, 42, [] {}});
        if (auto opened = node->open(); !opened) return opened;
        return node->load();
    }
};

TEST_F(Loading, APlainDirectoryIsAdopted) {
    fill_plain(100);
    begin_cluster();
    expect_all(100);
    Connection& client = connect();
    EXPECT_EQ(client("INCR counter"), ":2\r\n");
    const std::string ttl = client("PTTL timed");
    EXPECT_GT(std::stoi(ttl.substr(1)), 90'000);
    clock.advance_ms(10);
    EXPECT_EQ(client("EXISTS gone"), ":0\r\n");
}

TEST_F(Loading, ARestartFindsCountsAndTreesAsTheyWere) {
    fill_plain(50);
    begin_cluster();
    Connection& client = connect();
    client("DEL k7");
    client("SET k8 new");
    client("PEXPIRE k9 100000");
    const Recount before = recount(*node->core().store);
    const Stamp last = core().stamps.last();
    stop_cluster();
    begin_cluster();
    EXPECT_EQ(recount(*node->core().store).entries, before.entries);
    expect_recount(*node->core().store, core());
    EXPECT_GE(core().stamps.last(), last);
    EXPECT_EQ(connect()("GET k8"), "$3\r\nnew\r\n");
    EXPECT_EQ(connect()("EXISTS k7"), ":0\r\n");
}

TEST_F(Loading, ACrashInTheMiddleOfAdoptionIsRepeated) {
    fill_plain(40);
    const uint64_t begin = disk->operations();
    ASSERT_TRUE(try_start());
    const uint64_t end = disk->operations();
    stop(false);
    ASSERT_GT(end, begin + 3);
    // At each operation of a start, from this directory.
    for (uint64_t at = 1; at <= end - begin; ++at) {
        SCOPED_TRACE(at);
        disk = std::make_unique<SimDisk>(7 + at);
        fill_plain(40);
        disk->stop_at(disk->operations() + at);
        (void)try_start();
        stop(false);
        disk->crash();
        begin_cluster();
        expect_all(40);
        stop_cluster();
    }
}

TEST_F(Loading, AnOperationThatFailsIsAnErrorOrWasNotNeeded) {
    fill_plain(20);
    const uint64_t begin = disk->read_operations();
    ASSERT_TRUE(try_start());
    const uint64_t reads = disk->read_operations() - begin;
    stop(false);
    for (uint64_t at = 1; at <= reads; ++at) {
        SCOPED_TRACE(at);
        disk = std::make_unique<SimDisk>(7 + at);
        fill_plain(20);
        disk->fail_read_at(disk->read_operations() + at, ErrorKind::io, false);
        if (try_start()) expect_recount(*node->core().store, core());
        stop(false);
        disk->crash();
        disk->clear_faults();
        begin_cluster();
        expect_all(20);
        stop_cluster();
    }
}

TEST_F(Loading, OtherDatabasesAreRefused) {
    start();
    Connection& client = connect();
    client("SELECT 3\nSET k v");
    stop();
    const auto started = try_start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::refused);
    EXPECT_THAT(started.error().message, HasSubstr("database 3 of this directory holds 1 keys"));
    stop();
}

TEST_F(Loading, ExchangedDatabasesAreRefused) {
    start();
    Connection& client = connect();
    client("SET k v");
    client("SWAPDB 0 3\nSELECT 3");
    EXPECT_EQ(client("GET k"), "$1\r\nv\r\n");
    stop();
    EXPECT_FALSE(try_start());
    stop();
}

TEST_F(Loading, WithoutAClusterItsDirectoryIsRefused) {
    begin_cluster();
    stop_cluster();
    config = std::make_unique<Config>();
    ASSERT_TRUE(config->load({"--dir", "data", "--io-threads", "1"}));
    node = std::make_unique<Node>(*config, Node::Environment{*disk, clock, 42, [] {}});
    const auto opened = node->open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("cluster-enabled yes"));
}

}  // namespace
}  // namespace torc
