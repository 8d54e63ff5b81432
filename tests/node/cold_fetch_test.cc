// Data larger than memory, through a whole node.
#include "node/cold_fetch.h"

#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class ColdKeys : public NodeFixture {
  public:
    /// Writes keys k0 .. k(count-1) with values of 1000 bytes, far more than maxmemory.
    void fill(Connection& c, int count) {
        for (int i = 0; i < count; ++i)
            ASSERT_EQ(c("SET k" + std::to_string(i) + " " + value(i)), "+OK\r\n") << i;
    }
    static std::string value(int i) { return std::string(1000, static_cast<char>('a' + i % 26)); }
    uint64_t cold() { return node->core().store->stats().keys - node->core().store->stats().resident_keys; }

    // 1024 shards' fixed memory is counted too, so the limit is relative to the empty store.
    void start_small() {
        start();
        const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
        ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    }
};

TEST_F(ColdKeys, EveryKeyIsReadBackWhetherInMemoryOrNot) {
    start_small();
    Connection& c = connect();
    fill(c, 500);
    EXPECT_GT(cold(), 300u);
    for (int i = 0; i < 500; ++i)
        ASSERT_EQ(c("GET k" + std::to_string(i)), "$1000\r\n" + value(i) + "\r\n") << i;
}

TEST_F(ColdKeys, EveryCommandThatNeedsAColdValueGetsIt) {
    start_small();
    Connection& c = connect();
    ASSERT_EQ(c("SET n 41"), "+OK\r\n");
    ASSERT_EQ(c("SET doomed x EX 100"), "+OK\r\n");
    fill(c, 500);
    EXPECT_EQ(c("INCR n"), ":42\r\n");
    EXPECT_EQ(c("EXISTS k1 k2 k3 nosuch"), ":3\r\n");
    EXPECT_EQ(c("STRLEN k7"), ":1000\r\n");
    EXPECT_EQ(c("RENAME k8 renamed"), "+OK\r\n");
    EXPECT_EQ(c("DEL k9 k10"), ":2\r\n");
    EXPECT_EQ(c("EXISTS k8 k9 k10 renamed"), ":1\r\n");
    EXPECT_EQ(c("TTL doomed"), ":100\r\n");
    EXPECT_EQ(c("MOVE k11 1"), ":1\r\n");
    EXPECT_EQ(c("MULTI\nGET k12\nSELECT 1\nEXISTS k11\nSELECT 0\nEXEC"),
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n$1000\r\n" + value(12) +
                  "\r\n+OK\r\n:1\r\n+OK\r\n");
}

TEST_F(ColdKeys, WalkingNamesKeysThatAreOnlyOnDisk) {
    start_small();
    Connection& c = connect();
    fill(c, 300);
    EXPECT_GT(cold(), 100u);
    const std::string all = c("KEYS *");
    EXPECT_EQ(all.substr(0, all.find('\r')), "*300");
    EXPECT_EQ(c("DBSIZE"), ":300\r\n");
    for (int i = 0; i < 50; ++i) EXPECT_EQ(c("RANDOMKEY")[0], '$');
    const std::string inside = c("MULTI\nKEYS *\nEXEC");
    EXPECT_NE(inside.find("*300\r\n"), std::string::npos);
}

TEST_F(ColdKeys, AKeyChangedWhileItIsFetchedIsSeenAsItIsNow) {
    start_small();
    Connection& c = connect();
    fill(c, 500);
    int cold_key = 0;
    Store& store = *node->core().store;
    const auto is_cold = [&](int i) {
        const std::string name = "k" + std::to_string(i);
        return store.lookup(0, make_key_ref(name, store.hash_seed())).state == Lookup::State::cold;
    };
    while (!is_cold(cold_key)) ++cold_key;
    const std::string name = "k" + std::to_string(cold_key);
    c.send_only("GET " + name + "\r\n");
    EXPECT_EQ(c.take(), "");  // the read is under way, and takes its time
    auto slow_read = std::move(hosts[0]->blocking.front());
    hosts[0]->blocking.clear();
    Connection& other = connect();
    EXPECT_EQ(other("SET " + name + " new"), "+OK\r\n");
    hosts[0]->run_blocking(std::move(slow_read));
    settle();
    EXPECT_EQ(c.take(), "$3\r\nnew\r\n");
}

// CORRECTNESS 7: keys that are fetched, evicted again before the command runs, fetched again, and so on for
// ever.
TEST_F(ColdKeys, ACommandWhoseKeysExceedTheMemoryComesToAnEnd) {
    start_small();
    Connection& c = connect();
    fill(c, 500);
    std::string command = "MGET";
    for (int i = 0; i < 500; ++i) command += " k" + std::to_string(i);
    const std::string reply = c(command);
    EXPECT_EQ(reply.substr(0, 6), "*500\r\n");
    EXPECT_EQ(reply.find("$-1"), std::string::npos);
    pass_ms(1000);
    EXPECT_GT(cold(), 300u);  // and the memory is given back
}

// CORRECTNESS 18
TEST_F(ColdKeys, AnEvictionPolicyReallyDeletes) {
    start({"--maxmemory-policy", "allkeys-lru"});
    const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
    ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    Connection& c = connect();
    fill(c, 500);
    EXPECT_LT(node->core().store->db_size(0), 200u);
    EXPECT_EQ(cold(), 0u);
    // And stays deleted.
    const std::string size = c("DBSIZE");
    stop();
    start();
    EXPECT_EQ(connect()("DBSIZE"), size);
}

TEST_F(ColdKeys, WithoutALogNoEvictionAnswersOutOfMemory) {
    start({"--appendonly", "no"});
    const uint64_t limit = node->core().store->used_bytes() + 64 * 1024;
    ASSERT_TRUE(config->set({{"maxmemory", std::to_string(limit)}}));
    Connection& c = connect();
    std::string reply;
    for (int i = 0; i < 500 && reply.substr(0, 1) != "-"; ++i)
        reply = c("SET k" + std::to_string(i) + " " + value(i));
    EXPECT_EQ(reply, "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    EXPECT_EQ(c("GET k0"), "$1000\r\n" + value(0) + "\r\n");
    EXPECT_EQ(c("DEL k0"), ":1\r\n");
}

}  // namespace
}  // namespace torc
