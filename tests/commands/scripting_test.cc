#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"
#include "types/dump_payload.h"

namespace torc::testing {
namespace {

class ScriptingTest : public ::testing::Test, public CommandRunner {};

TEST_F(ScriptingTest, ThereAreNoScripts) {
    EXPECT_EQ(run("SCRIPT FLUSH"), kOk);
    EXPECT_EQ(run("SCRIPT FLUSH sync"), kOk);
    EXPECT_EQ(run("SCRIPT FLUSH now"), "-ERR SCRIPT FLUSH only support SYNC|ASYNC option\r\n");
    EXPECT_EQ(run("SCRIPT EXISTS a b"), "*2\r\n:0\r\n:0\r\n");
    EXPECT_EQ(run("SCRIPT KILL"), "-NOTBUSY No scripts in execution right now.\r\n");
    EXPECT_EQ(run("SCRIPT DEBUG no"), kOk);
}

TEST_F(ScriptingTest, NothingIsLoaded) {
    for (const char* line : {"SCRIPT LOAD x", "SCRIPT DEBUG yes", "SCRIPT DEBUG sync"})
        EXPECT_EQ(run(line), "-ERR Torc runs no scripts\r\n") << line;
    for (const char* line : {"FUNCTION LOAD x", "FUNCTION LOAD REPLACE x"})
        EXPECT_EQ(run(line), "-ERR Torc runs no functions\r\n") << line;
}

TEST_F(ScriptingTest, ThereAreNoFunctions) {
    EXPECT_EQ(run("FUNCTION FLUSH async"), kOk);
    EXPECT_EQ(run("FUNCTION LIST LIBRARYNAME a* WITHCODE"), "*0\r\n");
    EXPECT_EQ(run("FUNCTION STATS"), "*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*0\r\n");
    EXPECT_EQ(run("FUNCTION DELETE lib"), "-ERR Library not found\r\n");
    EXPECT_EQ(run("FUNCTION KILL"), "-NOTBUSY No scripts in execution right now.\r\n");
}

TEST_F(ScriptingTest, OnlyADumpOfNothingIsRestored) {
    const std::string nothing = dump_of_nothing();
    EXPECT_EQ(run("FUNCTION DUMP"), bulk(nothing));
    EXPECT_EQ(run_words({"FUNCTION", "RESTORE", nothing}), kOk);
    EXPECT_EQ(run_words({"FUNCTION", "RESTORE", nothing, "replace"}), kOk);
    EXPECT_TRUE(
        run_words({"FUNCTION", "RESTORE", nothing, "maybe"}).starts_with("-ERR Wrong restore policy"));
    EXPECT_EQ(run_words({"FUNCTION", "RESTORE", dump_string("library", false)}),
              "-ERR Torc runs no functions\r\n");
    EXPECT_EQ(run_words({"FUNCTION", "RESTORE", "x"}), "-ERR DUMP payload version or checksum are wrong\r\n");
}

}  // namespace
}  // namespace torc::testing
