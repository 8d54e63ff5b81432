#include "node/packed_commands.h"

#include <gmock/gmock.h>

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PackedCommands, ComeBackAsTheyWere) {
    PackedCommands commands;
    EXPECT_EQ(commands.count(), 0u);
    EXPECT_THAT(commands.views(), IsEmpty());
    commands.add({"SET", "k", std::string_view("a\0b", 3), ""});
    commands.add(std::vector<std::string>{"INCR", "n"});
    EXPECT_EQ(commands.count(), 2u);
    EXPECT_EQ(commands.name(), "SET");
    EXPECT_THAT(commands.views(), ElementsAre(ElementsAre("SET", "k", std::string_view("a\0b", 3), ""),
                                              ElementsAre("INCR", "n")));
}

}  // namespace
}  // namespace torc
