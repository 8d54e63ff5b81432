#include <gtest/gtest.h>

#include "map_keyspace.h"

namespace torc::testing {
namespace {

class ModuleTest : public ::testing::Test, public CommandRunner {};

TEST_F(ModuleTest, ThereAreNone) {
    EXPECT_EQ(run("MODULE LIST"), "*0\r\n");
    for (const char* line : {"MODULE LOAD /a.so", "MODULE LOADEX /a.so ARGS b", "MODULE UNLOAD a"})
        EXPECT_EQ(run(line), "-ERR Torc loads no modules\r\n") << line;
}

}  // namespace
}  // namespace torc::testing
