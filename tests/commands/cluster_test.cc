#include <gtest/gtest.h>

#include "cluster/slots.h"
#include "cluster_fixture.h"

namespace torc::testing {
namespace {

class ClusterTest : public ClusterCommands {};

TEST_F(ClusterTest, EverythingIsRefusedWithoutACluster) {
    here.cluster_view = nullptr;
    for (const char* line : {"CLUSTER INFO",
                             "CLUSTER MYID",
                             "CLUSTER MYSHARDID",
                             "CLUSTER SLOTS",
                             "CLUSTER SHARDS",
                             "CLUSTER NODES",
                             "CLUSTER LINKS",
                             "CLUSTER KEYSLOT a",
                             "CLUSTER COUNTKEYSINSLOT x",
                             "CLUSTER GETKEYSINSLOT 1 1",
                             "CLUSTER REPLICAS x",
                             "CLUSTER SLAVES x",
                             "CLUSTER MEET x y",
                             "CLUSTER FORGET x",
                             "CLUSTER RESET x",
                             "CLUSTER COUNT-FAILURE-REPORTS x",
                             "CLUSTER BUMPEPOCH",
                             "CLUSTER SAVECONFIG",
                             "CLUSTER SET-CONFIG-EPOCH x",
                             "CLUSTER ADDSLOTS 1",
                             "CLUSTER FAILOVER",
                             "CLUSTER HELP",
                             "READONLY",
                             "READWRITE",
                             "ASKING"})
        EXPECT_EQ(run(line), kNoCluster) << line;
    EXPECT_FALSE(client.readonly);
}

TEST_F(ClusterTest, WhoAmI) {
    EXPECT_EQ(run("CLUSTER MYID"), bulk(node_name(1)));
    EXPECT_EQ(run("CLUSTER MYSHARDID"), bulk(node_name(1)));
}

TEST_F(ClusterTest, ReadonlyIsAFlagOfTheConnection) {
    EXPECT_EQ(run("READONLY"), kOk);
    EXPECT_TRUE(client.readonly);
    EXPECT_NE(run("CLIENT INFO").find(" flags=r "), std::string::npos);
    EXPECT_EQ(run("ASKING"), kOk);
    EXPECT_TRUE(client.readonly);
    EXPECT_EQ(run("READWRITE"), kOk);
    EXPECT_FALSE(client.readonly);
    run("READONLY");
    run("RESET");
    EXPECT_FALSE(client.readonly);
}

TEST_F(ClusterTest, KeysOfASlot) {
    const std::string slot = std::to_string(key_slot("{t}"));
    for (const char* key : {"{t}a", "{t}b", "{t}c", "elsewhere"}) run(std::string("SET ") + key + " v");
    EXPECT_EQ(run("CLUSTER KEYSLOT {t}a"), integer(key_slot("{t}")));
    EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT " + slot), integer(3));
    EXPECT_EQ(run("CLUSTER GETKEYSINSLOT " + slot + " 2"), "*2\r\n$4\r\n{t}a\r\n$4\r\n{t}b\r\n");
    EXPECT_EQ(run("CLUSTER GETKEYSINSLOT " + slot + " 0"), "*0\r\n");
    keys().set_expiry("{t}a", world.now_ms);
    EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT " + slot), integer(2));
}

TEST_F(ClusterTest, SlotsAreChecked) {
    for (const char* line : {"CLUSTER COUNTKEYSINSLOT 16384", "CLUSTER COUNTKEYSINSLOT -1"})
        EXPECT_EQ(run(line), "-ERR Invalid slot\r\n") << line;
    for (const char* line : {"CLUSTER GETKEYSINSLOT 16384 1", "CLUSTER GETKEYSINSLOT 1 -1"})
        EXPECT_EQ(run(line), "-ERR Invalid slot or number of keys\r\n") << line;
    for (const char* line :
         {"CLUSTER COUNTKEYSINSLOT x", "CLUSTER GETKEYSINSLOT x 1", "CLUSTER GETKEYSINSLOT 99999 x"})
        EXPECT_EQ(run(line), kNotIntegerError) << line;
}

TEST_F(ClusterTest, HelpNamesEachSubcommandThatDoesSomething) {
    const std::string help = run("CLUSTER HELP");
    for (const char* name :
         {"\r\n+SLOTS\r\n", "\r\n+SHARDS\r\n", "\r\n+MEET <host>", "\r\n+RESET [HARD|SOFT]\r\n"})
        EXPECT_NE(help.find(name), std::string::npos) << name;
}

TEST_F(ClusterTest, OtherDatabasesAreRefused) {
    EXPECT_EQ(run("SELECT 0"), kOk);
    EXPECT_EQ(run("SELECT 1"), "-ERR SELECT is not allowed in cluster mode\r\n");
    EXPECT_EQ(client.db, 0u);
    EXPECT_NE(run("HELLO").find("$4\r\nmode\r\n$7\r\ncluster\r\n"), std::string::npos);
    here.cluster_view = nullptr;
    EXPECT_EQ(run("SELECT 1"), kOk);
}

}  // namespace
}  // namespace torc::testing
