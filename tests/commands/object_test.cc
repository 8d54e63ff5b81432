#include <gtest/gtest.h>

#include <string>

#include "connected_node.h"

namespace torc::testing {
namespace {

class ObjectCommands : public ConnectedCommands {};

TEST_F(ObjectCommands, EncodingGoesByTheBytes) {
    const auto encoding = [&](std::string_view value) {
        run_words({"SET", "k", value});
        return run("OBJECT ENCODING k");
    };
    const std::string kInt = "$3\r\nint\r\n", kEmbstr = "$6\r\nembstr\r\n", kRaw = "$3\r\nraw\r\n";
    EXPECT_EQ(encoding("0"), kInt);
    EXPECT_EQ(encoding("-42"), kInt);
    EXPECT_EQ(encoding("9223372036854775807"), kInt);
    EXPECT_EQ(encoding("9223372036854775808"), kEmbstr);
    EXPECT_EQ(encoding("007"), kEmbstr);
    EXPECT_EQ(encoding(""), kEmbstr);
    EXPECT_EQ(encoding(std::string(44, 'x')), kEmbstr);
    EXPECT_EQ(encoding(std::string(45, 'x')), kRaw);
}

TEST_F(ObjectCommands, MissingKeysAreNull) {
    for (const std::string name : {"ENCODING", "FREQ", "IDLETIME", "REFCOUNT"}) {
        client.protocol = 2;
        EXPECT_EQ(run("OBJECT " + name + " k"), "$-1\r\n");
        use_resp3();
        EXPECT_EQ(run("OBJECT " + name + " k"), "_\r\n");
    }
}

TEST_F(ObjectCommands, IdleTimeAndFrequencyExcludeEachOther) {
    run("SET k v");
    keys().set_idle_seconds("k", 9);
    keys().set_frequency("k", 5);
    EXPECT_EQ(run("OBJECT IDLETIME k"), ":9\r\n");
    EXPECT_TRUE(run("OBJECT FREQ k").starts_with("-ERR An LFU maxmemory policy is not selected, access"));
    configure("maxmemory-policy", "volatile-lfu");
    EXPECT_EQ(run("OBJECT FREQ k"), ":5\r\n");
    EXPECT_TRUE(run("OBJECT IDLETIME k").starts_with("-ERR An LFU maxmemory policy is selected, idle time"));
    EXPECT_EQ(run("OBJECT REFCOUNT k"), ":1\r\n");
}

TEST_F(ObjectCommands, LooksCountButAreNoUse) {
    run("SET k v");
    keys().set_idle_seconds("k", 9);
    run("OBJECT ENCODING k");
    EXPECT_EQ(run("OBJECT IDLETIME k"), ":9\r\n");
    run("OBJECT ENCODING nosuch");
    EXPECT_EQ(world.hits, 2u);
    EXPECT_EQ(world.misses, 1u);
}

TEST_F(ObjectCommands, HelpEndsWithItself) {
    const std::string help = run("OBJECT HELP");
    EXPECT_TRUE(help.starts_with("*11\r\n+OBJECT <subcommand>"));
    EXPECT_TRUE(help.ends_with("+HELP\r\n+    Prints this help.\r\n"));
}

}  // namespace
}  // namespace torc::testing
