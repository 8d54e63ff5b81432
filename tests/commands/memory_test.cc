#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_node.h"

namespace torc::testing {
namespace {

using ::testing::HasSubstr;

class MemoryTest : public ServerCommands {};

TEST_F(MemoryTest, Usage) {
    EXPECT_EQ(run("MEMORY USAGE nosuch"), kNull);
    keys().put("key", ValueType::string, "12345", kNoExpiry);
    EXPECT_EQ(run("MEMORY USAGE key"), integer(8));
    EXPECT_EQ(run("MEMORY USAGE key SAMPLES 0"), integer(8));
    EXPECT_EQ(run("MEMORY USAGE key SAMPLES -1"), kSyntaxError);
    EXPECT_EQ(run("MEMORY USAGE key SAMPLES x"), kNotIntegerError);
    EXPECT_EQ(run("MEMORY USAGE key SAMPLES"), kSyntaxError);
    EXPECT_EQ(run("MEMORY USAGE key ALL 1"), kSyntaxError);
}

TEST_F(MemoryTest, StatsHaveAMapPerDatabase) {
    here.told.memory.used = 3000;
    here.told.memory.startup = 1000;
    here.told.memory.peak = 4000;
    here.told.memory.keys = 4;
    here.told.memory.index_bytes = 800;
    here.told_databases = {{2, 4, 0, 0}};
    use_resp3();
    const std::string reply = run("MEMORY STATS");
    EXPECT_TRUE(reply.starts_with("%28\r\n$14\r\npeak.allocated\r\n:4000\r\n"));
    EXPECT_THAT(reply, HasSubstr("$4\r\ndb.2\r\n%3\r\n$23\r\noverhead.hashtable.main\r\n:800\r\n"));
    EXPECT_THAT(reply, HasSubstr("keys.bytes-per-key\r\n:500\r\n"));
    EXPECT_THAT(reply, HasSubstr("$13\r\ndataset.bytes\r\n:1200\r\n$18\r\ndataset.percentage\r\n,60\r\n"));
    EXPECT_THAT(reply, HasSubstr("$15\r\npeak.percentage\r\n,75\r\n"));
}

TEST_F(MemoryTest, DoctorNamesWhatIsWrong) {
    EXPECT_THAT(run("MEMORY DOCTOR"), HasSubstr("hardly any data"));
    here.told.memory.used = here.told.memory.peak = here.told.memory.rss = 100 << 20;
    EXPECT_THAT(run("MEMORY DOCTOR"), HasSubstr("Nothing about the memory looks wrong"));
    here.told.memory.peak = 300 << 20;
    here.told.memory.rss = 200 << 20;
    configure({"--maxmemory", "50mb"});
    const std::string report = run("MEMORY DOCTOR");
    EXPECT_THAT(report, HasSubstr("fuller once"));
    EXPECT_THAT(report, HasSubstr("fragmentation"));
    EXPECT_THAT(report, HasSubstr("above maxmemory"));
}

TEST_F(MemoryTest, PurgeAndAllocator) {
    EXPECT_EQ(run("MEMORY PURGE"), kOk);
    EXPECT_EQ(here.purges, 1);
    here.told.memory.allocator = "mimalloc-2";
    EXPECT_THAT(run("MEMORY MALLOC-STATS"), HasSubstr("allocator: mimalloc-2"));
}

}  // namespace
}  // namespace torc::testing
